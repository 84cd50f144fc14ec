// SPDX-License-Identifier: Apache-2.0
// The end of a round: which commit becomes the head, who is paid, what the job does next. Nothing is paid earlier.
import { basisPoints } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { type Commit, CommitStatus, type Job, JobStatus, type ProgressEntry, type Round, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import { bestOf, hasProgress, meetsMinimum } from './acceptance.ts';
import { type Quorum, quorumOf } from './attestations.ts';
import { MINER, takeBond } from './bonds.ts';
import { termsOf } from './commits.ts';
import { emitJobStatus, emitPaid, emitRoundClosed, emitSettled } from './events.ts';
import { destroy, payOut } from './funds.ts';
import { closed, withTerms } from './jobs.ts';
import { getParams, pendingOf, setCommit, setJob, setRound } from './keeper.ts';
import { differencesOf } from './reports.ts';
import * as state from './state.ts';
import { amountOf, bytesOf, coinOf, Outcome, plus, type RoleName } from './types.ts';

interface Judged {
  readonly commit: Commit;
  readonly quorum: Quorum | undefined;
  /** Verified, and no loss of quality. */
  readonly accepted: boolean;
}

function judge(ctx: Context, round: Round, commit: Commit): Judged {
  const quorum = quorumOf(ctx, round, commit);
  if (quorum === undefined) return { commit, quorum, accepted: false };
  const { parentLoss, loss, code4Loss, diffSum, diffSquareSum, samples } = quorum.report;
  const { minImprovement, zMilli } = termsOf(round);
  const accepted = meetsMinimum(differencesOf(quorum.report), minImprovement, zMilli);
  return { commit: { ...commit, parentLoss, loss, code4Loss, diffSum, diffSquareSum, samples }, quorum, accepted };
}

/** The accepted commits, the best first; equals in order of arrival. */
function ranked(judged: readonly Judged[]): readonly Judged[] {
  const rest = judged.filter((j) => j.accepted);
  const order: Judged[] = [];
  for (let best = bestOf(rest.map((j) => differencesOf(j.commit))); best !== undefined; best = bestOf(rest.map((j) => differencesOf(j.commit)))) {
    order.push(...rest.splice(best, 1));
  }
  return order;
}

function pay(ctx: Context, round: Round, role: RoleName, address: string, amount: bigint): void {
  if (amount === 0n) return;
  const bytes = bytesOf(ctx, address);
  payOut(ctx, bytes, getParams(ctx).bondDenom, amount);
  if (role === 'miner') {
    const m = state.miners.get(ctx, bytes);
    if (m !== undefined) state.miners.set(ctx, bytes, { ...m, earned: plus(m.earned, amount) });
  } else {
    const v = state.verifiers.get(ctx, bytes);
    if (v !== undefined) state.verifiers.set(ctx, bytes, { ...v, earned: plus(v.earned, amount) });
  }
  emitPaid(ctx, round, role, address, amount);
}

/** Splits an amount by weight, each part rounded down; what was paid. */
function payMembers(ctx: Context, round: Round, quorum: Quorum, amount: bigint): bigint {
  const total = quorum.members.reduce((sum, m) => sum + m.weight, 0n);
  let paid = 0n;
  for (const { verifier, weight } of quorum.members) {
    const part = (amount * weight) / total;
    pay(ctx, round, 'verifier', verifier, part);
    paid += part;
  }
  return paid;
}

/**
 * The fee of a commit that did not win goes to those who proved that they verified it, by agreeing on its losses, and
 * is burned otherwise: nobody earns by rejecting.
 */
function chargeFee(ctx: Context, round: Round, { commit, quorum }: Judged): bigint {
  const params = getParams(ctx);
  const fee = takeBond(ctx, MINER, bytesOf(ctx, commit.miner), BigInt(params.verificationFee), commit.height);
  const paid = quorum === undefined ? 0n : payMembers(ctx, round, quorum, fee);
  destroy(ctx, params.bondDenom, fee - paid);
  return fee;
}

/** Verifiers' share by weight, the runner-up's share of the rest, everything else to the winner. */
function payReward(ctx: Context, round: Round, winner: Judged, second: Judged | undefined): { readonly winner: bigint; readonly second: bigint } {
  const terms = termsOf(round);
  const reward = amountOf(terms.reward);
  if (winner.quorum === undefined) throw new CorruptStateError('pogo: a winner without quorum');
  const rest = reward - payMembers(ctx, round, winner.quorum, basisPoints(reward, terms.verifierBps));
  const toSecond = second === undefined ? 0n : basisPoints(rest, terms.runnerUpBps);
  if (second !== undefined) pay(ctx, round, 'miner', second.commit.miner, toSecond);
  pay(ctx, round, 'miner', winner.commit.miner, rest - toSecond);
  return { winner: rest - toSecond, second: toSecond };
}

function record(ctx: Context, commit: Commit, status: CommitStatus, paid: bigint, fee: bigint): Commit {
  const next: Commit = { ...commit, status, paid: paid.toString(), fee: fee.toString() };
  setCommit(ctx, next);
  emitSettled(ctx, next);
  return next;
}

/** Decides every pending commit and closes the round. */
export function settle(ctx: Context, job: Job, round: Round): void {
  const judged = pendingOf(ctx, round).map((c) => judge(ctx, round, c));
  const [winner, second] = ranked(judged);
  const paid = winner === undefined ? { winner: 0n, second: 0n } : payReward(ctx, round, winner, second);
  let won: Commit | undefined;
  for (const j of judged) {
    if (j === winner) won = record(ctx, j.commit, CommitStatus.COMMIT_STATUS_WON, paid.winner, 0n);
    else {
      const status = j.accepted ? CommitStatus.COMMIT_STATUS_RUNNER_UP : CommitStatus.COMMIT_STATUS_REJECTED;
      record(ctx, j.commit, status, j === second ? paid.second : 0n, chargeFee(ctx, round, j));
    }
  }
  const verified = judged.some((j) => j.quorum !== undefined);
  const outcome = outcomeOf(round, judged.length, verified, won);
  const end: Round = {
    ...round,
    phase: RoundPhase.ROUND_PHASE_CLOSED,
    phaseEnd: 0n,
    winner: won?.miner ?? '',
    outcome,
    closedHeight: ctx.block.height,
  };
  leave(ctx, end);
  emitRoundClosed(ctx, end, won, won === undefined ? 0n : amountOf(termsOf(round).reward));
  setJob(ctx, afterRound(ctx, won === undefined ? job : withHead(ctx, job, round, won), end, won));
}

function outcomeOf(round: Round, pending: number, verified: boolean, won: Commit | undefined): Outcome {
  if (won !== undefined) return Outcome.Finalized;
  if (verified) return Outcome.NoImprovement;
  if (pending > 0) return Outcome.NoQuorum;
  return round.miners.length > 0 ? Outcome.AllSlashed : Outcome.NoCommits;
}

/** Writes the closed round, frees its people and forgets the attestations of a round long past. */
function leave(ctx: Context, round: Round): void {
  setRound(ctx, round);
  if (round.miners.length > 0) state.openRounds.set(ctx, state.openRounds.need(ctx) - 1n);
  state.awaiting.delete(ctx, round.jobId);
  for (const miner of round.miners) state.engaged.delete(ctx, ['miner', bytesOf(ctx, miner), round.jobId]);
  for (const { verifier } of round.committee) state.engaged.delete(ctx, ['verifier', bytesOf(ctx, verifier), round.jobId]);
  const old = round.number - BigInt(getParams(ctx).keepRounds);
  if (old < 1n) return;
  for (const [key] of [...state.attestations.entries(ctx, { prefix: state.roundPrefix(round.jobId, old) })]) state.attestations.delete(ctx, key);
}

/** The job with the winner's model as its head, its reward paid. */
function withHead(ctx: Context, job: Job, round: Round, won: Commit): Job {
  const reward = amountOf(termsOf(round).reward);
  const escrow = amountOf(job.escrow);
  if (escrow < reward) throw new CorruptStateError(`pogo: job ${job.id} paid ${reward} from an escrow of ${escrow}`);
  const bytes = bytesOf(ctx, won.miner);
  const miner = state.miners.get(ctx, bytes);
  if (miner !== undefined) state.miners.set(ctx, bytes, { ...miner, roundsWon: miner.roundsWon + 1n });
  return {
    ...job,
    escrow: coinOf(getParams(ctx).bondDenom, escrow - reward),
    finalizedRounds: job.finalizedRounds + 1n,
    head: {
      round: round.number,
      stateRoot: won.stateRoot,
      code4Root: won.code4Root,
      lossSum: won.loss,
      lossSamples: won.samples,
      height: ctx.block.height,
      steps: (round.parent?.steps ?? 0n) + BigInt(won.steps),
      miner: won.miner,
      artifact: won.artifact,
    },
  };
}

/** A verified round without improvement counts as one of no difference; one that nobody verified does not count. */
function progressEntry(round: Round, won: Commit | undefined): ProgressEntry | undefined {
  if (won !== undefined) return { round: round.number, diffSum: won.diffSum, diffSquareSum: won.diffSquareSum, samples: won.samples };
  if (round.outcome !== Outcome.NoImprovement) return undefined;
  return { round: round.number, diffSum: 0n, diffSquareSum: '0', samples: termsOf(round).evalSamples };
}

function withRecord(ctx: Context, job: Job, round: Round, won: Commit | undefined): Job {
  const { maxStrikes } = getParams(ctx);
  const terms = termsOf(round);
  const entry = progressEntry(round, won);
  const progress = entry === undefined ? job.progress : [...job.progress, entry].slice(-terms.progressWindow);
  const noValid = round.outcome === Outcome.NoCommits || round.outcome === Outcome.AllSlashed;
  const strikes = noValid ? job.strikes + 1 : round.outcome === Outcome.NoQuorum ? job.strikes : 0;
  let status: JobStatus = job.status as JobStatus;
  if (strikes >= maxStrikes) status = JobStatus.JOB_STATUS_FROZEN;
  else if (entry !== undefined && progress.length >= terms.progressWindow && !hasProgress(progress.map(differencesOf), terms.zMilli))
    status = JobStatus.JOB_STATUS_CONVERGED;
  return { ...job, progress, strikes, status };
}

/** Closing and new terms, asked for in mid-round, take effect now. New terms are the owner's decision to go on. */
function afterRound(ctx: Context, before: Job, round: Round, won: Commit | undefined): Job {
  let job = withRecord(ctx, before, round, won);
  if (job.closing) return closed(ctx, job);
  if (job.nextTerms !== undefined) job = { ...withTerms(job, job.nextTerms), status: JobStatus.JOB_STATUS_ACTIVE, strikes: 0 };
  if (job.status !== JobStatus.JOB_STATUS_ACTIVE) {
    emitJobStatus(ctx, job, 0n);
    return { ...job, wakeHeight: 0n };
  }
  return { ...job, wakeHeight: ctx.block.height + BigInt(getParams(ctx).roundPause) };
}
