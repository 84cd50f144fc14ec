// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { ChainState } from '../../core/chainstate.ts';
import type { ReadContext } from '../../core/context.ts';
import { createContext } from '../../core/execute.ts';
import { freeMeter } from '../../core/gas.ts';
import type { Module } from '../../core/module.ts';
import { Overlay } from '../../core/overlay.ts';
import type { MultiReadStore } from '../../core/store.ts';
import { testCrypto } from './crypto.ts';

const EMPTY = new Uint8Array(0);

/** A reader of a state, as queries get one. */
export function readContext(chainState: ChainState, state: MultiReadStore, height: bigint, time = 0n): ReadContext {
  const { chain, gasTable } = chainState.read(state);
  const block = { height, time, hash: EMPTY, proposer: EMPTY, lastCommit: [], misbehavior: [] };
  return createContext({ chain, gasTable, crypto: testCrypto, block }, new Overlay(state), 'query', freeMeter());
}

/** Asserts that no module finds fault with its state. */
export function assertInvariants(modules: readonly Module[], ctx: ReadContext): void {
  const violations = modules.flatMap((m) => m.invariants?.(ctx) ?? []);
  assert.deepEqual(violations, [], `invariants at height ${ctx.block.height}`);
}
