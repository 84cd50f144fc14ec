// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommitStatus, JobStatus, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import type { Signer } from '../helpers/fixture.ts';
import { balance } from '../helpers/fixture.ts';
import { finalState, rootsOf, type Work } from './pogo-work.ts';
import { FUNDS, World } from './pogo-world.ts';

test('an honest round moves the head, pays winner, runner-up and verifiers from escrow, and keeps the bonds', async () => {
  const world = new World();
  await world.start();
  await world.untilRound(1n);
  const works = await world.play(world.miners);
  const round = world.round(1n);
  assert.equal(round.outcome, 'finalized');
  const commits = world.commits(1n);
  const won = commits.find((c) => c.status === CommitStatus.COMMIT_STATUS_WON);
  const second = commits.find((c) => c.status === CommitStatus.COMMIT_STATUS_RUNNER_UP);
  assert.ok(won && second);
  assert.ok(won.diffSum >= second.diffSum && won.diffSum > 0n);
  const work = works[world.miners.findIndex((m) => m.address === won.miner)] as Work;
  const { head, escrow, status } = world.job();
  assert.deepEqual(head?.stateRoot, rootsOf(work).stateRoot);
  assert.deepEqual(head?.code4Root, rootsOf(work).code4Root);
  assert.deepEqual([head?.round, head?.steps, head?.lossSum, head?.lossSamples], [1n, 6n, won.loss, 40]);
  assert.equal(status, JobStatus.JOB_STATUS_ACTIVE);
  assert.equal(escrow?.amount, '9000000');
  // 20 % to three verifiers of equal weight: 66,666 each; the rest of 800,002: a tenth to the runner-up.
  assert.deepEqual([won.paid, second.paid, won.fee, second.fee], ['720002', '80000', '0', '10000']);
  for (const v of world.verifiers) assert.equal(balance(world.comet, v.account.address), FUNDS - 20_000_000n + 66_666n + 3_333n);
  assert.equal(world.miner(world.miners.find((m) => m.address === second.miner) as Signer).bond?.amount, '19990000');
  assert.equal(world.miner(world.miners.find((m) => m.address === won.miner) as Signer).bond?.amount, '20000000');
});

test('five rounds in a row lower the loss, each on samples of its own', async () => {
  const world = new World({ miners: 1, verifiers: 1 });
  await world.start();
  const losses: bigint[] = [];
  for (let round = 1n; round <= 5n; round++) {
    await world.untilRound(round);
    const [work] = (await world.play()) as [Work];
    assert.equal(world.round(round).outcome, 'finalized');
    assert.deepEqual(world.state, finalState(work));
    losses.push(world.job().head?.lossSum as bigint);
  }
  assert.ok((losses[4] as bigint) < (losses[0] as bigint) / 2n, `losses ${losses.join(' ')}`);
  assert.equal(world.job().head?.steps, 30n);
  assert.equal(world.job().finalizedRounds, 5n);
});

test('phases end as soon as everybody has acted, except the dispute phase', async () => {
  const world = new World({ miners: 1, terms: { windows: { commit: 3, answer: 50, attest: 50, reveal: 50, dispute: 4 } } });
  await world.start();
  const { openedHeight } = await world.untilRound(1n);
  await world.play();
  const { closedHeight } = await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  assert.ok(closedHeight - openedHeight < 20n, `${closedHeight - openedHeight} blocks`);
});
