// SPDX-License-Identifier: Apache-2.0
// The application under a consensus that dies, repeats itself or comes from another chain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../core/json.ts';
import { toTimestamp } from '../../core/time.ts';
import type * as abci from '../../proto/gen/tendermint.abci.ts';
import { balance, CHAIN, coinsSend, fixture, genesisOf, type Signer } from '../helpers/fixture.ts';
import { GENESIS_TIME, type MockComet } from '../helpers/mockcomet.ts';

const START = 1_000_000_000_000n;

function initChain(accounts: readonly Signer[], initialHeight = 1n): abci.RequestInitChain {
  const appStateBytes = new TextEncoder().encode(canonicalJson(genesisOf(accounts, START)));
  return { time: toTimestamp(GENESIS_TIME), chainId: CHAIN.chainId, consensusParams: undefined, validators: [], appStateBytes, initialHeight };
}

test('a repeated InitChain starts anew: nothing of the one before is left', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  const tx = coinsSend(a, b, 5n);
  const first = comet.app.finalizeBlock(comet.request([tx]));
  // The node dies before the commit and comes back with its genesis; the application has lived on.
  comet.app.initChain(initChain(accounts));
  assert.deepEqual(comet.app.finalizeBlock(comet.request([tx])), first);
  await comet.app.commit();
  assert.equal(balance(comet, b.address), START + 5n);
  assert.throws(() => comet.app.initChain(initChain(accounts)), /InitChain after height 1 was committed/);
});

test('a repeated FinalizeBlock, with the same block or another, starts from the last commit', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  const tx = coinsSend(a, b, 5n);
  const once = comet.app.finalizeBlock(comet.request([tx]));
  assert.equal(comet.app.finalizeBlock(comet.request([])).txResults.length, 0);
  assert.deepEqual(comet.app.finalizeBlock(comet.request([tx])), once);
  assert.equal(balance(comet, b.address), START, 'queries see what was committed only');
  assert.equal(comet.app.info({ version: '', blockVersion: 0n, p2pVersion: 0n, abciVersion: '' }).lastBlockHeight, 1n);
  await comet.app.commit();
  assert.equal(balance(comet, b.address), START + 5n);
});

test('a call that no consensus of this chain makes stops the node with what to do', async () => {
  const { comet, accounts } = fixture(1, { initialHeight: 7n });
  const at = (height: bigint): abci.RequestFinalizeBlock => ({ ...comet.request([]), height });
  await assert.rejects(() => comet.app.commit(), /Commit without FinalizeBlock/);
  assert.throws(() => comet.app.finalizeBlock(at(1n)), /FinalizeBlock for height 1; the application expects 7/);
  comet.app.initChain(initChain(accounts, 3n));
  assert.throws(() => comet.app.finalizeBlock(at(7n)), /the application expects 3/);
  comet.app.finalizeBlock(at(3n));
  await comet.app.commit();
  assert.throws(() => comet.app.finalizeBlock(at(3n)), /the application expects 4/);
  await assert.rejects(() => comet.app.commit(), /Commit without FinalizeBlock/);
});

/** Codes of CheckTx and of a simulation for a transaction that may wait until one second before the last block. */
function late(comet: MockComet, from: Signer, to: Signer, keepSequence: boolean): readonly number[] {
  const timeoutTimestamp = toTimestamp(comet.time - 1_000_000_000n);
  const tx = coinsSend(from, to, 1n, { body: { timeoutTimestamp }, keepSequence });
  return [comet.app.checkTx({ tx, type: 0 }).code, comet.app.query({ path: '/app/simulate', data: tx, height: 0n, prove: false }).code];
}

test('a node that restarts still knows the time of the last block', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(3);
  const before = late(comet, a, b, true);
  assert.deepEqual(before, [42, 42]);
  comet.restart();
  assert.deepEqual(late(comet, a, b, true), before);
});
