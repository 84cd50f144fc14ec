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

/**
 * One page of `map` whose entries share the encoded key parts `prefix` and for which `select` gives a value.
 * A limit of 0 means 100 and turns counting on; key and offset together are refused.
 */
export function paginate<K, V, T>(
  ctx: ReadContext,
  map: KeyMap<K, V>,
  request: PageRequest | undefined,
  select: (key: K, value: V) => T | undefined,
  prefix: Uint8Array = new Uint8Array(0),
): Page<T> {
  const key = request?.key ?? new Uint8Array(0);
  const offset = request?.offset ?? 0n;
  if (key.length > 0 && offset > 0n) throw errInvalidRequest('pagination: either key or offset is expected, not both');
  const asked = request?.limit ?? 0n;
  const limit = asked === 0n ? 100n : asked > MAX_LIMIT ? MAX_LIMIT : asked;
  const count = request?.countTotal === true || asked === 0n;
  const reverse = request?.reverse === true;
  const items: T[] = [];
  let seen = 0n;
  let visited = 0;
  let nextKey: Uint8Array = new Uint8Array(0);
  // A reverse page starts below its key, so the key handed out is that of the last entry given.
  let lastKey: Uint8Array = new Uint8Array(0);
  const start = key.length > 0 ? { start: concatBytes(prefix, key) } : {};
  for (const [k, v] of map.entries(ctx, { prefix, reverse, ...start })) {
    if (++visited > MAX_VISITED) throw errInvalidRequest(`pagination: more than ${MAX_VISITED} entries; use key instead of offset and do not count`);
    const value = select(k, v);
    if (value === undefined) continue;
    seen++;
    if (seen <= offset) continue;
    const own = map.key.encode(k).slice(prefix.length);
    if (BigInt(items.length) < limit) {
      items.push(value);
      lastKey = own;
    } else {
      if (nextKey.length === 0) nextKey = reverse ? lastKey : own;
      if (!count || key.length > 0) break;
    }
  }
  return { items, pagination: { nextKey, total: count && key.length === 0 ? seen : 0n } };
}
