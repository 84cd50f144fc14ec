// SPDX-License-Identifier: Apache-2.0
import type { Module } from '../../core/module.ts';
import { beginBlock, endBlock } from './block.ts';
import { genesis } from './genesis.ts';
import { invariants } from './invariants.ts';
import { messages } from './msgs.ts';
import { queries } from './queries.ts';
import { STORE } from './state.ts';
import { MODULE } from './types.ts';

export { defaultGenesis as defaultPogoGenesis } from './genesis.ts';
export { defaultParams as defaultPogoParams } from './params.ts';

export const pogo: Module = {
  name: MODULE,
  stores: [STORE],
  messages,
  queries,
  genesis,
  beginBlock,
  endBlock(ctx) {
    endBlock(ctx);
    return [];
  },
  invariants,
};
