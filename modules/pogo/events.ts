// SPDX-License-Identifier: Apache-2.0
// One function per event. Types are `pogo_` and a past tense; a stream of them draws a loss curve per job and a ledger
// per miner. Losses are sums over `samples` samples in 2^-16 nats; amounts are in the bond denomination.
import type { Context } from '../../core/context.ts';
import { event } from '../../core/events.ts';
import {
  type Attestation,
  type Commit,
  CommitStatus,
  Fault,
  type Job,
  JobStatus,
  type Round,
  RoundPhase,
  type Unbonding,
  Verdict,
} from '../../proto/gen/pogo.v1.ts';
import { amountOf, type RoleName } from './types.ts';

type Values = Readonly<Record<string, string | bigint | number>>;

function nameOf(table: Readonly<Record<string, number>>, value: number, prefix: string): string {
  const found = Object.entries(table).find(([, v]) => v === value)?.[0] ?? String(value);
  return found.slice(prefix.length).toLowerCase();
}

export const faultName = (fault: number): string => nameOf(Fault, fault, 'FAULT_');
export const phaseName = (phase: number): string => nameOf(RoundPhase, phase, 'ROUND_PHASE_');
export const statusName = (status: number): string => nameOf(CommitStatus, status, 'COMMIT_STATUS_');
export const jobStatusName = (status: number): string => nameOf(JobStatus, status, 'JOB_STATUS_');

function emit(ctx: Context, type: string, values: Values): void {
  ctx.emit(event(`pogo_${type}`, values));
}

const ofRound = (r: Pick<Round, 'jobId' | 'number'>): Values => ({ job: r.jobId, round: r.number });
const ofCommit = (c: Pick<Commit, 'jobId' | 'round' | 'miner'>): Values => ({ job: c.jobId, round: c.round, miner: c.miner });

export function emitJobCreated(ctx: Context, job: Job): void {
  emit(ctx, 'job_created', { job: job.id, owner: job.owner, title: job.title, escrow: amountOf(job.escrow) });
}

export function emitJobFunded(ctx: Context, job: Job, sender: string, amount: bigint): void {
  emit(ctx, 'job_funded', { job: job.id, sender, amount, escrow: amountOf(job.escrow) });
}

export function emitJobUpdated(ctx: Context, job: Job): void {
  emit(ctx, 'job_updated', { job: job.id, owner: job.owner });
}

/** A job froze, converged, closed or became active again. */
export function emitJobStatus(ctx: Context, job: Job, refunded: bigint): void {
  emit(ctx, 'job_status_changed', { job: job.id, owner: job.owner, status: jobStatusName(job.status), round: job.round, refunded });
}

export function emitRoundWaiting(ctx: Context, job: Job): void {
  emit(ctx, 'round_waiting', { job: job.id, round: job.round + 1n, reason: job.waiting });
}

export function emitRoundOpened(ctx: Context, round: Round): void {
  emit(ctx, 'round_opened', {
    ...ofRound(round),
    reward: amountOf(round.terms?.reward),
    parent_round: round.parent?.round ?? 0n,
    phase_end: round.phaseEnd,
  });
}

export function emitPhase(ctx: Context, round: Round): void {
  emit(ctx, 'phase_changed', { ...ofRound(round), phase: phaseName(round.phase), phase_end: round.phaseEnd });
}

export function emitChallenged(ctx: Context, round: Round): void {
  emit(ctx, 'round_challenged', { ...ofRound(round), commits: round.miners.length, committee: round.committee.map((v) => v.verifier).join(',') });
}

export function emitCommitted(ctx: Context, c: Commit, samples: number): void {
  emit(ctx, 'update_committed', { ...ofCommit(c), claimed_parent_loss: c.claimedParentLoss, claimed_loss: c.claimedLoss, steps: c.steps, samples });
}

export function emitAnswered(ctx: Context, c: Commit, open: number): void {
  emit(ctx, 'challenges_answered', { ...ofCommit(c), answered: c.answered.length, open });
}

export function emitCommitSlashed(ctx: Context, c: Commit, reason: string): void {
  emit(ctx, 'commit_slashed', { ...ofCommit(c), fault: faultName(c.fault), slashed: c.slashed, reason: reason.slice(0, 200) });
}

export function emitFraudProven(ctx: Context, c: Commit, accuser: string, bounty: bigint): void {
  emit(ctx, 'fraud_proven', { ...ofCommit(c), accuser, fault: faultName(c.fault), bounty });
}

export function emitAttested(ctx: Context, a: Attestation): void {
  emit(ctx, 'attestation_committed', { job: a.jobId, round: a.round, miner: a.miner, verifier: a.verifier });
}

export function emitRevealed(ctx: Context, a: Attestation): void {
  const r = a.report;
  emit(ctx, 'attestation_revealed', {
    job: a.jobId,
    round: a.round,
    miner: a.miner,
    verifier: a.verifier,
    verdict: nameOf(Verdict, r?.verdict ?? 0, 'VERDICT_'),
    fault: faultName(r?.fault ?? 0),
    parent_loss: r?.parentLoss ?? 0n,
    loss: r?.loss ?? 0n,
    samples: r?.samples ?? 0,
  });
}

export function emitVerifierSlashed(ctx: Context, round: Round, verifier: string, reason: 'absent' | 'unrevealed', slashed: bigint): void {
  emit(ctx, 'verifier_slashed', { ...ofRound(round), verifier, reason, slashed });
}

/** What became of a commit that was not slashed. */
export function emitSettled(ctx: Context, c: Commit): void {
  emit(ctx, 'commit_settled', {
    ...ofCommit(c),
    status: statusName(c.status),
    parent_loss: c.parentLoss,
    loss: c.loss,
    code4_loss: c.code4Loss,
    samples: c.samples,
    paid: c.paid,
    fee: c.fee,
  });
}

export function emitPaid(ctx: Context, round: Round, role: RoleName, address: string, amount: bigint): void {
  emit(ctx, 'paid', { ...ofRound(round), role, address, amount });
}

export function emitRoundClosed(ctx: Context, round: Round, winner: Commit | undefined, paid: bigint): void {
  emit(ctx, 'round_closed', {
    ...ofRound(round),
    outcome: round.outcome,
    winner: round.winner,
    parent_loss: winner?.parentLoss ?? 0n,
    loss: winner?.loss ?? 0n,
    code4_loss: winner?.code4Loss ?? 0n,
    samples: winner?.samples ?? 0,
    paid,
  });
}

export function emitBonded(ctx: Context, role: RoleName, address: string, amount: bigint, bond: bigint): void {
  emit(ctx, 'bonded', { role, address, amount, bond });
}

export function emitUnbonding(ctx: Context, role: RoleName, address: string, amount: bigint, releaseHeight: bigint): void {
  emit(ctx, 'unbonding_started', { role, address, amount, release_height: releaseHeight });
}

export function emitReleased(ctx: Context, u: Unbonding): void {
  emit(ctx, 'unbonding_released', { role: u.role, address: u.address, amount: amountOf(u.amount) });
}

export function emitClaimed(ctx: Context, accuser: string): void {
  emit(ctx, 'fraud_claimed', { accuser });
}
