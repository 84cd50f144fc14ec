// SPDX-License-Identifier: Apache-2.0
// Key-based pages over a collection (cosmos.base.query.v1beta1).
import type { PageRequest, PageResponse } from '../proto/gen/cosmos.base.query.v1beta1.ts';
import { concatBytes } from './bytes.ts';
import type { KeyMap } from './collections.ts';
import type { ReadContext } from './context.ts';
import { errInvalidRequest } from './errors.ts';

/** Entries that one page may hold, and that one query may skip or count. */
const MAX_LIMIT = 1000n;
const MAX_VISITED = 100_000;

export interface Page<T> {
  readonly items: readonly T[];
  readonly pagination: PageResponse;
}

interface Bounds {
  readonly key: Uint8Array;
  readonly offset: bigint;
  readonly limit: bigint;
  readonly count: boolean;
  readonly reverse: boolean;
}

/** A limit of 0 means 100 and turns counting on; a page by key never counts. Key and offset together are refused. */
function boundsOf(request: PageRequest | undefined): Bounds {
  const key = request?.key ?? new Uint8Array(0);
  const offset = request?.offset ?? 0n;
  if (key.length > 0 && offset > 0n) throw errInvalidRequest('pagination: either key or offset is expected, not both');
  const asked = request?.limit ?? 0n;
  const limit = asked === 0n ? 100n : asked > MAX_LIMIT ? MAX_LIMIT : asked;
  return { key, offset, limit, count: key.length === 0 && (request?.countTotal === true || asked === 0n), reverse: request?.reverse === true };
}

/** One page of `map` whose entries share the encoded key parts `prefix` and for which `select` gives a value. */
export function paginate<K, V, T>(
  ctx: ReadContext,
  map: KeyMap<K, V>,
  request: PageRequest | undefined,
  select: (key: K, value: V) => T | undefined,
  prefix: Uint8Array = new Uint8Array(0),
): Page<T> {
  const bounds = boundsOf(request);
  const items: T[] = [];
  let seen = 0n;
  let visited = 0;
  // A reverse iteration ends before its bound, so there the key handed out is that of the last entry given.
  let nextKey: Uint8Array | undefined;
  let lastKey: Uint8Array = new Uint8Array(0);
  const start = bounds.key.length > 0 ? { start: concatBytes(prefix, bounds.key) } : {};
  for (const [k, v] of map.entries(ctx, { prefix, reverse: bounds.reverse, ...start })) {
    if (++visited > MAX_VISITED) throw errInvalidRequest(`pagination: more than ${MAX_VISITED} entries; use key instead of offset and do not count`);
    const value = select(k, v);
    if (value === undefined) continue;
    if (++seen <= bounds.offset) continue;
    const own = map.key.encode(k).slice(prefix.length);
    if (BigInt(items.length) < bounds.limit) {
      items.push(value);
      lastKey = own;
      continue;
    }
    nextKey ??= bounds.reverse ? lastKey : own;
    if (!bounds.count) break;
  }
  return { items, pagination: { nextKey: nextKey ?? new Uint8Array(0), total: bounds.count ? seen : 0n } };
}
