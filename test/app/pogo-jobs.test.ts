// SPDX-License-Identifier: Apache-2.0
// The life of a job around its rounds: what it waits for, what freezes, converges, funds and closes it; and bonds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../core/codec.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import { balance, message, query, type Signer } from '../helpers/fixture.ts';
import type { MockBlock } from '../helpers/mockcomet.ts';
import { Outcome } from './pogo-names.ts';
import { NEGATIVE, rootsOf } from './pogo-work.ts';
import { coin, FUNDS, type VerifierKeys, World } from './pogo-world.ts';

const { JobStatus, RoundPhase } = pb;

const update = (world: World, terms: Partial<pb.RoundTerms> = {}): Uint8Array =>
  world.tx(world.owner, [message(pb.MsgUpdateJob, { owner: world.owner.address, jobId: 1n, terms: { ...world.terms, ...terms } })]);
const close = (world: World): Uint8Array => world.tx(world.owner, [message(pb.MsgCloseJob, { owner: world.owner.address, jobId: 1n })]);
const fund = (world: World, amount: bigint): Uint8Array =>
  world.tx(world.watcher, [message(pb.MsgFundJob, { sender: world.watcher.address, jobId: 1n, amount: coin(amount) })]);
const eventsOf = (block: MockBlock, type: string): readonly Record<string, string>[] =>
  [...block.events, ...block.txResults.flatMap((r) => r.events)]
    .filter((e) => e.type === type)
    .map((e) => Object.fromEntries(e.attributes.map((a) => [a.key, a.value])));

test('a job waits for a miner, then for a verifier, says so once each, and opens a round in the block after the bond', async () => {
  const world = new World({ miners: 1, verifiers: 1, params: { round_pause: 1 } });
  const [miner] = world.miners as [Signer];
  const posted = await world.deliver(world.tx(world.owner, [world.createJob()]));
  assert.deepEqual(
    eventsOf(posted, 'pogo_round_waiting').map((e) => e['reason']),
    ['no eligible miner'],
  );
  const again = await world.comet.deliver([]);
  assert.deepEqual(eventsOf(again, 'pogo_round_waiting'), []);
  await world.deliver(world.tx(miner, [world.bondMiner(miner)]));
  const next = await world.comet.deliver([]);
  assert.deepEqual(
    eventsOf(next, 'pogo_round_waiting').map((e) => e['reason']),
    ['no eligible verifier'],
  );
  assert.equal(world.job().waiting, 'no eligible verifier');
  const v = world.verifiers[0] as VerifierKeys;
  await world.deliver(world.tx(v.account, [world.bondVerifier(v)]));
  const opened = await world.comet.deliver([]);
  assert.equal(eventsOf(opened, 'pogo_round_opened').length, 1);
  assert.deepEqual([world.job().waiting, world.job().round], ['', 1n]);
});

test('an escrow that no longer covers a reward stops the rounds until somebody funds the job', async () => {
  const world = new World({ miners: 1, verifiers: 1 });
  await world.start(1_500_000n);
  await world.untilRound(1n);
  await world.play();
  await world.comet.advance(5);
  assert.equal(world.job().waiting, 'the escrow does not cover a reward');
  assert.equal(world.job().wakeHeight, 0n);
  const block = await world.deliver(fund(world, 500_000n));
  assert.equal(eventsOf(block, 'pogo_round_opened').length, 1);
  assert.equal(world.job().escrow?.amount, '1000000');
});

test('three rounds without a commit freeze the job; its owner thaws it', async () => {
  const world = new World();
  await world.start();
  for (let i = 0; i < 40 && world.job().status === JobStatus.JOB_STATUS_ACTIVE; i++) await world.comet.advance(1);
  assert.deepEqual([world.job().status, world.job().strikes, world.job().round], [JobStatus.JOB_STATUS_FROZEN, 3, 3n]);
  assert.equal(world.round(3n).outcome, Outcome.NoCommits);
  await world.comet.advance(10);
  assert.equal(world.job().round, 3n);
  await world.deliver(update(world));
  assert.deepEqual([world.job().status, world.job().strikes, world.job().round], [JobStatus.JOB_STATUS_ACTIVE, 0, 4n]);
});

test('a lack of quorum is no strike, and costs the miner its fee only', async () => {
  const world = new World({ miners: 1, verifiers: 1 });
  await world.start();
  const [miner] = world.miners as [Signer];
  for (let number = 1n; number <= 4n; number++) {
    await world.untilRound(number);
    const work = await world.train(miner);
    await world.deliver(world.commit(miner, rootsOf(work)));
    await world.until(RoundPhase.ROUND_PHASE_ANSWER);
    await world.deliver(world.answer(miner, work));
    const v = world.verifiers[0] as VerifierKeys;
    await world.until(RoundPhase.ROUND_PHASE_ATTEST);
    await world.deliver(world.attest(v, miner, NEGATIVE));
    await world.until(RoundPhase.ROUND_PHASE_REVEAL);
    await world.deliver(world.reveal(v, miner, NEGATIVE));
    await world.until(RoundPhase.ROUND_PHASE_CLOSED);
    assert.equal(world.round(number).outcome, Outcome.NoQuorum);
  }
  assert.deepEqual([world.job().strikes, world.job().status], [0, JobStatus.JOB_STATUS_ACTIVE]);
  assert.equal(world.miner(miner).bond?.amount, '19960000');
  assert.equal(world.job().escrow?.amount, '10000000');
});

test('verified commits below the minimum are rejected; a window of them means convergence, and new terms start anew', async () => {
  const world = new World({ miners: 1, verifiers: 2, terms: { minImprovement: 1n << 30n, zMilli: 0, progressWindow: 2 } });
  await world.start();
  const [miner] = world.miners as [Signer];
  await world.untilRound(1n);
  await world.play();
  assert.equal(world.round(1n).outcome, Outcome.NoImprovement);
  assert.equal(world.job().head?.round, 0n);
  // The verifiers proved their work by agreeing, so the fee is theirs.
  for (const v of world.verifiers) assert.equal(world.verifier(v.account).earned, '5000');
  await world.untilRound(2n);
  await world.play();
  assert.equal(world.job().status, JobStatus.JOB_STATUS_CONVERGED);
  await world.comet.advance(10);
  assert.equal(world.job().round, 2n);
  await world.deliver(update(world, { minImprovement: 0n }));
  assert.deepEqual([world.job().status, world.job().progress.length, world.job().round], [JobStatus.JOB_STATUS_ACTIVE, 0, 3n]);
  await world.untilRound(3n);
  await world.play();
  assert.equal(world.round(3n).outcome, Outcome.Finalized);
  assert.equal(world.miner(miner).roundsWon, 1n);
});

test('new terms take effect between rounds, never within one', async () => {
  const world = new World({ miners: 1, verifiers: 1 });
  await world.start();
  await world.untilRound(1n);
  await world.deliver(update(world, { reward: coin(2_000_000), steps: 4 }));
  await world.play();
  assert.deepEqual([world.round(1n).terms?.steps, world.job().escrow?.amount], [6, '9000000']);
  const second = await world.untilRound(2n);
  assert.deepEqual([second.terms?.steps, second.terms?.reward?.amount, world.job().nextTerms], [4, '2000000', undefined]);
});

test('only the owner changes a job, and a closed one stays closed', async () => {
  const world = new World();
  await world.deliver(world.tx(world.owner, [world.createJob()]));
  const stranger = world.tx(world.watcher, [message(pb.MsgCloseJob, { owner: world.watcher.address, jobId: 1n })]);
  await world.refused(stranger, 5, /only the owner/);
  await world.deliver(close(world));
  assert.equal(world.job().status, JobStatus.JOB_STATUS_CLOSED);
  assert.equal(balance(world.comet, world.owner.address), FUNDS);
  await world.refused(close(world), 23, /job_id: 1: the job is closed or closing/);
  await world.refused(update(world), 23, /closed/);
  await world.refused(fund(world, 5n), 23, /closed/);
});

test('bond leaves after its delay, but never while its owner has work in an open round', async () => {
  const world = new World({ miners: 2, terms: { windows: { commit: 3, answer: 30, attest: 30, reveal: 30, dispute: 30 } } });
  await world.start();
  await world.untilRound(1n);
  const [worker, idler] = world.miners as [Signer, Signer];
  const work = await world.train(worker);
  await world.deliver(world.commit(worker, rootsOf(work)));
  const unbond = (m: Signer, amount: bigint): Uint8Array => world.tx(m, [message(pb.MsgUnbondMiner, { miner: m.address, amount: coin(amount) })]);
  await world.refused(unbond(idler, 20_000_001n), 12, /amount: 20000001 exceeds the bond of 20000000/);
  await world.deliver(unbond(worker, 20_000_000n), unbond(idler, 5_000_000n));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(worker, work));
  await world.comet.advance(30);
  assert.equal(balance(world.comet, idler.address), FUNDS - 15_000_000n);
  assert.equal(balance(world.comet, worker.address), FUNDS - 20_000_000n);
  const { unbondings } = query(world.comet, '/pogo.v1.Query/Unbondings', pb.QueryUnbondingsRequest, pb.QueryUnbondingsResponse, {
    address: worker.address,
  });
  assert.equal(unbondings[0]?.amount?.amount, '20000000');
  await world.until(RoundPhase.ROUND_PHASE_CLOSED, 120);
  await world.comet.advance(12);
  assert.equal(balance(world.comet, worker.address), FUNDS - 10_000n, 'all but the fee of a commit that nobody verified');
});

test('unbondings of an account are limited in number', async () => {
  const world = new World({ params: { max_unbondings: 2 } });
  const [miner] = world.miners as [Signer];
  await world.deliver(world.tx(miner, [world.bondMiner(miner)]));
  const one = message(pb.MsgUnbondMiner, { miner: miner.address, amount: coin(1) });
  await world.deliver(world.tx(miner, [one, one]));
  await world.refused(world.tx(miner, [one]), 22, /2 unbondings are open, at most 2/);
});

test('a verifier proves its BLS key once, and nobody else can use it', async () => {
  const world = new World();
  const [v, other] = world.verifiers as [VerifierKeys, VerifierKeys];
  const stolen = { account: other.account, bls: v.bls };
  const wrong = world.bondVerifier(v);
  await world.refused(world.tx(other.account, [replaceSigner(wrong, other.account)]), 19, /bls_proof/);
  await world.deliver(world.tx(v.account, [world.bondVerifier(v)]));
  await world.refused(world.tx(other.account, [world.bondVerifier(stolen)]), 10, /bls_key: it serves another verifier/);
  await world.refused(world.tx(v.account, [world.bondVerifier({ account: v.account, bls: other.bls })]), 6, /bls_key: it is fixed/);
  const plain = message(pb.MsgBondVerifier, { verifier: v.account.address, amount: coin(1) });
  await world.deliver(world.tx(v.account, [plain]));
  assert.equal(world.verifier(v.account).bond?.amount, '20000001');
  const keyless = message(pb.MsgBondVerifier, { verifier: other.account.address, amount: coin(1) });
  await world.refused(world.tx(other.account, [keyless]), 6, /bls_key: is required with the first bond/);
});

function replaceSigner(any: ReturnType<World['bondVerifier']>, account: Signer): ReturnType<World['bondVerifier']> {
  const msg = decode(pb.MsgBondVerifier, any.value);
  return message(pb.MsgBondVerifier, { ...msg, verifier: account.address });
}

test('a block looks at a bounded number of due jobs; the rest follow', async () => {
  const world = new World({ params: { max_due_per_block: 2 } });
  await world.start();
  const block = await world.deliver(...Array.from({ length: 5 }, () => world.tx(world.owner, [world.createJob()])));
  assert.ok(eventsOf(block, 'pogo_round_opened').length <= 2);
  await world.comet.advance(2);
  for (let id = 2n; id <= 6n; id++) assert.equal(world.job(id).round, 1n, `job ${id}`);
});

test('claims are limited per account and forgotten when old', async () => {
  const world = new World({ params: { max_claims: 2, claim_blocks: 3 } });
  const claim = (n: number): Uint8Array =>
    world.tx(world.watcher, [message(pb.MsgCommitFraudClaim, { accuser: world.watcher.address, hash: new Uint8Array(32).fill(n) })]);
  await world.deliver(claim(1), claim(2));
  await world.refused(claim(3), 22, /2 claims are open/);
  await world.refused(claim(1), 10, /this claim stands/);
  await world.comet.advance(2);
  await world.deliver(claim(3));
});

test('queries page and filter jobs, rounds and people', async () => {
  const world = new World();
  await world.start();
  await world.deliver(world.tx(world.owner, [world.createJob()]), close(world));
  await world.comet.advance(8);
  const jobs = (input: Parameters<typeof query<pb.QueryJobsRequest, pb.QueryJobsResponse>>[4]): readonly bigint[] =>
    query(world.comet, '/pogo.v1.Query/Jobs', pb.QueryJobsRequest, pb.QueryJobsResponse, input).jobs.map((j) => j.id);
  assert.deepEqual(jobs({}), [1n, 2n]);
  assert.deepEqual(jobs({ owner: world.owner.address }), [1n, 2n]);
  assert.deepEqual(jobs({ owner: world.watcher.address }), []);
  assert.deepEqual(jobs({ status: JobStatus.JOB_STATUS_CLOSED }), [1n]);
  assert.deepEqual(jobs({ pagination: { limit: 1n, reverse: true } }), [2n]);
  const { rounds } = query(world.comet, '/pogo.v1.Query/Rounds', pb.QueryRoundsRequest, pb.QueryRoundsResponse, { jobId: 2n });
  assert.ok(rounds.length >= 1 && rounds.every((r) => r.jobId === 2n));
  const { miners } = query(world.comet, '/pogo.v1.Query/Miners', pb.QueryMinersRequest, pb.QueryMinersResponse, {});
  assert.equal(miners.length, 2);
  const { verifiers } = query(world.comet, '/pogo.v1.Query/Verifiers', pb.QueryVerifiersRequest, pb.QueryVerifiersResponse, {});
  assert.equal(verifiers.length, 3);
  const { beacon } = query(world.comet, '/pogo.v1.Query/Beacon', pb.QueryBeaconRequest, pb.QueryBeaconResponse, {});
  assert.deepEqual([beacon?.kind, beacon?.height], ['weak', world.comet.height]);
  const { params } = query(world.comet, '/pogo.v1.Query/Params', pb.QueryParamsRequest, pb.QueryParamsResponse, {});
  assert.equal(params?.bountyBps, 500);
  const missing = world.comet.app.query({ path: '/pogo.v1.Query/Job', data: Uint8Array.of(8, 99), height: 0n, prove: false });
  assert.deepEqual([missing.codespace, missing.code], ['sdk', 22]);
});
