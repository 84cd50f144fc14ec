// SPDX-License-Identifier: Apache-2.0
// Everything that chance decides in a round, as functions of a beacon. Nothing in a seed is chosen by a miner or a
// verifier: no salts, no clocks, no retries. Addresses are bytes, heights and numbers big-endian.
import { concatBytes, u64be, utf8 } from '../../core/bytes.ts';
import type { Challenge, RoundTerms } from '../../proto/gen/pogo.v1.ts';
import { DOMAIN, domainBytes, domainHash, prefixed } from './domains.ts';
import { drawDistinct, drawRepeated } from './draw.ts';
import { segmentCount } from './segments.ts';

export interface RoundId {
  readonly job: bigint;
  readonly round: bigint;
}

function roundBytes(id: RoundId): Uint8Array {
  return concatBytes(u64be(id.job), u64be(id.round));
}

/** Seed of a round (32 bytes): H(domain, beacon, job, round). A miner's own seed is `minerSeed` of train/samples.ts over it. */
export function roundSeed(beacon: Uint8Array, id: RoundId): Uint8Array {
  return domainHash(DOMAIN.roundSeed, beacon, roundBytes(id));
}

/**
 * The leaf challenges of one commit: min(leafChallenges, segments * leafCount) different (segment, leaf) pairs in
 * ascending order; `index` is the place in that order. Known only once the beacon after the commit window is.
 */
export function challengesOf(
  beacon: Uint8Array,
  id: RoundId,
  miner: Uint8Array,
  terms: Pick<RoundTerms, 'steps' | 'checkpointEvery' | 'leafChallenges'>,
  leafCount: number,
): readonly Challenge[] {
  const hash = domainHash(DOMAIN.challenges, beacon, roundBytes(id), prefixed(miner));
  const leaves = BigInt(leafCount);
  return drawDistinct(hash, terms.leafChallenges, segmentCount(terms) * leafCount).map((n, index) => ({
    index,
    segment: Number(BigInt(n) / leaves),
    leaf: n % leafCount,
  }));
}

/** What a verifier signs with its BLS key to learn its steps: unique, and nobody else can compute it before the reveal. */
export function drawMessage(chainId: string, beacon: Uint8Array, id: RoundId): Uint8Array {
  return domainBytes(DOMAIN.draw, prefixed(utf8(chainId)), beacon, roundBytes(id));
}

/** Steps (1..steps, ascending, different) of a miner's commit that the verifier with this draw signature re-executes. */
export function assignedSteps(drawSignature: Uint8Array, miner: Uint8Array, terms: Pick<RoundTerms, 'steps' | 'assignedSteps'>): readonly number[] {
  const hash = domainHash(DOMAIN.assignedSteps, prefixed(drawSignature), prefixed(miner));
  return drawDistinct(hash, terms.assignedSteps, terms.steps).map((n) => n + 1);
}

/** Samples of the evaluation set (0-based, repeats allowed) that decide the round; the same for all its commits. */
export function evalIndices(beacon: Uint8Array, id: RoundId, count: number, size: number): Uint32Array {
  return drawRepeated(domainHash(DOMAIN.evalSamples, beacon, roundBytes(id)), count, size);
}

/** Samples of the evaluation set on which a commit claims its losses; known from the round's start. */
export function claimIndices(seed: Uint8Array, count: number, size: number): Uint32Array {
  return drawRepeated(domainHash(DOMAIN.claimSamples, seed), count, size);
}
