// SPDX-License-Identifier: Apache-2.0
import type { Context } from '../../core/context.ts';
import { moveBeacon } from './beacon.ts';
import { releaseDue } from './bonds.ts';
import { pruneClaims } from './frauds.ts';
import { getParams } from './keeper.ts';
import { advance, challenge } from './rounds.ts';
import * as state from './state.ts';

/** Moves the beacon, challenges the rounds that waited for it, forgets old claims. */
export function beginBlock(ctx: Context): void {
  pruneClaims(ctx);
  if (moveBeacon(ctx) === undefined) return;
  // As many as rounds are open, which max_open_rounds bounds.
  for (const [id] of [...state.awaiting.entries(ctx)]) challenge(ctx, id);
}

/** Looks at the jobs that are due, the longest waiting first, then releases what has unbonded. */
export function endBlock(ctx: Context): void {
  const { maxDuePerBlock } = getParams(ctx);
  const due: bigint[] = [];
  for (const [[height, id]] of state.wakes.entries(ctx)) {
    if (height > ctx.block.height || due.length >= maxDuePerBlock) break;
    due.push(id);
  }
  for (const id of due) advance(ctx, id);
  releaseDue(ctx);
}
