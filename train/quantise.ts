// SPDX-License-Identifier: Apache-2.0
// Q_n: integer mantissas with one power-of-two scale per slice of a matrix along the contraction.
import { InvalidStepError } from './errors.ts';
import { pow2, roundHalfEven } from './float32.ts';

/** Mantissas, slice after slice, each contiguous along the contraction; value = mantissa * 2^exponent. */
export interface Quantised {
  readonly slices: number;
  /** Terms of a slice (length of the contraction). */
  readonly length: number;
  /** Mantissas lie within +-(2^(bits - 1) - 1). */
  readonly bits: 8 | 14;
  /** slices * length integers. */
  readonly mantissas: Int16Array;
  /** One per slice, -50..50. */
  readonly exponents: Int8Array;
}

export const MIN_EXPONENT = -50;
export const MAX_EXPONENT = 50;

/** A matrix seen as slices: element t of slice s is data[offset + s * sliceStride + t * termStride]. */
export interface Slices {
  readonly data: Float32Array;
  readonly offset: number;
  readonly slices: number;
  readonly length: number;
  readonly sliceStride: number;
  readonly termStride: number;
}

/** The rows of a row-major matrix as slices (contraction along the columns). */
export function rowsOf(data: Float32Array, rows: number, cols: number, offset = 0): Slices {
  return { data, offset, slices: rows, length: cols, sliceStride: cols, termStride: 1 };
}

/** The columns of a row-major matrix as slices (contraction along the rows). */
export function colsOf(data: Float32Array, rows: number, cols: number, offset = 0): Slices {
  return { data, offset, slices: cols, length: rows, sliceStride: 1, termStride: cols };
}

/**
 * Least e with a <= (2^(n-1) - 1) * 2^e, at least -50, from the bits of a >= 0. The largest mantissa is
 * (2 - 2^-(n-2)) * 2^(n-2), so adding 2^-(n-2) less one unit to the fraction carries exactly when a exceeds it.
 * NaN and infinity have field 255 and end above 50 like any other value too large: InvalidStepError.
 */
export function scaleExponent(magnitudeBits: number, n: number): number {
  const field = (magnitudeBits + (0x800000 >> (n - 2)) - 1) >>> 23;
  const e = field - 127 - (n - 2);
  if (e > MAX_EXPONENT) throw new InvalidStepError(`quantise: a scale of 2^${e} is above 2^${MAX_EXPONENT}`);
  return Math.max(e, MIN_EXPONENT);
}

/** Q_n of each slice, n = 8 for forward and 14 for backward operands. */
export function quantise(x: Slices, n: 8 | 14): Quantised {
  const bits = new Uint32Array(x.data.buffer, x.data.byteOffset, x.data.length);
  const mantissas = new Int16Array(x.slices * x.length);
  const exponents = new Int8Array(x.slices);
  for (let s = 0; s < x.slices; s++) {
    const from = x.offset + s * x.sliceStride;
    let max = 0;
    for (let t = 0, at = from; t < x.length; t++, at += x.termStride) {
      const magnitude = (bits[at] as number) & 0x7fffffff;
      if (magnitude > max) max = magnitude;
    }
    const e = scaleExponent(max, n);
    const scale = pow2(-e);
    exponents[s] = e;
    for (let t = 0, at = from, to = s * x.length; t < x.length; t++, at += x.termStride, to++) {
      mantissas[to] = roundHalfEven((x.data[at] as number) * scale);
    }
  }
  return { slices: x.slices, length: x.length, bits: n, mantissas, exponents };
}
