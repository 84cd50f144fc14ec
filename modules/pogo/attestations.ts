// SPDX-License-Identifier: Apache-2.0
// A verifier's part of a round: a report committed by hash, then revealed.
import { equalBytes } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import {
  type Attestation,
  type Commit,
  CommitStatus,
  type MsgCommitAttestation,
  type MsgRevealAttestation,
  type Report,
  type Round,
  RoundPhase,
  Verdict,
  type VerifierDraw,
} from '../../proto/gen/pogo.v1.ts';
import { layoutOf } from '../../train/layout.ts';
import { attestationHash } from './attestation.ts';
import { termsOf } from './commits.ts';
import { errDuplicate, errHashMismatch, errInvalidSignature, errNotDrawn, errSettled } from './errors.ts';
import { emitAttested, emitRevealed } from './events.ts';
import { parseSpec } from './jobs.ts';
import { getParams, needCommit, needJob, needPhase, wakeNow } from './keeper.ts';
import { checkReport, checkReportShape, numbersOf } from './reports.ts';
import { assignedSteps, drawMessage } from './seeds.ts';
import * as state from './state.ts';
import { bytesOf, EMPTY } from './types.ts';

/** Members of the committee who judge a commit: all but the miner itself. */
export function judgesOf(round: Round, miner: string): readonly VerifierDraw[] {
  return round.committee.filter((v) => v.verifier !== miner);
}

function needJudge(round: Round, miner: string, verifier: string): VerifierDraw {
  const judge = judgesOf(round, miner).find((v) => v.verifier === verifier);
  if (judge === undefined) throw errNotDrawn(`verifier: ${verifier}`);
  return judge;
}

function needPending(ctx: Context, round: Round, miner: string): Commit {
  const commit = needCommit(ctx, round, bytesOf(ctx, miner, 'miner'));
  if (commit.status !== CommitStatus.COMMIT_STATUS_PENDING) throw errSettled(`miner: its commit of round ${round.number}`);
  return commit;
}

export function commitAttestation(ctx: Context, msg: MsgCommitAttestation): Record<never, never> {
  const round = needPhase(ctx, msg.jobId, msg.round, RoundPhase.ROUND_PHASE_ATTEST);
  needPending(ctx, round, msg.miner);
  needJudge(round, msg.miner, msg.verifier);
  const key = [[msg.jobId, msg.round], bytesOf(ctx, msg.miner), bytesOf(ctx, msg.verifier, 'verifier')] as const;
  if (state.attestations.has(ctx, key)) throw errDuplicate('hash: an attestation of this commit stands');
  const attestation: Attestation = {
    jobId: msg.jobId,
    round: msg.round,
    miner: msg.miner,
    verifier: msg.verifier,
    hash: msg.hash,
    height: ctx.block.height,
    revealed: false,
    report: undefined,
    drawSignature: EMPTY,
  };
  state.attestations.set(ctx, key, attestation);
  emitAttested(ctx, attestation);
  wakeNow(ctx, msg.jobId);
  return {};
}

function checkSignature(ctx: Context, round: Round, judge: VerifierDraw, signature: Uint8Array): void {
  ctx.gas.consume(getParams(ctx).gasPerBls, 'BLS verification');
  const message = drawMessage(ctx.chain.chainId, round.challengeBeacon, { job: round.jobId, round: round.number });
  if (!ctx.crypto.verifyBls(judge.blsKey, message, signature))
    throw errInvalidSignature('draw_signature: does not verify under the key of the verifier');
}

export function revealAttestation(ctx: Context, msg: MsgRevealAttestation): Record<never, never> {
  const round = needPhase(ctx, msg.jobId, msg.round, RoundPhase.ROUND_PHASE_REVEAL);
  needPending(ctx, round, msg.miner);
  const judge = needJudge(round, msg.miner, msg.verifier);
  const miner = bytesOf(ctx, msg.miner);
  const verifier = bytesOf(ctx, msg.verifier, 'verifier');
  const key = [[msg.jobId, msg.round], miner, verifier] as const;
  const attestation = state.attestations.get(ctx, key);
  if (attestation === undefined) throw errHashMismatch('report: nothing was committed');
  if (attestation.revealed) throw errDuplicate('report: it is revealed');
  const report = checkReportShape(msg.report);
  const id = { chainId: ctx.chain.chainId, job: msg.jobId, round: msg.round, miner };
  if (!equalBytes(attestationHash(id, verifier, msg.salt, report), attestation.hash)) throw errHashMismatch('salt, report');
  checkSignature(ctx, round, judge, msg.drawSignature);
  const terms = termsOf(round);
  const { leafCount } = layoutOf(parseSpec(needJob(ctx, msg.jobId).spec));
  checkReport(report, terms, leafCount, assignedSteps(msg.drawSignature, miner, terms));
  const next: Attestation = { ...attestation, revealed: true, report, drawSignature: msg.drawSignature };
  state.attestations.set(ctx, key, next);
  const record = state.verifiers.get(ctx, verifier);
  if (record !== undefined) state.verifiers.set(ctx, verifier, { ...record, attestations: record.attestations + 1n });
  emitRevealed(ctx, next);
  wakeNow(ctx, msg.jobId);
  return {};
}

/** Attestations of a commit by address of the verifier; at most one per member of the committee. */
export function attestationsOf(ctx: Context, commit: Commit): readonly Attestation[] {
  const prefix = state.commitPrefix(commit.jobId, commit.round, bytesOf(ctx, commit.miner));
  return [...state.attestations.entries(ctx, { prefix })].map(([, a]) => a);
}

export interface Quorum {
  readonly report: Report;
  /** Those whose reports have these numbers, with their weights. */
  readonly members: readonly { readonly verifier: string; readonly weight: bigint }[];
}

/**
 * The numbers behind which two thirds of the commit's judges stand, by weight: positive reports that agree bit for bit.
 * Losses are exact, so honest reports cannot differ; others simply do not add up. Undefined without a quorum.
 */
export function quorumOf(ctx: Context, round: Round, commit: Commit): Quorum | undefined {
  const weights = new Map(judgesOf(round, commit.miner).map((v) => [v.verifier, BigInt(v.weight)]));
  const total = [...weights.values()].reduce((a, b) => a + b, 0n);
  const groups = new Map<string, { report: Report; weight: bigint; members: { verifier: string; weight: bigint }[] }>();
  for (const a of attestationsOf(ctx, commit)) {
    const weight = weights.get(a.verifier);
    if (!a.revealed || a.report?.verdict !== Verdict.VERDICT_POSITIVE || weight === undefined) continue;
    const key = numbersOf(a.report);
    const group = groups.get(key) ?? { report: a.report, weight: 0n, members: [] };
    group.weight += weight;
    group.members.push({ verifier: a.verifier, weight });
    groups.set(key, group);
  }
  for (const group of groups.values()) if (group.weight * 3n >= total * 2n) return { report: group.report, members: group.members };
  return undefined;
}
