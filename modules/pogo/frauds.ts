// SPDX-License-Identifier: Apache-2.0
// One-leaf fraud proofs by anyone: announced by hash, proven from the next block on, decided in the transaction.
import type { Context } from '../../core/context.ts';
import {
  CommitStatus,
  type FraudClaim,
  type MsgCommitFraudClaim,
  type MsgProveLeafFraud,
  type MsgProveLeafFraudResponse,
  RoundPhase,
} from '../../proto/gen/pogo.v1.ts';
import { fraudClaimHash } from './attestation.ts';
import { decideOpening, openingContext } from './commits.ts';
import {
  errClaim,
  errDuplicate,
  errInvalidField,
  errMalformedOpening,
  errNoFault,
  errNotEligible,
  errSettled,
  errTooMany,
  errWrongPhase,
} from './errors.ts';
import { emitClaimed } from './events.ts';
import { getParams, needCommit, needJob, needRound, wakeNow } from './keeper.ts';
import { slashCommit } from './slashing.ts';
import * as state from './state.ts';
import { bytesOf, coinOf } from './types.ts';

export function commitFraudClaim(ctx: Context, msg: MsgCommitFraudClaim): Record<never, never> {
  const accuser = bytesOf(ctx, msg.accuser, 'accuser');
  const { maxClaims } = getParams(ctx);
  if (state.claims.has(ctx, [accuser, msg.hash])) throw errDuplicate('hash: this claim stands');
  let open = 0;
  for (const _ of state.claims.entries(ctx, { prefix: state.addressPrefix(accuser) })) open++;
  if (open >= maxClaims) throw errTooMany(`hash: ${open} claims are open, at most ${maxClaims} are allowed`);
  state.claims.set(ctx, [accuser, msg.hash], { accuser: msg.accuser, hash: msg.hash, height: ctx.block.height });
  state.claimsByHeight.set(ctx, [ctx.block.height, accuser, msg.hash], true);
  emitClaimed(ctx, msg.accuser);
  return {};
}

function dropClaim(ctx: Context, accuser: Uint8Array, claim: FraudClaim): void {
  state.claims.delete(ctx, [accuser, claim.hash]);
  state.claimsByHeight.delete(ctx, [claim.height, accuser, claim.hash]);
}

/** At any time of the round while the commit is undecided. A proof that proves nothing has no effect but its gas. */
export function proveLeafFraud(ctx: Context, msg: MsgProveLeafFraud): MsgProveLeafFraudResponse {
  const accuser = bytesOf(ctx, msg.accuser, 'accuser');
  const miner = bytesOf(ctx, msg.miner, 'miner');
  if (msg.accuser === msg.miner) throw errNotEligible('accuser: a miner cannot accuse itself');
  if (msg.opening === undefined) throw errInvalidField('opening: is required');
  const hash = fraudClaimHash({ chainId: ctx.chain.chainId, job: msg.jobId, round: msg.round, miner }, accuser, msg.salt, msg.opening);
  const claim = state.claims.get(ctx, [accuser, hash]);
  if (claim === undefined) throw errClaim('salt: no claim with this hash was committed');
  if (claim.height >= ctx.block.height) throw errClaim('salt: the claim was committed in this block; prove in a later one');
  const round = needRound(ctx, msg.jobId, msg.round);
  if (round.phase === RoundPhase.ROUND_PHASE_CLOSED) throw errWrongPhase(`round: ${msg.round} of job ${msg.jobId} is closed`);
  const commit = needCommit(ctx, round, miner);
  if (commit.status !== CommitStatus.COMMIT_STATUS_PENDING) throw errSettled(`miner: its commit of round ${msg.round}`);
  const params = getParams(ctx);
  const against = openingContext(ctx, needJob(ctx, msg.jobId), round, commit);
  const result = decideOpening(ctx, params, against, msg.opening);
  if (result.kind === 'malformed') throw errMalformedOpening(`opening.${result.message}`);
  if (result.kind === 'ok') throw errNoFault('opening');
  dropClaim(ctx, accuser, claim);
  const accused = { address: msg.accuser, gas: ctx.gas.used };
  const { bounty } = slashCommit(ctx, commit, { fault: result.fault, reason: result.message, bps: params.slashFaultBps, accuser: accused });
  wakeNow(ctx, msg.jobId);
  return { fault: result.fault, bounty: coinOf(params.bondDenom, bounty) };
}

/** Forgets claims that are older than claim_blocks, at most max_due_per_block in one block. */
export function pruneClaims(ctx: Context): void {
  const { claimBlocks, maxDuePerBlock } = getParams(ctx);
  const old: (readonly [bigint, Uint8Array, Uint8Array])[] = [];
  for (const [key] of state.claimsByHeight.entries(ctx)) {
    if (key[0] + BigInt(claimBlocks) >= ctx.block.height || old.length >= maxDuePerBlock) break;
    old.push(key);
  }
  for (const [height, accuser, hash] of old) {
    state.claims.delete(ctx, [accuser, hash]);
    state.claimsByHeight.delete(ctx, [height, accuser, hash]);
  }
}
