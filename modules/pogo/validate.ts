// SPDX-License-Identifier: Apache-2.0
// Stateless checks of messages, shared with clients: what can be said of a message without the state.
import { parseAddress } from '../../core/address.ts';
import { parseCoin } from '../../core/coin.ts';
import type { ChainConfig } from '../../core/context.ts';
import type * as pb from '../../proto/gen/pogo.v1.ts';
import { type Artifact, Mode, type MsgBondMiner, type MsgBondVerifier, type MsgCommitUpdate, type MsgCreateJob } from '../../proto/gen/pogo.v1.ts';
import { errInvalidField } from './errors.ts';
import { parseSpec } from './jobs.ts';
import { checkOpeningShape } from './openings.ts';
import { checkReportShape } from './reports.ts';
import { checkBytes, checkDataSet, checkRange, checkSamples, checkTerms, checkText, checkUrl } from './terms.ts';
import { LIMITS } from './types.ts';

const MAX_CLAIM = (1n << 62n) - 1n;

function checkAddress(text: string, chain: ChainConfig, field: string): void {
  parseAddress(text, chain.addressPrefix, field);
}

function checkPositive(value: bigint, field: string): void {
  if (value < 1n) throw errInvalidField(`${field}: must be positive`);
}

export function validateCreateJob(msg: MsgCreateJob, chain: ChainConfig): void {
  checkAddress(msg.owner, chain, 'owner');
  checkText(msg.title, LIMITS.title, 'title');
  if (msg.title.trim() === '') throw errInvalidField('title: is required');
  if (msg.mode !== Mode.MODE_RACE) throw errInvalidField('mode: must be MODE_RACE');
  const spec = parseSpec(msg.spec);
  checkBytes(msg.kernelId, 32, 'kernel_id');
  checkSamples(checkDataSet(msg.training, 'training'), spec, 'training');
  checkSamples(checkDataSet(msg.evaluation, 'evaluation'), spec, 'evaluation');
  checkBytes(msg.initSeed, 32, 'init_seed');
  checkBytes(msg.initStateRoot, 32, 'init_state_root');
  checkTerms(msg.terms, 'terms');
  parseCoin(msg.escrow, 'escrow');
}

export function validateFundJob(msg: pb.MsgFundJob, chain: ChainConfig): void {
  checkAddress(msg.sender, chain, 'sender');
  checkPositive(msg.jobId, 'job_id');
  parseCoin(msg.amount, 'amount');
}

export function validateUpdateJob(msg: pb.MsgUpdateJob, chain: ChainConfig): void {
  checkAddress(msg.owner, chain, 'owner');
  checkPositive(msg.jobId, 'job_id');
  checkTerms(msg.terms, 'terms');
}

export function validateCloseJob(msg: pb.MsgCloseJob, chain: ChainConfig): void {
  checkAddress(msg.owner, chain, 'owner');
  checkPositive(msg.jobId, 'job_id');
}

function checkContact(endpoint: string, moniker: string): void {
  if (endpoint !== '') checkUrl(endpoint, 'endpoint');
  checkText(moniker, LIMITS.moniker, 'moniker');
}

export function validateBondMiner(msg: MsgBondMiner, chain: ChainConfig): void {
  checkAddress(msg.miner, chain, 'miner');
  parseCoin(msg.amount, 'amount', { zero: true });
  checkContact(msg.endpoint, msg.moniker);
}

export function validateBondVerifier(msg: MsgBondVerifier, chain: ChainConfig): void {
  checkAddress(msg.verifier, chain, 'verifier');
  parseCoin(msg.amount, 'amount', { zero: true });
  checkContact(msg.endpoint, msg.moniker);
  if (msg.blsKey.length === 0 && msg.blsProof.length === 0) return;
  checkBytes(msg.blsKey, 48, 'bls_key');
  checkBytes(msg.blsProof, 96, 'bls_proof');
}

export function validateUnbondMiner(msg: pb.MsgUnbondMiner, chain: ChainConfig): void {
  checkAddress(msg.miner, chain, 'miner');
  parseCoin(msg.amount, 'amount');
}

export function validateUnbondVerifier(msg: pb.MsgUnbondVerifier, chain: ChainConfig): void {
  checkAddress(msg.verifier, chain, 'verifier');
  parseCoin(msg.amount, 'amount');
}

function checkArtifact(artifact: Artifact | undefined): void {
  if (artifact === undefined) throw errInvalidField('artifact: is required');
  checkBytes(artifact.root, 32, 'artifact.root');
  checkRange(artifact.size, 1n, LIMITS.artifactBytes, 'artifact.size');
  checkRange(artifact.locations.length, 1, LIMITS.locations, 'artifact.locations');
  for (const [i, location] of artifact.locations.entries()) checkUrl(location, `artifact.locations[${i}]`);
}

interface RoundFields {
  readonly jobId: bigint;
  readonly round: bigint;
}

function checkRoundId(msg: RoundFields): void {
  checkPositive(msg.jobId, 'job_id');
  checkPositive(msg.round, 'round');
}

export function validateCommitUpdate(msg: MsgCommitUpdate, chain: ChainConfig): void {
  checkAddress(msg.miner, chain, 'miner');
  checkRoundId(msg);
  checkBytes(msg.parentRoot, 32, 'parent_root');
  checkBytes(msg.traceRoot, 32, 'trace_root');
  checkBytes(msg.stateRoot, 32, 'state_root');
  checkBytes(msg.code4Root, 32, 'code4_root');
  checkRange(msg.claimedParentLoss, 0n, MAX_CLAIM, 'claimed_parent_loss');
  checkRange(msg.claimedLoss, 0n, MAX_CLAIM, 'claimed_loss');
  checkRange(msg.steps, 1, 1_000_000, 'steps');
  checkArtifact(msg.artifact);
}

export function validateAnswerChallenges(msg: pb.MsgAnswerChallenges, chain: ChainConfig): void {
  checkAddress(msg.miner, chain, 'miner');
  checkRoundId(msg);
  checkRange(msg.openings.length, 1, LIMITS.openings, 'openings');
  for (const [i, opening] of msg.openings.entries()) checkOpeningShape(opening, `openings[${i}]`);
}

export function validateCommitAttestation(msg: pb.MsgCommitAttestation, chain: ChainConfig): void {
  checkAddress(msg.verifier, chain, 'verifier');
  checkAddress(msg.miner, chain, 'miner');
  checkRoundId(msg);
  checkBytes(msg.hash, 32, 'hash');
}

export function validateRevealAttestation(msg: pb.MsgRevealAttestation, chain: ChainConfig): void {
  checkAddress(msg.verifier, chain, 'verifier');
  checkAddress(msg.miner, chain, 'miner');
  checkRoundId(msg);
  checkBytes(msg.salt, 32, 'salt');
  checkReportShape(msg.report);
  checkBytes(msg.drawSignature, 96, 'draw_signature');
}

export function validateCommitFraudClaim(msg: pb.MsgCommitFraudClaim, chain: ChainConfig): void {
  checkAddress(msg.accuser, chain, 'accuser');
  checkBytes(msg.hash, 32, 'hash');
}

export function validateProveLeafFraud(msg: pb.MsgProveLeafFraud, chain: ChainConfig): void {
  checkAddress(msg.accuser, chain, 'accuser');
  checkAddress(msg.miner, chain, 'miner');
  checkRoundId(msg);
  checkBytes(msg.salt, 32, 'salt');
  checkOpeningShape(msg.opening, 'opening');
}
