// SPDX-License-Identifier: Apache-2.0
// Objects by id, and when the chain looks at a job next.
import type { Readable } from '../../core/collections.ts';
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { type Commit, CommitStatus, type Job, type Params, type Round, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import { errCommitNotFound, errJobNotFound, errRoundNotFound, errWrongPhase } from './errors.ts';
import * as state from './state.ts';
import { bytesOf } from './types.ts';

/** Parameters in force. */
export function getParams(ctx: Readable): Params {
  return state.params.need(ctx);
}

/** The job; throws pogo/2. */
export function needJob(ctx: Readable, id: bigint): Job {
  const job = state.jobs.get(ctx, id);
  if (job === undefined) throw errJobNotFound(`job_id: ${id}`);
  return job;
}

/** The round; throws pogo/3. */
export function needRound(ctx: Readable, job: bigint, round: bigint): Round {
  const found = state.rounds.get(ctx, [job, round]);
  if (found === undefined) throw errRoundNotFound(`round: job ${job} has no round ${round}`);
  return found;
}

/** The commit; throws pogo/4. */
export function needCommit(ctx: Readable, round: Round, miner: Uint8Array): Commit {
  const commit = state.commits.get(ctx, [[round.jobId, round.number], miner]);
  if (commit === undefined) throw errCommitNotFound(`miner: no commit of it in round ${round.number} of job ${round.jobId}`);
  return commit;
}

/** The job's open round, if one is. */
export function openRoundOf(ctx: Readable, job: Job): Round | undefined {
  if (job.round === 0n) return undefined;
  const round = state.rounds.get(ctx, [job.id, job.round]);
  return round === undefined || round.phase === RoundPhase.ROUND_PHASE_CLOSED ? undefined : round;
}

/** As `needRound`, in that phase and not past its last height; throws pogo/8. */
export function needPhase(ctx: Context, job: bigint, number: bigint, phase: RoundPhase): Round {
  const round = needRound(ctx, job, number);
  if (round.phase !== phase) throw errWrongPhase(`round: ${number} of job ${job} is in phase ${round.phase}, expected ${phase}`);
  if (ctx.block.height > round.phaseEnd) throw errWrongPhase(`round: phase ${phase} of round ${number} ended at height ${round.phaseEnd}`);
  return round;
}

export function setRound(ctx: Context, round: Round): void {
  state.rounds.set(ctx, [round.jobId, round.number], round);
}

export function setCommit(ctx: Context, commit: Commit): void {
  state.commits.set(ctx, [[commit.jobId, commit.round], bytesOf(ctx, commit.miner)], commit);
}

/** Commits of a round in order of arrival; at most max_commits. */
export function commitsOf(ctx: Context | (Readable & Pick<Context, 'chain'>), round: Round): readonly Commit[] {
  return round.miners.map((miner) => {
    const commit = state.commits.get(ctx, [[round.jobId, round.number], bytesOf(ctx, miner)]);
    if (commit === undefined) throw new CorruptStateError(`pogo: round ${round.number} of job ${round.jobId} lists ${miner} without a commit`);
    return commit;
  });
}

/** Commits that nothing has decided yet. */
export function pendingOf(ctx: Context, round: Round): readonly Commit[] {
  return commitsOf(ctx, round).filter((c) => c.status === CommitStatus.COMMIT_STATUS_PENDING);
}

/** Writes a job and keeps the queue of wakes in step with its wake_height. */
export function setJob(ctx: Context, job: Job): void {
  const before = state.jobs.get(ctx, job.id)?.wakeHeight ?? 0n;
  if (before !== job.wakeHeight) {
    if (before !== 0n) state.wakes.delete(ctx, [before, job.id]);
    if (job.wakeHeight !== 0n) state.wakes.set(ctx, [job.wakeHeight, job.id], true);
  }
  state.jobs.set(ctx, job.id, job);
}

/** Has the chain look at a job at the end of this block. */
export function wakeNow(ctx: Context, id: bigint): void {
  const job = state.jobs.get(ctx, id);
  if (job === undefined) throw new CorruptStateError(`pogo: job ${id} is missing`);
  setJob(ctx, { ...job, wakeHeight: ctx.block.height });
}
