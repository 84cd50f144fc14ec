// SPDX-License-Identifier: Apache-2.0
import type { ReadContext } from '../../core/context.ts';
import { validatorByConsensusAddress } from '../staking/index.ts';
import { missedIndexes } from './bitmap.ts';
import { getParams } from './keeper.ts';
import * as state from './state.ts';

/** Counters match the bitmaps within the window, and no tombstoned validator is free. */
export function invariants(ctx: ReadContext): readonly string[] {
  const violations: string[] = [];
  const { signedBlocksWindow } = getParams(ctx);
  for (const [address, info] of state.infos.entries(ctx)) {
    const missed = missedIndexes(ctx, address);
    if (BigInt(missed.length) !== info.missedBlocksCounter)
      violations.push(`slashing: ${info.address} counts ${info.missedBlocksCounter} missed blocks, its bitmap ${missed.length}`);
    if (missed.some((index) => index >= signedBlocksWindow)) violations.push(`slashing: ${info.address} missed a block outside its window`);
    if (info.tombstoned && validatorByConsensusAddress(ctx, address)?.jailed === false)
      violations.push(`slashing: ${info.address} is tombstoned, but not jailed`);
  }
  for (const [[address]] of state.missed.entries(ctx)) {
    if (!state.infos.has(ctx, address)) violations.push('slashing: missed blocks of an address without signing info');
  }
  return violations;
}
