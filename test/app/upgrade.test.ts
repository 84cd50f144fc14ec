// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { item, u64Value } from '../../core/collections.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { appVersion, createChain, createChainState, DEFAULT_CONSENSUS_PARAMS, type Migration } from '../../modules/chain/index.ts';
import { dueMigration } from '../../modules/chain/migrations.ts';
import { modules } from '../../modules/index.ts';
import { fixture, type Signer } from '../helpers/fixture.ts';
import type { MockComet } from '../helpers/mockcomet.ts';

const marker = item('upgrade', 1, u64Value);
const INFO = { version: '', blockVersion: 0n, p2pVersion: 0n, abciVersion: '' };
const to2: Migration = { toVersion: 2n, height: 3n, run: (ctx) => marker.set(ctx, ctx.block.height) };

function upgrading(table: readonly Migration[]): { readonly comet: MockComet; readonly accounts: readonly Signer[] } {
  const withTable = modules.map((m) => (m.name === 'chain' ? createChain(table) : m));
  // A chain that began before the migration was written.
  const base = fixture(2);
  const appState = base.comet.options.appState;
  return fixture(2, { appState, modules: withTable, chainState: createChainState(table), consensusParams: DEFAULT_CONSENSUS_PARAMS });
}

test('tells CometBFT the version of the genesis at InitChain, every sub-message present', () => {
  const { comet } = fixture(1, { consensusParams: DEFAULT_CONSENSUS_PARAMS });
  assert.deepEqual(comet.params, { ...DEFAULT_CONSENSUS_PARAMS, version: { app: 1n } });
});

test('runs a migration once, at its height, with version key, consensus parameters and Info following', async () => {
  const { comet } = upgrading([to2]);
  await comet.advance(2);
  assert.equal(comet.app.info(INFO).appVersion, 1n);
  assert.equal(marker.get(comet.reader()), undefined);
  const block = await comet.deliver([]);
  assert.equal(block.height, 3n);
  assert.deepEqual(block.consensusParamUpdates, { ...DEFAULT_CONSENSUS_PARAMS, version: { app: 2n } });
  assert.equal(appVersion(comet.reader()), 2n);
  assert.equal(comet.app.info(INFO).appVersion, 2n);
  assert.equal(marker.get(comet.reader()), 3n);
  assert.equal((await comet.deliver([])).consensusParamUpdates, undefined);
});

test('leaves a migration without a height alone', async () => {
  const { comet } = upgrading([{ toVersion: 2n, run: () => assert.fail('must not run') }]);
  await comet.advance(5);
  assert.equal(appVersion(comet.reader()), 1n);
});

test('stops old software at a state of a newer version, and new software at a state that missed its migration', async () => {
  const { comet } = upgrading([to2]);
  await comet.advance(3);
  const stops = (text: RegExp) => (e: unknown) => e instanceof CorruptStateError && text.test(e.message);
  assert.throws(
    () => createChainState([]).read(comet.store.latest()),
    stops(/protocol version 2, this software follows up to 1; install the newer release/),
  );
  assert.throws(() => dueMigration([to2], 1n, 6n), stops(/version 2 took effect at height 3, but the state at 6 is of version 1/));
});
