// SPDX-License-Identifier: Apache-2.0
// Bad input: each refusal names field and rule, has its code, and leaves no trace but the fee.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../core/codec.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import type { MessageType } from '../../proto/message.ts';
import { message, type Signer } from '../helpers/fixture.ts';
import { open, rootsOf, type Work } from './pogo-work.ts';
import { coin, TERMS, type VerifierKeys, World } from './pogo-world.ts';

const { RoundPhase } = pb;
type Change<M> = (msg: M) => Partial<Record<keyof M, unknown>>;
type Case<M> = readonly [change: Change<M>, code: number, log: RegExp, codespace?: string];

/** Applies one change to a good message and expects its refusal; then the good one must still pass if asked. */
async function refuseAll<M>(world: World, from: Signer, type: MessageType<M>, good: Any, cases: readonly Case<M>[]): Promise<void> {
  for (const [change, code, log, codespace] of cases) {
    const value = decode(type, good.value);
    const bad = message(type, { ...value, ...change(value) } as never);
    await world.refused(world.tx(from, [bad]), code, log, codespace);
  }
}

const hash = (n: number): Uint8Array => new Uint8Array(n);
const terms =
  (change: Partial<pb.RoundTerms>): Change<pb.MsgCreateJob> =>
  (m) => ({ terms: { ...m.terms, ...change } });
const spec =
  (change: Partial<pb.TrainSpec>): Change<pb.MsgCreateJob> =>
  (m) => ({ spec: { ...m.spec, ...change } });
const data =
  (change: Partial<pb.DataSet>): Change<pb.MsgCreateJob> =>
  (m) => ({ training: { ...m.training, ...change } });

test('job messages that break a rule are refused by name', async () => {
  const world = new World();
  const windows = TERMS.windows as pb.Windows;
  const cases: readonly Case<pb.MsgCreateJob>[] = [
    [() => ({ title: '' }), 6, /title: is required/],
    [() => ({ title: 'x'.repeat(129) }), 6, /title: must have at most 128 characters, got 129/],
    [() => ({ title: 'a\nb' }), 6, /title: must not hold control characters/],
    [() => ({ mode: 0 }), 6, /mode: must be MODE_RACE/],
    [() => ({ spec: undefined }), 7, /spec\.spec: is required/],
    [spec({ arithmetic: 'float' }), 7, /spec\.arithmetic: must be 'exact8'/],
    [spec({ model: {} }), 7, /spec\.model: must be mlp, gpt or cnn/],
    [spec({ model: { mlp: { layers: [4], inputExponent: -8 } } }), 7, /spec\.model\.layers: must have 2 to 16 entries/],
    [spec({ optimizer: { sgd: { momentum: 0x7fc00000, clip: 0 } } }), 7, /spec\.optimizer\.momentum/],
    [spec({ optimizer: undefined }), 7, /spec\.optimizer: must be sgd or adamw/],
    [spec({ schedule: undefined }), 7, /spec\.schedule/],
    [spec({ batchSize: 0 }), 7, /spec\.batchSize: must be an integer from 1/],
    [() => ({ kernelId: hash(31) }), 6, /kernel_id: must have 32 bytes, got 31/],
    [() => ({ kernelId: hash(32) }), 25, /kernel_id: the kernel id is not that of the specification/],
    [data({ root: hash(0) }), 6, /training\.root: must have 32 bytes, got 0/],
    [data({ size: 0n }), 6, /training\.size: must be from 1 to 4294967295, got 0/],
    [data({ size: 1n << 32n }), 6, /training\.size/],
    [data({ sampleBytes: 6 }), 6, /training\.sample_bytes: must be 5 for this model, got 6/],
    [data({ name: '' }), 6, /training\.name: is required/],
    [() => ({ evaluation: undefined }), 6, /evaluation: is required/],
    [() => ({ initSeed: hash(33) }), 6, /init_seed: must have 32 bytes, got 33/],
    [() => ({ initStateRoot: hash(1) }), 6, /init_state_root/],
    [() => ({ terms: undefined }), 6, /terms: is required/],
    [terms({ steps: 0 }), 6, /terms\.steps: must be from 1/],
    [terms({ steps: 10_001 }), 24, /terms\.steps: 10001 exceeds max_steps 10000/],
    [terms({ checkpointEvery: 7 }), 6, /terms\.checkpoint_every: must not exceed steps/],
    [terms({ checkpointEvery: 257 }), 6, /terms\.checkpoint_every: must be from 1 to 256/],
    [terms({ leafChallenges: 0 }), 6, /terms\.leaf_challenges: must be from 1 to 256, got 0/],
    [terms({ assignedSteps: 7 }), 6, /terms\.assigned_steps: must not exceed steps/],
    [terms({ evalSamples: 1 }), 6, /terms\.eval_samples: must be from 2/],
    [terms({ maxCommits: 65 }), 6, /terms\.max_commits/],
    [terms({ minImprovement: -1n }), 6, /terms\.min_improvement/],
    [terms({ zMilli: 100_001 }), 6, /terms\.z_milli/],
    [terms({ progressWindow: 0 }), 6, /terms\.progress_window/],
    [terms({ windows: undefined }), 6, /terms\.windows: is required/],
    [terms({ windows: { ...windows, reveal: 0 } }), 6, /terms\.windows\.reveal/],
    [terms({ reward: { denom: 'upogo', amount: '0' } }), 10, /terms\.reward\.amount: must be positive/, 'sdk'],
    [terms({ reward: { denom: 'uother', amount: '1' } }), 24, /terms\.reward: must be in upogo/],
    [terms({ verifierBps: 10_001 }), 6, /terms\.verifier_bps/],
    [() => ({ escrow: { denom: 'uother', amount: '5' } }), 24, /escrow\.denom: must be upogo/],
    [() => ({ escrow: undefined }), 10, /escrow: a coin is required/, 'sdk'],
    [() => ({ escrow: coin(10n ** 15n) }), 5, /spendable balance/, 'sdk'],
  ];
  await refuseAll(world, world.owner, pb.MsgCreateJob, world.createJob(), cases);
  const missing = message(pb.MsgFundJob, { sender: world.owner.address, jobId: 7n, amount: coin(1) });
  await world.refused(world.tx(world.owner, [missing]), 2, /job_id: 7: job not found/);
  const zero = message(pb.MsgFundJob, { sender: world.owner.address, jobId: 0n, amount: coin(1) });
  await world.refused(world.tx(world.owner, [zero]), 6, /job_id: must be positive/);
});

test('bond messages that break a rule are refused by name', async () => {
  const world = new World();
  const [miner] = world.miners as [Signer];
  await refuseAll(world, miner, pb.MsgBondMiner, world.bondMiner(miner), [
    [() => ({ amount: coin(0) }), 6, /amount: a first bond must be positive/],
    [() => ({ amount: { denom: 'uother', amount: '1' } }), 24, /amount\.denom: must be upogo/],
    [() => ({ endpoint: 'ftp://x' }), 6, /endpoint: must be an http or https address/],
    [() => ({ endpoint: `http://${'x'.repeat(250)}` }), 6, /endpoint: must have at most 256 characters/],
    [() => ({ moniker: 'x'.repeat(65) }), 6, /moniker: must have at most 64 characters/],
  ]);
  const v = world.verifiers[0] as VerifierKeys;
  await refuseAll(world, v.account, pb.MsgBondVerifier, world.bondVerifier(v), [
    [() => ({ blsKey: hash(47) }), 6, /bls_key: must have 48 bytes, got 47/],
    [() => ({ blsProof: hash(95) }), 6, /bls_proof: must have 96 bytes, got 95/],
    [() => ({ blsKey: hash(48) }), 19, /bls_proof: does not prove/],
    [() => ({ blsProof: hash(96) }), 19, /invalid BLS signature/],
  ]);
  await world.refused(
    world.tx(miner, [message(pb.MsgUnbondMiner, { miner: miner.address, amount: coin(1) })]),
    12,
    /amount: 1 exceeds the bond of 0 as miner/,
  );
});

async function committed(world: World): Promise<{ miner: Signer; other: Signer; work: Work }> {
  await world.start();
  await world.untilRound(1n);
  const [miner, other] = world.miners as [Signer, Signer];
  return { miner, other, work: await world.train(miner) };
}

const LONG: pb.Windows = { commit: 60, answer: 120, attest: 60, reveal: 60, dispute: 3 };

test('commits that break a rule are refused by name', async () => {
  const world = new World({ terms: { windows: LONG } });
  const { miner, work } = await committed(world);
  const artifact = { root: hash(32), size: 1n, locations: ['http://a'] };
  const good = message(pb.MsgCommitUpdate, {
    ...rootsOf(work),
    miner: miner.address,
    jobId: 1n,
    round: 1n,
    parentRoot: world.round().parent?.stateRoot as Uint8Array,
    steps: 6,
    artifact,
  });
  await refuseAll(world, miner, pb.MsgCommitUpdate, good, [
    [() => ({ round: 2n }), 3, /job 1 has no round 2/],
    [() => ({ jobId: 9n }), 3, /job 9 has no round 1/],
    [() => ({ parentRoot: hash(32) }), 9, /parent_root: the head of job 1 is/],
    [() => ({ parentRoot: hash(31) }), 6, /parent_root: must have 32 bytes, got 31/],
    [() => ({ traceRoot: hash(0) }), 6, /trace_root/],
    [() => ({ stateRoot: hash(64) }), 6, /state_root: must have 32 bytes, got 64/],
    [() => ({ code4Root: hash(33) }), 6, /code4_root/],
    [() => ({ claimedLoss: -1n }), 6, /claimed_loss/],
    [() => ({ steps: 5 }), 6, /steps: round 1 has 6 steps, got 5/],
    [() => ({ artifact: undefined }), 6, /artifact: is required/],
    [() => ({ artifact: { ...artifact, size: 0n } }), 6, /artifact\.size/],
    [() => ({ artifact: { ...artifact, locations: [] } }), 6, /artifact\.locations: must be from 1 to 8, got 0/],
    [() => ({ artifact: { ...artifact, locations: ['file:///etc'] } }), 6, /artifact\.locations\[0\]: must be an http/],
    [() => ({ artifact: { ...artifact, locations: Array(9).fill('http://a') } }), 6, /artifact\.locations/],
  ]);
  await world.refused(world.commit(world.watcher, rootsOf(work)), 12, /a bond of at least 10000000 is required/);
  await world.deliver(world.tx(miner, [good]));
  await world.refused(world.tx(miner, [good]), 10, /a commit stands in round 1/);
  await world.refused(world.answerWith(miner, [open(work, 0, 0)]), 8, /is in phase 1, expected 3/);
});

test('a round takes no more commits than its terms allow, and then ends its window', async () => {
  const world = new World({ terms: { maxCommits: 1 } });
  const { miner, other, work } = await committed(world);
  const block = await world.comet.deliver([world.commit(miner, rootsOf(work)), world.commit(other, rootsOf(work))]);
  assert.equal(block.txResults[0]?.code, 0);
  assert.deepEqual([block.txResults[1]?.code, block.txResults[1]?.log], [13, 'round: it holds 1 commits: the round takes no more commits']);
  assert.equal(world.round().phase, RoundPhase.ROUND_PHASE_BEACON);
});

test('answers that break a rule are refused and leave every challenge open', async () => {
  const world = new World({ terms: { windows: LONG, maxCommits: 1 } });
  const { miner, other, work } = await committed(world);
  await world.deliver(world.commit(miner, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  const [first, second] = world.challenges(miner).challenges as [pb.Challenge, pb.Challenge];
  const opening = open(work, first.segment, first.leaf);
  const answer = (o: pb.LeafOpening): Uint8Array => world.answerWith(miner, [o]);
  const segments = Array.from({ length: 12 }, (_, i) => ({ segment: Math.floor(i / 4), leaf: i % 4 }));
  const unasked = segments.find((s) => !world.challenges(miner).challenges.some((c) => c.segment === s.segment && c.leaf === s.leaf));
  assert.ok(unasked);
  await world.refused(answer(open(work, unasked.segment, unasked.leaf)), 15, /openings\[0\]: segment \d, leaf \d: no such open challenge/);
  await world.refused(answer({ ...opening, leaf: 4 }), 15, /leaf 4/);
  await world.refused(answer({ ...opening, segment: 3 }), 15, /segment 3/);
  await world.refused(answer({ ...opening, oldLeaf: undefined }), 6, /openings\[0\]\.old_leaf: is required/);
  await world.refused(answer({ ...opening, records: [] }), 6, /openings\[0\]\.records: must hold 1 to 256 entries, got 0/);
  const long = { record: hash(1025), path: [] };
  await world.refused(answer({ ...opening, records: [long] }), 6, /records\[0\]\.record: must have at most 1024 bytes, got 1025/);
  const wide = { leaf: hash(16_385), path: [] };
  await world.refused(answer({ ...opening, newLeaf: wide }), 6, /new_leaf\.leaf: must have at most 16384 bytes/);
  const crooked = { leaf: hash(4), path: [hash(31)] };
  await world.refused(answer({ ...opening, newLeaf: crooked }), 6, /new_leaf\.path\[0\]: must have 32 bytes, got 31/);
  const deep = { leaf: hash(4), path: Array(41).fill(hash(32)) };
  await world.refused(answer({ ...opening, newLeaf: deep }), 6, /new_leaf\.path: must have at most 40 hashes, got 41/);
  await world.refused(answer({ ...opening, records: opening.records.slice(1) }), 14, /openings\[0\]\.records: 1 given, segment \d has 2 steps/);
  await world.refused(
    world.tx(miner, [message(pb.MsgAnswerChallenges, { miner: miner.address, jobId: 1n, round: 1n, openings: [] })]),
    6,
    /openings/,
  );
  await world.refused(world.answerWith(other, [opening]), 4, /no commit of it in round 1/);
  // Gas is charged before the work, so a small limit stops it.
  const starved = message(pb.MsgAnswerChallenges, { miner: miner.address, jobId: 1n, round: 1n, openings: [opening] });
  await world.refused(world.tx(miner, [starved], { gas: 250_000n }), 11, /out of gas in location: leaf opening/, 'sdk');
  assert.equal(world.challenges(miner).open.length, 4);
  await world.deliver(answer(opening));
  await world.refused(answer(opening), 15, /no such open challenge/);
  // Two answers in one transaction, of which one fails: neither counts.
  const other2 = open(work, second.segment, second.leaf);
  const half = message(pb.MsgAnswerChallenges, { miner: miner.address, jobId: 1n, round: 1n, openings: [other2, opening] });
  await world.refused(world.tx(miner, [half]), 15, /openings\[1\]/);
  assert.equal(world.challenges(miner).open.length, 3);
});

test('attestations that break a rule are refused by name', async () => {
  const world = new World({ terms: { windows: LONG, maxCommits: 1 } });
  const { miner, other, work } = await committed(world);
  await world.deliver(world.commit(miner, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(miner, work));
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  const v = world.verifiers[0] as VerifierKeys;
  const report = world.report(v, miner, work);
  await world.refused(world.attest({ account: other, bls: v.bls }, miner, report), 16, /not drawn for this commit/);
  await world.refused(world.attest(v, other, report), 4, /no commit of it/);
  await world.refused(world.reveal(v, miner, report), 8, /phase 4, expected 5/);
  const bad: readonly (readonly [Partial<pb.Report>, RegExp])[] = [
    [{ samples: 39 }, /report\.samples: must be 40/],
    [{ diffSum: report.diffSum + 1n }, /report\.diff_sum: must be parent_loss - loss/],
    [{ diffSquareSum: '0' }, /report\.diff_square_sum: no differences have these sums/],
    [{ digests: report.digests.slice(1) }, /report\.digests: must be those of the assigned steps/],
    [{ fault: pb.Fault.FAULT_WRONG_STEP }, /report\.fault: a positive verdict names none/],
    [{ code4Loss: -1n }, /report\.code4_loss: must be from 0/],
    [{ verdict: pb.Verdict.VERDICT_NEGATIVE }, /report\.fault: a negative verdict names a fault/],
    [{ verdict: 2, fault: 4, faultLeaf: 4 }, /report\.fault_leaf: must be below 4/],
    [{ verdict: 2, fault: 4, faultStep: 7 }, /report\.fault_step: must be at most 6/],
    [{ verdict: 0 }, /report\.verdict: must be positive or negative/],
    [{ fault: 99 }, /report\.fault: 99 is not known/],
    [{ digests: [...report.digests].reverse() }, /report\.digests\[1\]\.step: steps must rise/],
    [{ digests: report.digests.map((d) => ({ ...d, digest: hash(31) })) }, /report\.digests\[0\]\.digest: must have 32 bytes/],
  ];
  const [second, third] = world.verifiers.slice(1) as [VerifierKeys, VerifierKeys];
  await world.deliver(world.attest(v, miner, report), world.attest(second, miner, { ...report, ...bad[0]?.[0] }), world.attest(third, miner, report));
  await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.refused(world.reveal(v, miner, report, new Uint8Array(32)), 17, /does not match the committed hash/);
  for (const [change, log] of bad.slice(9)) await world.refused(world.reveal(v, miner, { ...report, ...change }), 18, log);
  await world.refused(world.reveal(second, miner, { ...report, ...bad[0]?.[0] }), 18, /report\.samples: must be 40/);
  await world.refused(world.reveal({ ...v, bls: second.bls }, miner, report), 19, /draw_signature: does not verify/);
  // The third committed to the digests of another verifier's steps.
  await world.refused(world.reveal(third, miner, report), 18, /report\.digests: must be those of the assigned steps/);
  await world.deliver(world.reveal(v, miner, report));
  await world.refused(world.reveal(v, miner, report), 10, /report: it is revealed/);
});
