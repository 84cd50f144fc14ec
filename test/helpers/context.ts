// SPDX-License-Identifier: Apache-2.0
import type { BlockInfo, Context } from '../../core/context.ts';
import { createContext } from '../../core/execute.ts';
import { DEFAULT_GAS_TABLE, freeMeter } from '../../core/gas.ts';
import { Overlay } from '../../core/overlay.ts';
import { storeNames } from '../../modules/index.ts';
import { memoryStore } from '../../store/memory.ts';
import { testCrypto } from './crypto.ts';
import { CHAIN } from './fixture.ts';
import { GENESIS_TIME } from './mockcomet.ts';

const EMPTY = new Uint8Array(0);

/** A context over an empty state, for tests of single transitions. */
export function transitionContext(block: Partial<BlockInfo> = {}): Context {
  const info: BlockInfo = { height: 1n, time: GENESIS_TIME, hash: EMPTY, proposer: EMPTY, lastCommit: [], misbehavior: [], ...block };
  const overlay = new Overlay(memoryStore({ stores: storeNames }).latest());
  return createContext({ chain: CHAIN, gasTable: DEFAULT_GAS_TABLE, crypto: testCrypto, block: info }, overlay, 'deliver', freeMeter());
}
