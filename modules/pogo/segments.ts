// SPDX-License-Identifier: Apache-2.0
// How a round's steps divide into segments: segment k (from 0) holds the steps between checkpoints k and k + 1.
import type { RoundTerms } from '../../proto/gen/pogo.v1.ts';

export type Steps = Pick<RoundTerms, 'steps' | 'checkpointEvery'>;

/** Segments of a round: ceil(steps / checkpointEvery). The last one may be short. */
export function segmentCount(terms: Steps): number {
  return Number((BigInt(terms.steps) + BigInt(terms.checkpointEvery) - 1n) / BigInt(terms.checkpointEvery));
}

/** First and last step (1..steps) of a segment. */
export function segmentSteps(terms: Steps, segment: number): { readonly first: number; readonly last: number } {
  const last = segment === segmentCount(terms) - 1 ? terms.steps : (segment + 1) * terms.checkpointEvery;
  return { first: segment * terms.checkpointEvery + 1, last };
}

/** Segment of a step (1..steps). */
export function segmentOf(terms: Steps, step: number): number {
  return Number((BigInt(step) - 1n) / BigInt(terms.checkpointEvery));
}
