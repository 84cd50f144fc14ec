// SPDX-License-Identifier: Apache-2.0
// Contractions: sums of small integers, so the order inside a chunk cannot matter; the chunks are added in order.
import { pow2 } from './float32.ts';
import type { Quantised } from './quantise.ts';

/** Terms of one exact integer total: 1,024 * 127 * 8,191 < 2^31. */
export const CHUNK = 1024;

/**
 * Sum over t of a[i, t] * b[j, t]. Each chunk's integer total is converted to binary32 (one rounding), scaled by
 * 2^(ea + eb) (exact, or infinite), and added to the sum of the chunks before it (one rounding).
 */
export function dot(a: Quantised, i: number, b: Quantised, j: number): number {
  const { length } = a;
  const scale = pow2((a.exponents[i] as number) + (b.exponents[j] as number));
  let sum = 0;
  for (let from = 0; from < length; from += CHUNK) {
    const to = Math.min(from + CHUNK, length);
    const value = Math.fround(Math.fround(chunkTotal(a.mantissas, i * length, b.mantissas, j * length, from, to)) * scale);
    sum = from === 0 ? value : Math.fround(sum + value);
  }
  return sum;
}

/** Where a contraction's results go: element (i, j) to data[offset + i * stride + j]. */
export interface Target {
  readonly data: Float32Array;
  readonly offset: number;
  readonly stride: number;
}

/** All dot products of the slices of a with those of b. */
export function contract(a: Quantised, b: Quantised, out: Target): void {
  for (let i = 0; i < a.slices; i++) {
    for (let j = 0; j < b.slices; j++) out.data[out.offset + i * out.stride + j] = dot(a, i, b, j);
  }
}

function chunkTotal(x: Int16Array, xAt: number, y: Int16Array, yAt: number, from: number, to: number): number {
  let total = 0;
  for (let t = from; t < to; t++) total = (total + Math.imul(x[xAt + t] as number, y[yAt + t] as number)) | 0;
  return total;
}

/** out[offset + i] = sum over t of a[i, t]: the contraction with a row of ones. */
export function sumSlices(a: Quantised, out: Float32Array, offset = 0): void {
  for (let i = 0; i < a.slices; i++) {
    const scale = pow2(a.exponents[i] as number);
    let sum = 0;
    for (let from = 0; from < a.length; from += CHUNK) {
      const to = Math.min(from + CHUNK, a.length);
      let total = 0;
      for (let t = from; t < to; t++) total = (total + (a.mantissas[i * a.length + t] as number)) | 0;
      const value = Math.fround(Math.fround(total) * scale);
      sum = from === 0 ? value : Math.fround(sum + value);
    }
    out[offset + i] = sum;
  }
}
