// SPDX-License-Identifier: Apache-2.0
// The randomness of each height, behind one interface.

import { utf8 } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import type { Beacon } from '../../proto/gen/pogo.v1.ts';
import { DOMAIN, domainHash, prefixed } from './domains.ts';
import * as state from './state.ts';

export interface BeaconSource {
  /** As queries name it. */
  readonly kind: string;
  /** The beacon of this block; undefined when the height has none, so that rounds wait. */
  next(ctx: Context, previous: Beacon): Uint8Array | undefined;
}

/**
 * H(domain, previous beacon, block hash). Weak: the proposer of a block can try other contents until the hash suits it;
 * sound against everybody else. Meant for networks whose proposers do not mine.
 */
export const weakBeacon: BeaconSource = {
  kind: 'weak',
  next: (ctx, previous) => domainHash(DOMAIN.beacon, previous.value, prefixed(ctx.block.hash)),
};

/** The beacon before the first block, from the chain's name. */
export function firstBeacon(chainId: string, source: BeaconSource = weakBeacon): Beacon {
  return { height: 0n, value: domainHash(DOMAIN.beacon, prefixed(utf8(chainId))), kind: source.kind };
}

/** Moves the beacon at the start of a block; undefined when this height has none. */
export function moveBeacon(ctx: Context, source: BeaconSource = weakBeacon): Beacon | undefined {
  const value = source.next(ctx, state.beacon.need(ctx));
  if (value === undefined) return undefined;
  const beacon: Beacon = { height: ctx.block.height, value, kind: source.kind };
  state.beacon.set(ctx, beacon);
  return beacon;
}
