// SPDX-License-Identifier: Apache-2.0
// The round as a machine: commit, beacon, answer, attest, reveal, dispute, closed. A phase ends at its last height, or as
// soon as everybody it waits for has acted; the dispute phase always lasts, since anyone may be about to speak.
import { compareBytes } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import {
  type Attestation,
  type Commit,
  Fault,
  type Job,
  JobStatus,
  type Round,
  RoundPhase,
  type RoundTerms,
  type Windows,
} from '../../proto/gen/pogo.v1.ts';
import { layoutOf } from '../../train/layout.ts';
import { attestationsOf, judgesOf } from './attestations.ts';
import { VERIFIER } from './bonds.ts';
import { termsOf } from './commits.ts';
import { drawCommittee } from './committee.ts';
import { emitChallenged, emitPhase } from './events.ts';
import { parseSpec } from './jobs.ts';
import { getParams, needJob, openRoundOf, pendingOf, setJob, setRound } from './keeper.ts';
import { eligible, tryOpen } from './open.ts';
import { segmentCount } from './segments.ts';
import { settle } from './settle.ts';
import { slashCommit, slashVerifier } from './slashing.ts';
import * as state from './state.ts';
import { lesser, textOf } from './types.ts';

/** Looks at a job that is due. */
export function advance(ctx: Context, id: bigint): void {
  const job = needJob(ctx, id);
  const round = openRoundOf(ctx, job);
  if (round === undefined) {
    if (job.status === JobStatus.JOB_STATUS_ACTIVE) tryOpen(ctx, job);
    else setJob(ctx, { ...job, wakeHeight: 0n });
    return;
  }
  switch (round.phase) {
    case RoundPhase.ROUND_PHASE_COMMIT:
      endCommit(ctx, job, round);
      break;
    case RoundPhase.ROUND_PHASE_BEACON:
      setJob(ctx, { ...job, wakeHeight: 0n });
      break;
    case RoundPhase.ROUND_PHASE_ANSWER:
      endAnswer(ctx, job, round);
      break;
    case RoundPhase.ROUND_PHASE_ATTEST:
      endAttest(ctx, job, round);
      break;
    case RoundPhase.ROUND_PHASE_REVEAL:
      endReveal(ctx, job, round);
      break;
    case RoundPhase.ROUND_PHASE_DISPUTE:
      endDispute(ctx, job, round);
      break;
    default:
      throw new CorruptStateError(`pogo: round ${round.number} of job ${id} is in phase ${round.phase}`);
  }
}

const over = (ctx: Context, round: Round): boolean => ctx.block.height >= round.phaseEnd;

/** The phase goes on until its last height. */
function stay(ctx: Context, job: Job, round: Round): void {
  setJob(ctx, { ...job, wakeHeight: round.phaseEnd });
}

/** A new phase; the next block looks whether it waits for anybody at all. */
function enter(ctx: Context, job: Job, round: Round, phase: RoundPhase, window: keyof Windows): void {
  const next: Round = { ...round, phase, phaseEnd: ctx.block.height + BigInt(termsOf(round).windows?.[window] ?? 1) };
  setRound(ctx, next);
  setJob(ctx, { ...job, wakeHeight: ctx.block.height + 1n });
  emitPhase(ctx, next);
}

function endCommit(ctx: Context, job: Job, round: Round): void {
  if (!over(ctx, round) && round.miners.length < termsOf(round).maxCommits) {
    stay(ctx, job, round);
    return;
  }
  if (round.miners.length === 0) {
    settle(ctx, job, round);
    return;
  }
  const next: Round = { ...round, phase: RoundPhase.ROUND_PHASE_BEACON, phaseEnd: 0n };
  setRound(ctx, next);
  state.awaiting.set(ctx, job.id, true);
  setJob(ctx, { ...job, wakeHeight: 0n });
  emitPhase(ctx, next);
}

/**
 * The first beacon after the commit window fixes challenges, committee and samples. Runs at the start of a block, over
 * the state before it: no bond can have been made or moved with the beacon in sight.
 */
export function challenge(ctx: Context, id: bigint): void {
  const job = needJob(ctx, id);
  const round = openRoundOf(ctx, job);
  if (round?.phase !== RoundPhase.ROUND_PHASE_BEACON) throw new CorruptStateError(`pogo: job ${id} awaits a beacon without a round that does`);
  const params = getParams(ctx);
  const beacon = state.beacon.need(ctx);
  const candidates = [...eligible(ctx, VERIFIER, params, round.openedHeight)].filter((c) => c.who.outUntil <= round.openedHeight);
  candidates.sort((a, b) => compareBytes(a.address, b.address));
  const drawn = drawCommittee(beacon.value, { job: id, round: round.number }, candidates, params.committeeSize);
  for (const { address } of drawn) state.engaged.set(ctx, ['verifier', address, id], true);
  const next: Round = {
    ...round,
    challengeBeacon: beacon.value,
    challengeHeight: ctx.block.height,
    committee: drawn.map(({ address, who, weight }) => ({ verifier: textOf(ctx, address), weight: weight.toString(), blsKey: who.blsKey })),
  };
  state.awaiting.delete(ctx, id);
  emitChallenged(ctx, next);
  enter(ctx, job, next, RoundPhase.ROUND_PHASE_ANSWER, 'answer');
}

/** Number of leaf challenges of each commit. */
export function challengeCount(job: Job, terms: RoundTerms): number {
  const all = segmentCount(terms) * layoutOf(parseSpec(job.spec)).leafCount;
  return lesser(terms.leafChallenges, all);
}

function endAnswer(ctx: Context, job: Job, round: Round): void {
  const count = challengeCount(job, termsOf(round));
  const pending = pendingOf(ctx, round);
  const silent = pending.filter((c) => c.answered.length < count);
  if (silent.length > 0 && !over(ctx, round)) {
    stay(ctx, job, round);
    return;
  }
  const bps = getParams(ctx).slashUnansweredBps;
  for (const c of silent) {
    const reason = `${count - c.answered.length} of ${count} leaf challenges unanswered at height ${ctx.block.height}`;
    slashCommit(ctx, c, { fault: Fault.FAULT_UNANSWERED, reason, bps });
  }
  if (silent.length === pending.length) {
    settle(ctx, job, round);
    return;
  }
  enter(ctx, job, round, RoundPhase.ROUND_PHASE_ATTEST, 'attest');
}

/** Addresses of judges, in order of the committee, for which `failed` holds for some pending commit. */
function judgesWho(
  ctx: Context,
  round: Round,
  pending: readonly Commit[],
  failed: (attestation: Attestation | undefined) => boolean,
): readonly string[] {
  const found = new Set<string>();
  for (const commit of pending) {
    const made = new Map(attestationsOf(ctx, commit).map((a) => [a.verifier, a]));
    for (const { verifier } of judgesOf(round, commit.miner)) if (failed(made.get(verifier))) found.add(verifier);
  }
  return round.committee.map((v) => v.verifier).filter((v) => found.has(v));
}

function endAttest(ctx: Context, job: Job, round: Round): void {
  const pending = pendingOf(ctx, round);
  if (pending.length === 0) {
    settle(ctx, job, round);
    return;
  }
  const absent = judgesWho(ctx, round, pending, (a) => a === undefined);
  if (absent.length > 0 && !over(ctx, round)) {
    stay(ctx, job, round);
    return;
  }
  for (const verifier of absent) slashVerifier(ctx, round, verifier, 'absent');
  enter(ctx, job, round, RoundPhase.ROUND_PHASE_REVEAL, 'reveal');
}

function endReveal(ctx: Context, job: Job, round: Round): void {
  const pending = pendingOf(ctx, round);
  if (pending.length === 0) {
    settle(ctx, job, round);
    return;
  }
  const hidden = judgesWho(ctx, round, pending, (a) => a !== undefined && !a.revealed);
  if (hidden.length > 0 && !over(ctx, round)) {
    stay(ctx, job, round);
    return;
  }
  for (const verifier of hidden) slashVerifier(ctx, round, verifier, 'unrevealed');
  enter(ctx, job, round, RoundPhase.ROUND_PHASE_DISPUTE, 'dispute');
}

function endDispute(ctx: Context, job: Job, round: Round): void {
  if (over(ctx, round) || pendingOf(ctx, round).length === 0) settle(ctx, job, round);
  else stay(ctx, job, round);
}
