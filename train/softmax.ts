// SPDX-License-Identifier: Apache-2.0
// Softmax by table and the loss in fixed point, one row at a time.
import { bitsOf, roundHalfEven } from './float32.ts';
import { EXP_TABLE, LN2, LOG_TABLE } from './tables.ts';

/** Columns of one exact integer total of table entries: 256 * 65,536 = 2^24. */
export const SUM_CHUNK = 256;

/** Distances above this many nats count as this many in the loss: 2^14. */
export const MAX_DISTANCE = 16384;

/** What a row's softmax leaves behind. */
export interface RowSoftmax {
  /** Largest element. */
  readonly max: number;
  /** Its lowest column. */
  readonly argmax: number;
  /** Sum of the table entries, a binary32 >= 65,536. */
  readonly sum: number;
}

/**
 * Fills `entries[0..count)` with table entries of one row: index = round-half-even(min(64 * (max - x), 1023)).
 * The entries' sum is taken in chunks of 256 columns, each exact, added in order in binary32.
 */
export function rowSoftmax(x: Float32Array, from: number, count: number, entries: Uint32Array): RowSoftmax {
  let max = x[from] as number;
  let argmax = 0;
  for (let c = 1; c < count; c++) {
    const value = x[from + c] as number;
    if (value > max) {
      max = value;
      argmax = c;
    }
  }
  let sum = 0;
  for (let start = 0; start < count; start += SUM_CHUNK) {
    const end = Math.min(start + SUM_CHUNK, count);
    let total = 0;
    for (let c = start; c < end; c++) {
      const scaled = Math.fround(64 * Math.fround(max - (x[from + c] as number)));
      const entry = EXP_TABLE[roundHalfEven(Math.min(scaled, 1023))] as number;
      entries[c] = entry;
      total += entry;
    }
    sum = Math.fround(sum + total);
  }
  return { max, argmax, sum };
}

/**
 * Natural logarithm of sum / 65,536 in units of 2^-16, for a binary32 sum >= 65,536: exponent times ln 2 (2^-24
 * units, rounded half up) plus the table at the fraction's ten high bits, linear in the thirteen low ones.
 */
export function logOfSum(sum: number): number {
  const bits = bitsOf(sum);
  const exponent = (bits >>> 23) - 127 - 16;
  const high = (bits >>> 13) & 1023;
  const low = bits & 8191;
  const at = LOG_TABLE[high] as number;
  const next = LOG_TABLE[high + 1] as number;
  return ((exponent * LN2 + 128) >> 8) + at + (((next - at) * low + 4096) >> 13);
}

/** Cross entropy of a row in 2^-16 nats: (max - x[label]) + ln(sum / 65,536); an integer in 0..2^31 - 1. */
export function rowLoss(row: RowSoftmax, labelLogit: number): number {
  const distance = Math.fround(row.max - labelLogit);
  return roundHalfEven(Math.min(distance, MAX_DISTANCE) * 65536) + logOfSum(row.sum);
}
