// SPDX-License-Identifier: Apache-2.0
// Draws of numbers below a size, from Philox blocks under a key. A number is the high word of u * size, u the first word
// of the block with counter (position, 0, 0, 0), as in the choice of training samples.

import { keyOf, mulHigh, type PhiloxKey, philox } from '../../train/philox.ts';
import { lesser } from './types.ts';

function below(key: PhiloxKey, position: number, size: number, words: Uint32Array): number {
  philox(key, Uint32Array.of(position, 0, 0, 0), words);
  return mulHigh(words[0] as number, size);
}

/** `count` independent numbers below `size` (1..2^32 - 1) in the order of their draw; one may repeat. */
export function drawRepeated(hash: Uint8Array, count: number, size: number): Uint32Array {
  const key = keyOf(hash);
  const words = new Uint32Array(4);
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i++) out[i] = below(key, i, size, words);
  return out;
}

/**
 * min(count, size) different numbers below `size` (1..2^32 - 1), ascending, each set equally likely. Floyd's algorithm
 * (Bentley and Floyd, "A sample of brilliance", CACM 1987): draw i takes t below j + 1 with j = size - count + i, or j
 * itself when t is taken; so the number of draws is fixed.
 */
export function drawDistinct(hash: Uint8Array, count: number, size: number): readonly number[] {
  const key = keyOf(hash);
  const words = new Uint32Array(4);
  const wanted = lesser(count, size);
  const taken = new Set<number>();
  const out: number[] = [];
  for (let i = 0; i < wanted; i++) {
    const j = size - wanted + i;
    const t = below(key, i, j + 1, words);
    const pick = taken.has(t) ? j : t;
    taken.add(pick);
    out.push(pick);
  }
  return out.sort((a, b) => a - b);
}
