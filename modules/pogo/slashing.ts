// SPDX-License-Identifier: Apache-2.0
// What a decided fault costs. Only computation and missed deadlines convict; a vote never does.
import { basisPoints } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import { type Commit, CommitStatus, type Fault, type Round } from '../../proto/gen/pogo.v1.ts';
import { MINER, slashBond, VERIFIER } from './bonds.ts';
import { emitCommitSlashed, emitFraudProven, emitVerifierSlashed } from './events.ts';
import { destroy, payOut } from './funds.ts';
import { getParams, setCommit } from './keeper.ts';
import * as state from './state.ts';
import { bytesOf, lesser } from './types.ts';

export interface Conviction {
  readonly fault: Fault;
  readonly reason: string;
  readonly bps: number;
  /** Who proved it, if somebody else did, and the gas that it spent. */
  readonly accuser?: { readonly address: string; readonly gas: bigint };
}

/**
 * Slashes a commit. An accuser gets bounty_bps of the slash, and its gas back up to as much again; the rest is burned, so
 * that playing both sides costs nearly the whole bond, however much gas the accuser wastes. Returns the commit and the
 * accuser's part.
 */
export function slashCommit(ctx: Context, commit: Commit, how: Conviction): { readonly commit: Commit; readonly bounty: bigint } {
  const params = getParams(ctx);
  const slashed = slashBond(ctx, MINER, bytesOf(ctx, commit.miner), how.bps, commit.height);
  const next: Commit = { ...commit, status: CommitStatus.COMMIT_STATUS_SLASHED, fault: how.fault, slashed: slashed.toString() };
  setCommit(ctx, next);
  emitCommitSlashed(ctx, next, how.reason);
  let bounty = 0n;
  if (how.accuser !== undefined) {
    const refund = (how.accuser.gas * BigInt(params.refundPerMillionGas)) / 1_000_000n;
    const reward = basisPoints(slashed, params.bountyBps);
    bounty = lesser(reward + lesser(refund, reward), slashed);
    payOut(ctx, bytesOf(ctx, how.accuser.address), params.bondDenom, bounty);
    emitFraudProven(ctx, next, how.accuser.address, bounty);
  }
  destroy(ctx, params.bondDenom, slashed - bounty);
  return { commit: next, bounty };
}

/** Slashes a drawn verifier for a missed deadline, once per round and reason. */
export function slashVerifier(ctx: Context, round: Round, address: string, reason: 'absent' | 'unrevealed'): void {
  const params = getParams(ctx);
  const bytes = bytesOf(ctx, address);
  const bps = reason === 'absent' ? params.slashAbsentBps : params.slashUnrevealedBps;
  const slashed = slashBond(ctx, VERIFIER, bytes, bps, round.challengeHeight);
  destroy(ctx, params.bondDenom, slashed);
  if (reason === 'absent') {
    const verifier = state.verifiers.get(ctx, bytes);
    if (verifier !== undefined) state.verifiers.set(ctx, bytes, { ...verifier, outUntil: ctx.block.height + BigInt(params.absentOutBlocks) });
  }
  emitVerifierSlashed(ctx, round, address, reason, slashed);
}
