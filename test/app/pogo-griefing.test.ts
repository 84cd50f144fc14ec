// SPDX-License-Identifier: Apache-2.0
// Attacks that want no reward: to cost others their bond, their time or their place, for less than it costs them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fraudClaimHash } from '../../modules/pogo/attestation.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import { balance, CHAIN, message, type Signer } from '../helpers/fixture.ts';
import { open, rebuild, rootsOf, type Work } from './pogo-work.ts';
import { TERMS, World } from './pogo-world.ts';

const SALT = new Uint8Array(32).fill(3);
const windows = (change: Partial<pb.Windows>): Partial<pb.RoundTerms> => ({ windows: { ...TERMS.windows, ...change } as pb.Windows });

/** Commits without work behind them. */
function roots(n: number): ReturnType<typeof rootsOf> {
  const root = new Uint8Array(32).fill(n);
  return { traceRoot: root, stateRoot: root, code4Root: root };
}

function commit(world: World, miner: Signer, jobId: bigint): Uint8Array {
  const round = world.round(0n, jobId);
  return world.commit(miner, roots(Number(jobId)), { jobId, round: round.number, parentRoot: round.parent?.stateRoot ?? new Uint8Array(0) });
}

test('jobs that nobody works for take no place from others: only rounds with a commit count', async () => {
  const world = new World({ miners: 3, params: { max_open_rounds: 1 }, terms: windows({ commit: 40 }) });
  await world.start();
  await world.deliver(...[2, 3].map(() => world.tx(world.owner, [world.createJob()])));
  await world.comet.advance(3);
  for (const id of [1n, 2n, 3n]) assert.deepEqual([world.job(id).round, world.job(id).waiting], [1n, ''], `job ${id}`);
  const [first, second, third] = world.miners as [Signer, Signer, Signer];
  await world.deliver(commit(world, first, 2n));
  await world.deliver(commit(world, second, 2n));
  await world.refused(commit(world, third, 3n), 13, /1 rounds with commits are open/);
  await world.deliver(world.tx(world.owner, [world.createJob()]));
  assert.equal(world.job(4n).waiting, 'the network has its most open rounds');
  await world.comet.advance(60);
  assert.equal(world.round(1n, 2n).outcome, 'all_slashed');
  assert.equal(world.job(4n).round, 1n);
});

test('a bond answers for one undecided commit for each minimum bond that is in it', async () => {
  const world = new World({ miners: 1, terms: windows({ commit: 40 }) });
  await world.start();
  await world.deliver(...[2, 3].map(() => world.tx(world.owner, [world.createJob()])));
  await world.comet.advance(3);
  const [miner] = world.miners as [Signer];
  await world.deliver(commit(world, miner, 1n), commit(world, miner, 2n));
  // Whoever resumes learns that its commit stands, not that its bond is too small.
  await world.refused(commit(world, miner, 2n), 10, /a commit stands in round 1/);
  await world.refused(commit(world, miner, 3n), 12, /a bond of at least 30000000 is required, 10000000 for each commit in an open round/);
});

test('terms that verifiers could not live with are refused: they do not choose the jobs that draw them', async () => {
  const world = new World({ params: { min_window: 3, max_window: 50 } });
  await world.start();
  const cases: readonly (readonly [Partial<pb.RoundTerms>, RegExp])[] = [
    [windows({ attest: 2 }), /terms.windows.attest: must be at least min_window 3/],
    [windows({ reveal: 1 }), /terms.windows.reveal: must be at least min_window 3/],
    [windows({ dispute: 51 }), /terms.windows.dispute: must be at most max_window 50/],
    [{ verifierBps: 99 }, /terms.reward: the verifiers' share of 9900 is below verification_fee 10000/],
    [{ steps: 1000, assignedSteps: 65, maxCommits: 64 }, /terms.assigned_steps: reports of a round could hold 66560 digests, at most 65536/],
  ];
  for (const [terms, log] of cases) {
    await world.refused(world.tx(world.owner, [world.createJob(terms)]), 24, log);
    const update = message(pb.MsgUpdateJob, { owner: world.owner.address, jobId: 1n, terms: { ...world.terms, ...terms } });
    await world.refused(world.tx(world.owner, [update]), 24, log);
  }
});

/** A commit with one false leaf, and the opening that shows it. */
async function forge(world: World, miner: Signer): Promise<readonly [Work, pb.LeafOpening]> {
  const work = await world.train(miner);
  const state = Uint8Array.from(work.states.get(2) as Uint8Array);
  state[2] = ((state[2] as number) + 1) & 255;
  work.states.set(2, state);
  rebuild(work);
  return [work, open(work, 0, 0)];
}

test('who plays both sides gets back two bounties at most, however much gas the proof wastes', async () => {
  const world = new World({ params: { refund_per_million_gas: '1000000000000' }, terms: windows({ commit: 12 }) });
  await world.start();
  await world.untilRound(1n);
  const [hostile] = world.miners as [Signer];
  const [work, opening] = await forge(world, hostile);
  const accuser = world.watcher;
  const id = { chainId: CHAIN.chainId, job: 1n, round: 1n, miner: hostile.bytes };
  const hash = fraudClaimHash(id, accuser.bytes, SALT, opening);
  await world.deliver(world.commit(hostile, rootsOf(work)));
  await world.deliver(world.tx(accuser, [message(pb.MsgCommitFraudClaim, { accuser: accuser.address, hash })]));
  const before = balance(world.comet, accuser.address);
  const fields = { accuser: accuser.address, jobId: 1n, round: 1n, miner: hostile.address, salt: SALT, opening };
  await world.deliver(world.tx(accuser, [message(pb.MsgProveLeafFraud, fields)]));
  assert.equal(balance(world.comet, accuser.address) - before, 2_000_000n, 'of a bond of 20,000,000');
});
