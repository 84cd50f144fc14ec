// SPDX-License-Identifier: Apache-2.0
import { encode } from '../core/codec.ts';
import { LeafOpening } from '../proto/gen/pogo.v1.ts';

/** Bytes of openings that one transaction carries; a larger opening travels alone. */
export const ANSWER_BYTES = 25_000;

/** Openings in order, in as many groups as transactions are needed. */
export function splitAnswers(openings: readonly LeafOpening[], limit: number = ANSWER_BYTES): LeafOpening[][] {
  const groups: LeafOpening[][] = [];
  let size = 0;
  for (const opening of openings) {
    const bytes = encode(LeafOpening, opening).length;
    const last = groups.at(-1);
    if (last === undefined || size + bytes > limit) {
      groups.push([opening]);
      size = bytes;
    } else {
      last.push(opening);
      size += bytes;
    }
  }
  return groups;
}
