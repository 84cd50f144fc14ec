// SPDX-License-Identifier: Apache-2.0
// The opening of a round: what it waits for, and what it locks.
import type { Context } from '../../core/context.ts';
import { type Job, type Params, type Round, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import { type Bonded, MINER, type Role, VERIFIER } from './bonds.ts';
import { emitRoundOpened, emitRoundWaiting } from './events.ts';
import { getParams, setJob, setRound } from './keeper.ts';
import { roundSeed } from './seeds.ts';
import * as state from './state.ts';
import { amountOf, EMPTY } from './types.ts';

export interface Eligible<T> {
  readonly address: Uint8Array;
  readonly who: T;
  readonly weight: bigint;
}

/** Of the verifier_pool greatest bonds of a role those that reach the minimum and stood before `height`. */
export function* eligible<T extends Bonded>(ctx: Context, role: Role<T>, params: Params, height: bigint): IterableIterator<Eligible<T>> {
  let seen = 0;
  for (const [[weight, address]] of role.byBond.entries(ctx, { reverse: true })) {
    if (++seen > params.verifierPool || weight < role.minimum(params)) return;
    const who = role.map.get(ctx, address);
    if (who !== undefined && who.bondedHeight < height) yield { address, who, weight };
  }
}

function hasMiner(ctx: Context, params: Params): boolean {
  for (const _ of eligible(ctx, MINER, params, ctx.block.height)) return true;
  return false;
}

function hasVerifier(ctx: Context, params: Params): boolean {
  for (const { who } of eligible(ctx, VERIFIER, params, ctx.block.height)) if (who.outUntil <= ctx.block.height) return true;
  return false;
}

const BUSY = 'the network has its most open rounds';
const NO_ESCROW = 'the escrow does not cover a reward';

/** Why no round can open now; empty when one can. */
function obstacle(ctx: Context, job: Job, params: Params): string {
  if (amountOf(job.escrow) < amountOf(job.terms?.reward)) return NO_ESCROW;
  if (isBusy(ctx, params)) return BUSY;
  if (state.beacon.need(ctx).height !== ctx.block.height) return 'this height has no beacon';
  if (!hasMiner(ctx, params)) return 'no eligible miner';
  if (!hasVerifier(ctx, params)) return 'no eligible verifier';
  return '';
}

/** Opens the job's next round, or says what it waits for and looks again after round_pause blocks. */
export function tryOpen(ctx: Context, job: Job): void {
  const params = getParams(ctx);
  const waiting = obstacle(ctx, job, params);
  if (waiting === '') {
    openRound(ctx, job);
    return;
  }
  // Money comes by a message, which wakes the job itself.
  const next: Job = { ...job, waiting, wakeHeight: waiting === NO_ESCROW ? 0n : ctx.block.height + BigInt(params.roundPause) };
  setJob(ctx, next);
  if (job.waiting !== waiting) emitRoundWaiting(ctx, next);
}

/** Whether no round may take its first commit now. */
export function isBusy(ctx: Context, params: Params): boolean {
  return state.openRounds.need(ctx) >= BigInt(params.maxOpenRounds);
}

function openRound(ctx: Context, job: Job): void {
  const height = ctx.block.height;
  const number = job.round + 1n;
  const round: Round = {
    jobId: job.id,
    number,
    phase: RoundPhase.ROUND_PHASE_COMMIT,
    parent: job.head,
    seed: roundSeed(state.beacon.need(ctx).value, { job: job.id, round: number }),
    openedHeight: height,
    phaseEnd: height + BigInt(job.terms?.windows?.commit ?? 1),
    terms: job.terms,
    challengeBeacon: EMPTY,
    committee: [],
    miners: [],
    winner: '',
    outcome: '',
    closedHeight: 0n,
    challengeHeight: 0n,
  };
  setRound(ctx, round);
  setJob(ctx, { ...job, round: number, waiting: '', wakeHeight: round.phaseEnd });
  emitRoundOpened(ctx, round);
}
