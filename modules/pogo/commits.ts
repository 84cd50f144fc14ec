// SPDX-License-Identifier: Apache-2.0
// A miner's part of a round: the commit, and the answers to its leaf challenges.
import { equalBytes, toHex } from '../../core/bytes.ts';
import type { Context, ReadContext } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import {
  type Challenge,
  type Commit,
  CommitStatus,
  Fault,
  type Job,
  type LeafOpening,
  type Miner,
  type MsgAnswerChallenges,
  type MsgAnswerChallengesResponse,
  type MsgCommitUpdate,
  type Params,
  type Round,
  RoundPhase,
  type RoundTerms,
} from '../../proto/gen/pogo.v1.ts';
import { LEAF_PARAMETERS, layoutOf } from '../../train/layout.ts';
import type { TrainSpec } from '../../train/spec.ts';
import { engagements } from './bonds.ts';
import {
  errDuplicate,
  errInsufficientBond,
  errInvalidField,
  errMalformedOpening,
  errNoSuchChallenge,
  errNotEligible,
  errRoundFull,
  errSettled,
  errStaleParent,
} from './errors.ts';
import { emitAnswered, emitCommitted } from './events.ts';
import { parseSpec } from './jobs.ts';
import { getParams, needCommit, needJob, needPhase, setCommit, setRound, wakeNow } from './keeper.ts';
import { isBusy } from './open.ts';
import { checkOpening, type OpeningContext } from './opening.ts';
import { challengesOf } from './seeds.ts';
import { slashCommit } from './slashing.ts';
import * as state from './state.ts';
import { amountOf, bytesOf, lesser } from './types.ts';

/** Terms that a round locked. */
export function termsOf(round: Round): RoundTerms {
  if (round.terms === undefined) throw new CorruptStateError(`pogo: round ${round.number} of job ${round.jobId} has no terms`);
  return round.terms;
}

/** The committing miner of a round; throws pogo/10, 11, 12 or 13. */
function needEligible(ctx: Context, round: Round, address: Uint8Array): Miner {
  const miner = state.miners.get(ctx, address);
  const params = getParams(ctx);
  const least = BigInt(params.minMinerBond);
  const bond = amountOf(miner?.bond);
  if (miner === undefined || bond < least) throw errInsufficientBond(`miner: a bond of at least ${least} is required`);
  if (miner.bondedHeight >= round.openedHeight)
    throw errNotEligible(`miner: bonded at height ${miner.bondedHeight}, the round opened at ${round.openedHeight}`);
  if (state.commits.has(ctx, [[round.jobId, round.number], address])) throw errDuplicate(`miner: a commit stands in round ${round.number}`);
  // A slash takes the whole bond once: what answers for one undecided commit cannot answer for the next.
  const required = least * (engagements(ctx, 'miner', address) + 1n);
  if (bond < required) throw errInsufficientBond(`miner: a bond of at least ${required} is required, ${least} for each commit in an open round`);
  if (round.miners.length === 0 && isBusy(ctx, params)) throw errRoundFull(`round: ${params.maxOpenRounds} rounds with commits are open`);
  if (round.miners.length >= termsOf(round).maxCommits) throw errRoundFull(`round: it holds ${round.miners.length} commits`);
  return miner;
}

function newCommit(ctx: Context, msg: MsgCommitUpdate): Commit {
  return {
    ...msg,
    height: ctx.block.height,
    status: CommitStatus.COMMIT_STATUS_PENDING,
    fault: Fault.FAULT_UNSPECIFIED,
    answered: [],
    parentLoss: 0n,
    loss: 0n,
    code4Loss: 0n,
    diffSum: 0n,
    diffSquareSum: '0',
    samples: 0,
    paid: '0',
    slashed: '0',
    fee: '0',
  };
}

/** Compare and swap on the head: a commit that builds on anything else is refused. */
export function commitUpdate(ctx: Context, msg: MsgCommitUpdate): Record<never, never> {
  const round = needPhase(ctx, msg.jobId, msg.round, RoundPhase.ROUND_PHASE_COMMIT);
  const terms = termsOf(round);
  const address = bytesOf(ctx, msg.miner, 'miner');
  const miner = needEligible(ctx, round, address);
  const head = round.parent?.stateRoot ?? new Uint8Array(0);
  if (!equalBytes(msg.parentRoot, head)) throw errStaleParent(`parent_root: the head of job ${msg.jobId} is ${toHex(head)}`);
  if (msg.steps !== terms.steps) throw errInvalidField(`steps: round ${msg.round} has ${terms.steps} steps, got ${msg.steps}`);
  const commit = newCommit(ctx, msg);
  setCommit(ctx, commit);
  if (round.miners.length === 0) state.openRounds.set(ctx, state.openRounds.need(ctx) + 1n);
  setRound(ctx, { ...round, miners: [...round.miners, msg.miner] });
  state.miners.set(ctx, address, { ...miner, commits: miner.commits + 1n });
  state.engaged.set(ctx, ['miner', address, msg.jobId], true);
  emitCommitted(ctx, commit, terms.evalSamples);
  if (round.miners.length + 1 >= terms.maxCommits) wakeNow(ctx, msg.jobId);
  return {};
}

/** Challenges of a commit; empty before the beacon. */
export function challengesFor(ctx: Pick<ReadContext, 'chain'>, job: Job, round: Round, miner: string): readonly Challenge[] {
  if (round.challengeBeacon.length === 0) return [];
  const { leafCount } = layoutOf(parseSpec(job.spec));
  return challengesOf(round.challengeBeacon, { job: job.id, round: round.number }, bytesOf(ctx, miner), termsOf(round), leafCount);
}

/** What an opening of a commit is checked against. */
export function openingContext(ctx: Context, job: Job, round: Round, commit: Commit): OpeningContext {
  return {
    binding: { chainId: ctx.chain.chainId, job: job.id, round: round.number, miner: bytesOf(ctx, commit.miner) },
    spec: parseSpec(job.spec),
    terms: termsOf(round),
    roundSeed: round.seed,
    samples: Number(job.training?.size ?? 0n),
    parentRoot: commit.parentRoot,
    stepsBefore: Number(round.parent?.steps ?? 0n),
    traceRoot: commit.traceRoot,
    stateRoot: commit.stateRoot,
    code4Root: commit.code4Root,
  };
}

/** Powers of a decay rate reach zero after fewer steps than this; two of them cost about a quarter of an update. */
const MAX_POWERS = 262_144;

function openedBytes(opening: LeafOpening): number {
  const leaves = [opening.oldLeaf, opening.newLeaf, opening.code4Leaf, ...opening.codes];
  const records = [opening.before, ...opening.records];
  let bytes = 0;
  for (const l of leaves) if (l !== undefined) bytes += l.leaf.length + 32 * l.path.length;
  for (const r of records) if (r !== undefined) bytes += r.record.length + 32 * r.path.length;
  return bytes;
}

/** Gas of checking one opening, charged before the work. */
export function openingGas(params: Params, spec: TrainSpec, lastStep: number, opening: LeafOpening): bigint {
  const records = BigInt(opening.records.length + (opening.before === undefined ? 0 : 1));
  let updates = BigInt(opening.codes.length * LEAF_PARAMETERS);
  if (spec.optimizer.kind === 'adamw') updates += BigInt(opening.codes.length) * (BigInt(lesser(lastStep, MAX_POWERS)) / 4n);
  const perRecord = params.gasPerRecord + BigInt(spec.batchSize) * params.gasPerSample;
  return records * perRecord + updates * params.gasPerUpdate + BigInt(openedBytes(opening)) * params.gasPerByte;
}

/** Charges for an opening and decides it. */
export function decideOpening(ctx: Context, params: Params, against: OpeningContext, opening: LeafOpening): ReturnType<typeof checkOpening> {
  ctx.gas.consume(openingGas(params, against.spec, against.stepsBefore + against.terms.steps, opening), 'leaf opening');
  return checkOpening(against, opening);
}

/** Answers some challenges. An opening that verifies and contradicts is the miner's own conviction. */
export function answerChallenges(ctx: Context, msg: MsgAnswerChallenges): MsgAnswerChallengesResponse {
  const round = needPhase(ctx, msg.jobId, msg.round, RoundPhase.ROUND_PHASE_ANSWER);
  const job = needJob(ctx, msg.jobId);
  const commit = needCommit(ctx, round, bytesOf(ctx, msg.miner, 'miner'));
  if (commit.status !== CommitStatus.COMMIT_STATUS_PENDING) throw errSettled(`miner: its commit of round ${msg.round}`);
  const params = getParams(ctx);
  const challenges = challengesFor(ctx, job, round, msg.miner);
  const against = openingContext(ctx, job, round, commit);
  const answered = new Set(commit.answered);
  for (const [i, opening] of msg.openings.entries()) {
    const { segment, leaf } = opening;
    const challenge = challenges.find((c) => c.segment === segment && c.leaf === leaf);
    if (challenge === undefined || answered.has(challenge.index)) throw errNoSuchChallenge(`openings[${i}]: segment ${segment}, leaf ${leaf}`);
    const result = decideOpening(ctx, params, against, opening);
    if (result.kind === 'malformed') throw errMalformedOpening(`openings[${i}].${result.message}`);
    if (result.kind === 'fault') {
      slashCommit(ctx, commit, { fault: result.fault, reason: result.message, bps: params.slashFaultBps });
      wakeNow(ctx, msg.jobId);
      return { open: challenges.length - answered.size, slashed: true };
    }
    answered.add(challenge.index);
  }
  const open = challenges.length - answered.size;
  const next: Commit = { ...commit, answered: [...answered].sort((a, b) => a - b) };
  setCommit(ctx, next);
  emitAnswered(ctx, next, open);
  if (open === 0) wakeNow(ctx, msg.jobId);
  return { open, slashed: false };
}
