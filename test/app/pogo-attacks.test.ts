// SPDX-License-Identifier: Apache-2.0
// Each attack as its attacker would build it. In every one the false work never becomes the head.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fraudClaimHash } from '../../modules/pogo/attestation.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import { encodeCodes } from '../../train/codes.ts';
import { reference } from '../../train/reference.ts';
import { stateTree } from '../../train/round.ts';
import { batchDigest } from '../../train/samples.ts';
import { balance, CHAIN, message, query, type Signer } from '../helpers/fixture.ts';
import { Fault, Outcome } from './pogo-names.ts';
import { finalState, INIT_STATE, LAYOUT, NEGATIVE, open, quantised, rebuild, rootsOf, SPEC, type Work } from './pogo-work.ts';
import { blsKey, FUNDS, TERMS, type VerifierKeys, World, type WorldOptions } from './pogo-world.ts';

const { CommitStatus, RoundPhase } = pb;
const ALL_LEAVES: WorldOptions = { terms: { leafChallenges: 12 } };
const SALT = new Uint8Array(32).fill(3);

async function started(options: WorldOptions = ALL_LEAVES): Promise<{ world: World; honest: Signer; hostile: Signer }> {
  const world = new World(options);
  await world.start();
  await world.untilRound(1n);
  const [honest, hostile] = world.miners as [Signer, Signer];
  return { world, honest, hostile };
}

/** Both commit; the honest one answers; then the hostile one does what `act` says; verifiers judge what is pending. */
async function duel(world: World, honest: Signer, hostile: Signer, false_: Work, act: (work: Work) => Promise<void>): Promise<Work> {
  const work = await world.train(honest);
  await world.deliver(world.commit(hostile, rootsOf(false_)), world.commit(honest, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await act(false_);
  return work;
}

async function honestWins(world: World, honest: Signer, work: Work): Promise<void> {
  if (world.round(1n).phase !== RoundPhase.ROUND_PHASE_CLOSED) await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  assert.equal(world.round(1n).outcome, Outcome.Finalized);
  assert.equal(world.round(1n).winner, honest.address);
  assert.deepEqual(world.job().head?.stateRoot, rootsOf(work).stateRoot);
  assert.equal(world.job().strikes, 0);
}

function assertSlashed(world: World, hostile: Signer, fault: number): void {
  const commit = world.commitOf(hostile, 1n);
  assert.deepEqual([commit.status, commit.fault, commit.slashed], [CommitStatus.COMMIT_STATUS_SLASHED, fault, '20000000']);
  assert.equal(world.miner(hostile).bond?.amount, '0');
  assert.equal(balance(world.comet, hostile.address), FUNDS - 20_000_000n);
}

/** Adds one to a byte of a parameter in a state's leaf 0. */
function spoil(work: Work, step: number): void {
  const state = Uint8Array.from(work.states.get(step) as Uint8Array);
  state[2] = ((state[2] as number) + 1) & 255;
  work.states.set(step, state);
}

test('wrong-leaf: a state that does not follow from its codes is slashed by the answer itself', async () => {
  const { world, honest, hostile } = await started();
  const forged = await world.train(hostile);
  spoil(forged, 6);
  forged.model4 = quantised(finalState(forged));
  rebuild(forged);
  const work = await duel(world, honest, hostile, forged, async (w) => {
    const block = await world.deliver(world.answer(hostile, w));
    assert.ok(block.txResults[0]?.events.some((e) => e.type === 'pogo_commit_slashed'));
  });
  assertSlashed(world, hostile, Fault.FAULT_WRONG_LEAF);
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
});

test('wrong 4-bit form: a code4 leaf that is not the quantisation is slashed', async () => {
  const { world, honest, hostile } = await started();
  const forged = await world.train(hostile);
  forged.model4 = quantised(INIT_STATE);
  const work = await duel(world, honest, hostile, forged, async (w) => {
    await world.deliver(world.answer(hostile, w));
  });
  assertSlashed(world, hostile, Fault.FAULT_WRONG_CODE4);
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
});

test('adaptive: garbage states answered with leaves made after the challenge do not verify, and silence is slashed', async () => {
  const { world, honest, hostile } = await started({ terms: { leafChallenges: 12, windows: { ...TERMS.windows, answer: 6 } as pb.Windows } });
  const truth = await world.train(hostile);
  const garbage = await world.train(hostile);
  for (const step of [2, 4, 6]) garbage.states.set(step, new Uint8Array(LAYOUT.stateBytes).fill(step));
  garbage.model4 = new Uint8Array(LAYOUT.codeBytes).fill(77);
  rebuild(garbage);
  const work = await duel(world, honest, hostile, garbage, async (w) => {
    // The records of the commit, but leaves that would satisfy the recomputation.
    const { challenges } = world.challenges(hostile);
    for (const c of challenges.slice(0, 2)) {
      const mixed = {
        ...open(w, c.segment, c.leaf),
        oldLeaf: open(truth, c.segment, c.leaf).oldLeaf,
        newLeaf: open(truth, c.segment, c.leaf).newLeaf,
      };
      await world.refused(world.answerWith(hostile, [mixed]), 14, /leaf: its path does not lead to the committed root/);
    }
    assert.equal(world.commitOf(hostile).status, CommitStatus.COMMIT_STATUS_PENDING);
  });
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  assertSlashed(world, hostile, Fault.FAULT_UNANSWERED);
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
});

test('silent: a commit whose challenges are never answered loses its whole bond, even after it began to unbond', async () => {
  const { world, honest, hostile } = await started();
  const work = await duel(world, honest, hostile, await world.train(hostile), async () => {
    await world.deliver(
      world.tx(hostile, [message(pb.MsgUnbondMiner, { miner: hostile.address, amount: { denom: CHAIN.bondDenom, amount: '20000000' } })]),
    );
  });
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  assertSlashed(world, hostile, Fault.FAULT_UNANSWERED);
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
  await world.comet.advance(40);
  assert.equal(balance(world.comet, hostile.address), FUNDS - 20_000_000n);
});

test("copycat: another's commit is slashed, whether it answers with the victim's leaves or with none", async () => {
  const { world, honest, hostile } = await started();
  const work = await world.train(honest);
  await world.deliver(world.commit(hostile, rootsOf(work)), world.commit(honest, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await world.deliver(world.answer(hostile, work));
  assertSlashed(world, hostile, Fault.FAULT_FOREIGN_BINDING);
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
});

test('wrong batch: easy samples instead of the prescribed ones are slashed', async () => {
  const { world, honest, hostile } = await started();
  const forged = await world.train(hostile);
  forged.records.forEach((r, i) => {
    forged.records[i] = { ...r, batchDigest: batchDigest(new Uint32Array(SPEC.batchSize)) };
  });
  const work = await duel(world, honest, hostile, forged, async (w) => {
    await world.deliver(world.answer(hostile, w));
  });
  assertSlashed(world, hostile, Fault.FAULT_FOREIGN_BINDING);
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
});

test('no-training: valid updates from made-up gradients pass the leaves, and no quorum stands behind them', async () => {
  const { world, honest, hostile } = await started();
  const forged = await world.train(hostile);
  const trainer = reference.create(SPEC);
  trainer.load(INIT_STATE);
  for (let step = 1; step <= 6; step++) {
    const codes = forged.codes[step - 1] as Uint8Array;
    encodeCodes(new Float32Array(LAYOUT.paddedCount).fill(step / 64), codes, 4);
    trainer.applyCodes(codes, step);
    if (step % 2 === 0) forged.states.set(step, trainer.state());
  }
  forged.model4 = quantised(finalState(forged));
  rebuild(forged);
  const work = await duel(world, honest, hostile, forged, async (w) => {
    await world.deliver(world.answer(hostile, w));
  });
  await judgedNegative(world, honest, hostile, work, { ...NEGATIVE, fault: Fault.FAULT_WRONG_STEP, faultStep: 3 });
});

/** Verifiers reject the hostile commit and approve the honest one. */
async function judgedNegative(world: World, honest: Signer, hostile: Signer, work: Work, verdict: pb.Report): Promise<void> {
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  const reports = world.verifiers.map((v) => [v, world.report(v, honest, work)] as const);
  await world.deliver(...reports.flatMap(([v, r]) => [world.attest(v, honest, r), world.attest(v, hostile, verdict)]));
  await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.deliver(...reports.flatMap(([v, r]) => [world.reveal(v, honest, r), world.reveal(v, hostile, verdict)]));
  await honestWins(world, honest, work);
  const commit = world.commitOf(hostile, 1n);
  // Rejected and unpaid, but a vote slashes nobody; the fee is burned, since rejecting must not pay.
  assert.deepEqual([commit.status, commit.slashed, commit.paid, commit.fee], [CommitStatus.COMMIT_STATUS_REJECTED, '0', '0', '10000']);
  assert.equal(world.miner(hostile).bond?.amount, '19990000');
  for (const v of world.verifiers) assert.equal(world.verifier(v.account).earned, '66666');
}

test('fake-loss: a claimed loss that was not reached is rejected and unpaid', async () => {
  const { world, honest, hostile } = await started();
  const untrained = await world.train(hostile);
  const work = await world.train(honest);
  await world.deliver(world.commit(hostile, rootsOf(untrained), { claimedLoss: 0n }), world.commit(honest, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work), world.answer(hostile, untrained));
  await judgedNegative(world, honest, hostile, work, { ...NEGATIVE, fault: Fault.FAULT_FALSE_LOSS });
});

test('stale: a commit on an old head is refused as a transaction', async () => {
  const { world, honest, hostile } = await started();
  await world.play([honest]);
  await world.untilRound(2n);
  const work = await world.train(hostile);
  const tx = world.commit(hostile, rootsOf(work), { parentRoot: stateTree(SPEC, INIT_STATE).root });
  await world.refused(tx, 9, /parent_root: the head of job 1 is [0-9a-f]{64}: the parent is not the head/);
  assert.equal(world.round().miners.length, 0);
});

async function claim(world: World, accuser: Signer, accused: Signer, opening: pb.LeafOpening): Promise<void> {
  const id = { chainId: CHAIN.chainId, job: 1n, round: 1n, miner: accused.bytes };
  const hash = fraudClaimHash(id, accuser.bytes, SALT, opening);
  await world.deliver(world.tx(accuser, [message(pb.MsgCommitFraudClaim, { accuser: accuser.address, hash })]));
}

function proof(world: World, accuser: Signer, accused: Signer, opening: pb.LeafOpening): Uint8Array {
  const fields = { accuser: accuser.address, jobId: 1n, round: 1n, miner: accused.address, salt: SALT, opening };
  return world.tx(accuser, [message(pb.MsgProveLeafFraud, fields)]);
}

test('one false leaf among many that no challenge met: a watcher proves it, gets gas and a small bounty, the rest burns', async () => {
  const { world, honest, hostile } = await started({ terms: { leafChallenges: 1, windows: { ...TERMS.windows, commit: 12 } as pb.Windows } });
  const forged = await world.train(hostile);
  // A momentum of the first bias, in a single checkpoint.
  const state = Uint8Array.from(forged.states.get(4) as Uint8Array);
  state[LAYOUT.stateLeafBytes + 4096 + 2] = 1;
  forged.states.set(4, state);
  rebuild(forged);
  const work = await world.train(honest);
  await world.deliver(world.commit(hostile, rootsOf(forged)), world.commit(honest, rootsOf(work)));
  for (const opening of [open(forged, 1, 1), open(forged, 0, 0), open(work, 1, 1)]) await claim(world, world.watcher, hostile, opening);
  // Nobody can take the proof from the mempool: a claim binds its accuser, and the opening that it has.
  await claim(world, world.owner, hostile, open(forged, 0, 1));
  await world.refused(proof(world, world.owner, hostile, open(forged, 1, 1)), 20, /no claim with this hash/);
  // An honest leaf proves nothing, a forged path neither; both cost gas only.
  await world.refused(proof(world, world.watcher, hostile, open(forged, 0, 0)), 21, /proves no fault/);
  await world.refused(proof(world, world.watcher, hostile, open(work, 1, 1)), 14, /path does not lead to the trace root/);
  const before = balance(world.comet, world.watcher.address);
  const block = await world.deliver(proof(world, world.watcher, hostile, open(forged, 1, 1)));
  const gained = balance(world.comet, world.watcher.address) - before;
  const gas = block.txResults[0]?.gasUsed as bigint;
  // 5 % of 20,000,000, and at most what the gas of the transaction costs.
  assert.ok(gained > 1_000_000n && gained <= 1_000_000n + (gas * 25_000n) / 1_000_000n, `${gained}`);
  assertSlashed(world, hostile, Fault.FAULT_WRONG_LEAF);
  await world.refused(proof(world, world.watcher, hostile, open(forged, 1, 1)), 20, /no claim/);
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
});

test('a fraud claim and its proof in one block are refused, and a miner cannot accuse itself', async () => {
  const { world, honest, hostile } = await started();
  const forged = await world.train(hostile);
  spoil(forged, 2);
  rebuild(forged);
  await world.deliver(world.commit(hostile, rootsOf(forged)));
  const id = { chainId: CHAIN.chainId, job: 1n, round: 1n, miner: hostile.bytes };
  const hash = fraudClaimHash(id, honest.bytes, SALT, open(forged, 0, 0));
  const both = world.tx(honest, [
    message(pb.MsgCommitFraudClaim, { accuser: honest.address, hash }),
    message(pb.MsgProveLeafFraud, { accuser: honest.address, jobId: 1n, round: 1n, miner: hostile.address, salt: SALT, opening: open(forged, 0, 0) }),
  ]);
  await world.refused(both, 20, /committed in this block/);
  await claim(world, hostile, hostile, open(forged, 0, 0));
  await world.refused(proof(world, hostile, hostile, open(forged, 0, 0)), 11, /cannot accuse itself/);
});

test('colluding verifiers cannot convict an honest miner, and gain nothing by rejecting it', async () => {
  const { world, honest } = await started();
  const work = await world.train(honest);
  await world.deliver(world.commit(honest, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  const truthful = world.verifiers[0] as VerifierKeys;
  const reports = world.verifiers.map((v) => [v, v === truthful ? world.report(v, honest, work) : NEGATIVE] as const);
  await world.deliver(...reports.map(([v, r]) => world.attest(v, honest, r)));
  await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.deliver(...reports.map(([v, r]) => world.reveal(v, honest, r)));
  await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  assert.equal(world.round(1n).outcome, Outcome.NoQuorum);
  assert.equal(world.miner(honest).bond?.amount, '19990000');
  for (const v of world.verifiers) assert.deepEqual([world.verifier(v.account).earned, world.verifier(v.account).slashed], ['0', '0']);
  assert.equal(world.job().strikes, 0);
  assert.equal(world.job().escrow?.amount, '10000000');
});

test('a third of the weight with other numbers does not stop two thirds that agree, and is not paid', async () => {
  const { world, honest } = await started();
  const work = await world.train(honest);
  await world.deliver(world.commit(honest, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  const liar = world.verifiers[1] as VerifierKeys;
  const reports = world.verifiers.map((v) => {
    const r = world.report(v, honest, work);
    return [v, v === liar ? { ...r, loss: r.loss + 1n, diffSum: r.diffSum - 1n } : r] as const;
  });
  await world.deliver(...reports.map(([v, r]) => world.attest(v, honest, r)));
  await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.deliver(...reports.map(([v, r]) => world.reveal(v, honest, r)));
  await honestWins(world, honest, work);
  assert.deepEqual(
    world.verifiers.map((v) => world.verifier(v.account).earned),
    ['100000', '0', '100000'],
  );
});

test('lazy verifiers: a copied attestation cannot be revealed, absence and silence are slashed', async () => {
  const { world, honest } = await started();
  const work = await world.train(honest);
  await world.deliver(world.commit(honest, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  const [diligent, copier, absent] = world.verifiers as [VerifierKeys, VerifierKeys, VerifierKeys];
  const report = world.report(diligent, honest, work);
  const attestation = world.attest(diligent, honest, report);
  await world.deliver(attestation);
  const { attestations } = query(world.comet, '/pogo.v1.Query/Attestations', pb.QueryAttestationsRequest, pb.QueryAttestationsResponse, {
    jobId: 1n,
    round: 0n,
  });
  const { hash } = attestations[0] as pb.Attestation;
  const { address } = copier.account;
  await world.deliver(
    world.tx(copier.account, [message(pb.MsgCommitAttestation, { verifier: address, jobId: 1n, round: 1n, miner: honest.address, hash })]),
  );
  const { openedHeight } = await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.deliver(world.reveal(diligent, honest, report));
  await world.refused(world.reveal(copier, honest, report), 17, /does not match the committed hash/);
  await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  // 100 and 500 basis points of 20,000,000.
  assert.equal(world.verifier(absent.account).slashed, '200000');
  assert.ok(world.verifier(absent.account).outUntil >= openedHeight + 50n);
  assert.equal(world.verifier(copier.account).slashed, '1000000');
  assert.equal(world.verifier(diligent.account).slashed, '0');
  assert.equal(world.round(1n).outcome, Outcome.NoQuorum);
  await world.untilRound(2n);
  await world.play([honest], [diligent, copier]);
  assert.ok(!world.round(2n).committee.some((v) => v.verifier === absent.account.address), 'an absent verifier is out of the draw');
});

test("a miner's own verifier does not count for its commit", async () => {
  const world = new World({ miners: 2, verifiers: 1 });
  const [honest, hostile] = world.miners as [Signer, Signer];
  const own: VerifierKeys = { account: hostile, bls: blsKey('9') };
  await world.deliver(world.tx(hostile, [world.bondVerifier(own, 400_000_000n)]));
  await world.start();
  await world.untilRound(1n);
  const work = await world.train(hostile);
  await world.deliver(world.commit(hostile, rootsOf(work)));
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(hostile, work));
  await world.until(RoundPhase.ROUND_PHASE_ATTEST);
  const report = world.report(own, hostile, work);
  await world.refused(world.attest(own, hostile, report), 16, /not drawn for this commit/);
  const other = world.verifiers[0] as VerifierKeys;
  await world.deliver(world.attest(other, hostile, NEGATIVE));
  await world.until(RoundPhase.ROUND_PHASE_REVEAL);
  await world.deliver(world.reveal(other, hostile, NEGATIVE));
  await world.until(RoundPhase.ROUND_PHASE_CLOSED);
  assert.equal(world.round(1n).outcome, Outcome.NoQuorum);
  assert.equal(world.miner(honest).slashed, '0');
});

test('closing a job in mid-round does not drain the escrow that the round works for', async () => {
  const { world, honest } = await started();
  const work = await world.train(honest);
  await world.deliver(
    world.commit(honest, rootsOf(work)),
    world.tx(world.owner, [message(pb.MsgCloseJob, { owner: world.owner.address, jobId: 1n })]),
  );
  assert.equal(balance(world.comet, world.owner.address), FUNDS - 10_000_000n);
  await world.until(RoundPhase.ROUND_PHASE_ANSWER);
  await world.deliver(world.answer(honest, work));
  await world.verify([[honest, work]]);
  await honestWins(world, honest, work);
  assert.equal(world.job().status, pb.JobStatus.JOB_STATUS_CLOSED);
  assert.equal(balance(world.comet, world.owner.address), FUNDS - 1_000_000n);
  assert.equal(balance(world.comet, honest.address), FUNDS - 20_000_000n + 800_002n);
});

test('bonds made after the beacon of a round do not take part in it', async () => {
  const { world } = await started();
  const late = world.watcher;
  await world.deliver(world.tx(late, [world.bondMiner(late)]));
  const work = await world.train(late);
  await world.refused(world.commit(late, rootsOf(work)), 11, /bonded at height \d+, the round opened at \d+/);
});
