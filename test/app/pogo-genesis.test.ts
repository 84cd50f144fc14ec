// SPDX-License-Identifier: Apache-2.0
// Export and import in the middle of a round: the same text again, and the same end of the round.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, moduleAddress } from '../../core/address.ts';
import { canonicalJson, type Json, type JsonObject } from '../../core/json.ts';
import { getSupply } from '../../modules/bank/index.ts';
import { modules } from '../../modules/index.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import { balance, CHAIN, genesisOf, message, type Signer } from '../helpers/fixture.ts';
import { MockComet } from '../helpers/mockcomet.ts';
import { rootsOf } from './pogo-work.ts';
import { coin, FUNDS, type VerifierKeys, World } from './pogo-world.ts';

const { RoundPhase } = pb;

/** The chain as its export starts it again at the next height. */
function reborn(world: World): MockComet {
  const { height } = world.comet.app.exportGenesis();
  return new MockComet({ chainId: CHAIN.chainId, appState: exported(world.comet), modules, initialHeight: height + 1n });
}

function exported(comet: MockComet): JsonObject {
  return comet.app.exportGenesis().appState as JsonObject;
}

/** Imports the export, exports it again, and goes on with the imported chain. */
async function roundTrip(world: World): Promise<void> {
  const before = exported(world.comet);
  const comet = reborn(world);
  await comet.advance(1);
  await world.comet.advance(1);
  const after = exported(comet);
  // The block itself moved both chains alike, so their exports agree again.
  const expected = exported(world.comet);
  assert.equal(canonicalJson(after['pogo'] as Json), canonicalJson(expected['pogo'] as Json));
  assert.notEqual(canonicalJson(before['pogo'] as Json), canonicalJson(after['pogo'] as Json), 'the beacon moved');
  Object.assign(world, { comet });
}

test('a round that is exported and imported in every phase ends as it would have', async () => {
  const world = new World({ terms: { leafChallenges: 3, windows: { commit: 6, answer: 6, attest: 6, reveal: 6, dispute: 6 } } });
  await world.start();
  await world.untilRound(1n);
  await roundTrip(world);
  const [winner, silent] = world.miners as [Signer, Signer];
  const work = await world.train(winner);
  await world.deliver(world.commit(winner, rootsOf(work)), world.commit(silent, rootsOf(await world.train(silent))));
  await world.deliver(world.tx(silent, [message(pb.MsgUnbondMiner, { miner: silent.address, amount: coin(5_000_000) })]));
  await world.deliver(
    world.tx(world.watcher, [message(pb.MsgCommitFraudClaim, { accuser: world.watcher.address, hash: new Uint8Array(32).fill(9) })]),
  );
  await world.until(RoundPhase.ROUND_PHASE_BEACON);
  await roundTrip(world);
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(winner, work));
  await roundTrip(world);
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  assert.equal(world.commitOf(silent).slashed, '20000000');
  const reports = world.verifiers.map((v) => [v, world.report(v, winner, work)] as const);
  await world.deliver(...reports.map(([v, r]) => world.attest(v, winner, r)));
  await roundTrip(world);
  await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.deliver(...reports.map(([v, r]) => world.reveal(v, winner, r)));
  await world.until(RoundPhase.ROUND_PHASE_DISPUTE);
  await roundTrip(world);
  await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  assert.deepEqual([world.round(1n).outcome, world.round(1n).winner], ['finalized', winner.address]);
  await roundTrip(world);
  await world.untilRound(2n);
});

test('a genesis whose parts contradict each other is refused by name', async () => {
  const world = new World({ miners: 1, verifiers: 1 });
  await world.start();
  await world.untilRound(1n);
  const [miner] = world.miners as [Signer];
  await world.deliver(world.commit(miner, rootsOf(await world.train(miner))));
  const appState = exported(world.comet);
  const own = appState['pogo'] as JsonObject;
  const first = (name: string): JsonObject => (own[name] as readonly JsonObject[])[0] as JsonObject;
  const cases: readonly (readonly [Readonly<Record<string, Json>>, RegExp])[] = [
    [{ params: null }, /app_state\.pogo\.params: required/],
    [{ params: { ...(own['params'] as JsonObject), slash_unanswered_bps: 1 } }, /slash_unanswered_bps: must not be below slash_fault_bps/],
    [{ params: { ...(own['params'] as JsonObject), verification_fee: '99999999999' } }, /verification_fee: must not exceed min_miner_bond/],
    [{ params: { ...(own['params'] as JsonObject), committee_size: 0 } }, /committee_size: must be from 1 to 100, got 0/],
    [{ next_job_id: '1' }, /jobs\[0\]\.id: must be positive and below next_job_id/],
    [{ jobs: [first('jobs'), first('jobs')] }, /jobs\[1\]: entries must be sorted by key and unique/],
    [{ jobs: [{ ...first('jobs'), escrow: coin(1) }] }, /rounds\[0\]\.terms\.reward: is more than the escrow of the job/],
    [{ jobs: [{ ...first('jobs'), escrow: coin(9_000_000) }] }, /escrows, bonds and unbondings make \d+, the balance of the module's account is \d+/],
    [{ rounds: [] }, /jobs\[0\]\.round: that round is missing/],
    [{ rounds: [{ ...first('rounds'), job_id: '5' }] }, /round is missing|job_id: that job is missing/],
    [{ commits: [] }, /rounds\[0\]\.miners: pogo1\w+ has no commit/],
    [{ miners: [] }, /commits\[0\]\.miner: is no miner/],
    [{ verifiers: [{ ...first('verifiers'), bls_key: '' }] }, /verifiers\[0\]\.bls_key: must have 48 bytes/],
    [{ verifiers: [{ ...first('verifiers'), bond: { denom: 'other', amount: '1' } }] }, /verifiers\[0\]\.bond\.denom: must be upogo/],
    [{ beacon: { height: '1', value: 'AA==', kind: 'weak' } }, /beacon\.value: must have 32 bytes/],
    [{ surprise: 1 }, /surprise/],
  ];
  for (const [change, rule] of cases) {
    const bad = { ...appState, pogo: { ...own, ...change } } as JsonObject;
    assert.throws(() => new MockComet({ chainId: CHAIN.chainId, appState: bad, modules, initialHeight: 20n }), rule);
  }
});

test('coins are conserved: what leaves accounts is held, paid or burned, never made', async () => {
  const world = new World();
  const supply = (): bigint => getSupply(world.comet.reader(), CHAIN.bondDenom);
  const start = FUNDS * BigInt(world.accounts.length);
  await world.start();
  assert.equal(supply(), start);
  await world.untilRound(1n);
  await world.play(world.miners);
  // Two fees of which three verifiers got 3,333 each, and the dust of the other: nothing else is burned.
  assert.equal(start - supply(), 1n);
  const [miner] = world.miners as [Signer];
  await world.untilRound(2n);
  await world.deliver(world.commit(miner, rootsOf(await world.train(miner))));
  await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  const slashed = BigInt(world.commitOf(miner, 2n).slashed);
  assert.equal(start - supply(), 1n + slashed);
  assert.ok(slashed >= 19_990_000n);
  const held = balance(world.comet, formatAddress(moduleAddress('pogo'), CHAIN.addressPrefix));
  const own = world.accounts.reduce((sum, a) => sum + balance(world.comet, a.address), 0n);
  assert.equal(own + held, supply());
});

test('genesis of a chain starts with the default parameters and an empty module', () => {
  const state = genesisOf([], 0n)['pogo'] as JsonObject;
  assert.deepEqual([state['jobs'], state['next_job_id'], (state['params'] as JsonObject)['bond_denom']], [[], '1', 'upogo']);
});

test('attestations of rounds long past are forgotten, rounds and commits stay', async () => {
  const world = new World({ miners: 1, verifiers: 1, params: { keep_rounds: 1 } });
  await world.start();
  const v = world.verifiers[0] as VerifierKeys;
  for (let number = 1n; number <= 2n; number++) {
    await world.untilRound(number);
    await world.play();
  }
  const own = exported(world.comet)['pogo'] as JsonObject;
  assert.deepEqual(
    (own['attestations'] as readonly JsonObject[]).map((a) => a['round']),
    ['2'],
  );
  assert.equal((own['commits'] as readonly JsonObject[]).length, 2);
  assert.equal(world.verifier(v.account).attestations, 2n);
});
