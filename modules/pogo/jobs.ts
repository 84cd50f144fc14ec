// SPDX-License-Identifier: Apache-2.0
// Jobs: posting, funding, changing and closing. Terms and closing take effect between rounds, never within one.
import { equalBytes } from '../../core/bytes.ts';
import { parseCoin } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import {
  type Job,
  JobStatus,
  type MsgCloseJob,
  type MsgCreateJob,
  type MsgCreateJobResponse,
  type MsgFundJob,
  type MsgUpdateJob,
  type Params,
  type TrainSpec as ProtoTrainSpec,
  type RoundTerms,
} from '../../proto/gen/pogo.v1.ts';
import { SpecError } from '../../train/errors.ts';
import { kernelId } from '../../train/kernel.ts';
import { layoutOf } from '../../train/layout.ts';
import type { TrainSpec } from '../../train/spec.ts';
import { errInvalidSpec, errJobClosed, errKernel, errLimit, errNotOwner } from './errors.ts';
import { emitJobCreated, emitJobFunded, emitJobStatus, emitJobUpdated } from './events.ts';
import { payOut, takeIn } from './funds.ts';
import { getParams, needJob, openRoundOf, setJob } from './keeper.ts';
import { specFromProto } from './spec.ts';
import * as state from './state.ts';
import { checkDataSet, checkSamples, checkTerms, checkTermsAgainst } from './terms.ts';
import { amountOf, bytesOf, coinOf, EMPTY_HEAD } from './types.ts';

/** The specification of a message; throws pogo/7 naming field and rule. */
export function parseSpec(spec: ProtoTrainSpec | undefined): TrainSpec {
  try {
    return specFromProto(spec);
  } catch (error) {
    if (error instanceof SpecError) throw errInvalidSpec(`spec.${error.message}`);
    throw error;
  }
}

function inBondDenom(ctx: Context, denom: string, field: string): void {
  const { bondDenom } = getParams(ctx);
  if (denom !== bondDenom) throw errLimit(`${field}.denom: must be ${bondDenom}`);
}

/** What a new job trains and on what; throws pogo/6, 7, 24 or 25 naming the field. */
function checkNew(params: Params, msg: MsgCreateJob): Pick<Job, 'terms' | 'training' | 'evaluation' | 'paramCount'> {
  const spec = parseSpec(msg.spec);
  const layout = layoutOf(spec);
  if (!params.arithmetics.includes(spec.arithmetic)) throw errLimit(`spec.arithmetic: ${spec.arithmetic} is not among the parameters' arithmetics`);
  const paramCount = BigInt(layout.count);
  if (paramCount > params.maxParamCount) throw errLimit(`spec.model: ${paramCount} parameters exceed max_param_count ${params.maxParamCount}`);
  if (!equalBytes(kernelId(spec), msg.kernelId)) throw errKernel('kernel_id');
  const terms = checkTerms(msg.terms, 'terms');
  checkTermsAgainst(terms, params, layout, 'terms');
  const training = checkDataSet(msg.training, 'training');
  const evaluation = checkDataSet(msg.evaluation, 'evaluation');
  checkSamples(training, spec, 'training');
  checkSamples(evaluation, spec, 'evaluation');
  return { terms, training, evaluation, paramCount };
}

export function createJob(ctx: Context, msg: MsgCreateJob): MsgCreateJobResponse {
  const checked = checkNew(getParams(ctx), msg);
  const escrow = parseCoin(msg.escrow, 'escrow');
  inBondDenom(ctx, escrow.denom, 'escrow');

  const owner = bytesOf(ctx, msg.owner, 'owner');
  takeIn(ctx, owner, escrow.denom, escrow.amount);
  const id = state.nextJobId.need(ctx);
  state.nextJobId.set(ctx, id + 1n);
  const job: Job = {
    id,
    owner: msg.owner,
    title: msg.title,
    mode: msg.mode,
    status: JobStatus.JOB_STATUS_ACTIVE,
    spec: msg.spec,
    kernelId: msg.kernelId,
    ...checked,
    initSeed: msg.initSeed,
    nextTerms: undefined,
    head: { ...EMPTY_HEAD, stateRoot: msg.initStateRoot, height: ctx.block.height },
    escrow: coinOf(escrow.denom, escrow.amount),
    round: 0n,
    strikes: 0,
    progress: [],
    closing: false,
    finalizedRounds: 0n,
    createdHeight: ctx.block.height,
    waiting: '',
    wakeHeight: ctx.block.height,
  };
  setJob(ctx, job);
  state.jobsByOwner.set(ctx, [owner, id], true);
  emitJobCreated(ctx, job);
  return { jobId: id };
}

function needUsable(ctx: Context, id: bigint): Job {
  const job = needJob(ctx, id);
  if (job.closing || job.status === JobStatus.JOB_STATUS_CLOSED) throw errJobClosed(`job_id: ${id}`);
  return job;
}

function needOwned(ctx: Context, id: bigint, owner: string): Job {
  const job = needUsable(ctx, id);
  if (job.owner !== owner) throw errNotOwner(`owner: job ${id} belongs to ${job.owner}`);
  return job;
}

/** Anyone may fund; a job that waits for money is looked at in the same block. */
export function fundJob(ctx: Context, msg: MsgFundJob): Record<never, never> {
  const job = needUsable(ctx, msg.jobId);
  const amount = parseCoin(msg.amount, 'amount');
  inBondDenom(ctx, amount.denom, 'amount');
  takeIn(ctx, bytesOf(ctx, msg.sender, 'sender'), amount.denom, amount.amount);
  const next: Job = { ...job, escrow: coinOf(amount.denom, amountOf(job.escrow) + amount.amount) };
  setJob(ctx, idle(ctx, job) ? { ...next, wakeHeight: ctx.block.height } : next);
  emitJobFunded(ctx, next, msg.sender, amount.amount);
  return {};
}

/** No round is open and nothing is scheduled, though the job would take rounds. */
function idle(ctx: Context, job: Job): boolean {
  return job.wakeHeight === 0n && job.status === JobStatus.JOB_STATUS_ACTIVE && openRoundOf(ctx, job) === undefined;
}

/** Terms that hold from the next round on; a frozen or converged job becomes active with a clean record. */
export function updateJob(ctx: Context, msg: MsgUpdateJob): Record<never, never> {
  const job = needOwned(ctx, msg.jobId, msg.owner);
  const terms = checkTerms(msg.terms, 'terms');
  checkTermsAgainst(terms, getParams(ctx), layoutOf(parseSpec(job.spec)), 'terms');
  if (openRoundOf(ctx, job) !== undefined) setJob(ctx, { ...job, nextTerms: terms });
  else {
    const thawed = job.status !== JobStatus.JOB_STATUS_ACTIVE;
    const next: Job = { ...withTerms(job, terms), status: JobStatus.JOB_STATUS_ACTIVE, strikes: 0, waiting: '' };
    setJob(ctx, { ...next, wakeHeight: job.wakeHeight === 0n ? ctx.block.height : job.wakeHeight });
    if (thawed) emitJobStatus(ctx, next, 0n);
  }
  emitJobUpdated(ctx, job);
  return {};
}

/** The job under new terms. Progress starts anew: sums over other samples and steps would not compare. */
export function withTerms(job: Job, terms: RoundTerms): Job {
  return { ...job, terms, nextTerms: undefined, progress: [] };
}

/** Closes at once, or at the end of the open round: what miners and verifiers work for stays in escrow until then. */
export function closeJob(ctx: Context, msg: MsgCloseJob): Record<never, never> {
  const job = needOwned(ctx, msg.jobId, msg.owner);
  if (openRoundOf(ctx, job) !== undefined) setJob(ctx, { ...job, closing: true });
  else setJob(ctx, closed(ctx, job));
  return {};
}

/** Returns the escrow; the job as it then is. */
export function closed(ctx: Context, job: Job): Job {
  const refund = amountOf(job.escrow);
  const { bondDenom } = getParams(ctx);
  payOut(ctx, bytesOf(ctx, job.owner), bondDenom, refund);
  const next: Job = {
    ...job,
    status: JobStatus.JOB_STATUS_CLOSED,
    closing: false,
    escrow: coinOf(bondDenom, 0n),
    nextTerms: undefined,
    waiting: '',
    wakeHeight: 0n,
  };
  emitJobStatus(ctx, next, refund);
  return next;
}
