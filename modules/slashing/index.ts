// SPDX-License-Identifier: Apache-2.0
import type { Module } from '../../core/module.ts';
import { genesis } from './genesis.ts';
import { invariants } from './invariants.ts';
import { handleMisbehavior, handleVote } from './keeper.ts';
import { messages } from './msgs.ts';
import { queries } from './queries.ts';
import { STORE } from './state.ts';

export { defaultGenesis as defaultSlashingGenesis } from './genesis.ts';
export { getParams as getSlashingParams, getSigningInfo } from './keeper.ts';

export const slashing: Module = {
  name: 'slashing',
  stores: [STORE],
  messages,
  queries,
  genesis,
  beginBlock(ctx) {
    for (const vote of ctx.block.lastCommit) handleVote(ctx, vote);
    for (const m of ctx.block.misbehavior) handleMisbehavior(ctx, m);
  },
  invariants,
};
