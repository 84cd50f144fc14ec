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

/** A matrix product: all dot products of the slices of a with those of b, at least one of which has 8 bits. */
export interface Product {
  readonly a: Quantised;
  readonly b: Quantised;
  readonly out: Target;
  /** Whether only the elements with j <= i are wanted; the others are left as they are. */
  readonly causal?: boolean;
  /** Each result is multiplied by it and rounded. */
  readonly scale?: number;
}

/** Computes a product. */
export function contract(product: Product): void {
  const { a, b, out, causal, scale } = product;
  for (let i = 0; i < a.slices; i++) {
    const columns = causal === true ? Math.min(i + 1, b.slices) : b.slices;
    for (let j = 0; j < columns; j++) {
      const value = dot(a, i, b, j);
      out.data[out.offset + i * out.stride + j] = scale === undefined ? value : Math.fround(value * scale);
    }
  }
}

/** Integer totals of a block of a product: that of chunk c of element (row + r, column + s) is data[c * chunkStride + r * rowStride + s * columnStride]. */
export interface Totals {
  readonly data: Int32Array;
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
  readonly chunkStride: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** What `contract` does with a block of a product once its integer totals are there, which may come from anywhere. */
export function settle(product: Product, totals: Totals): void {
  const { a, b, out, causal, scale } = product;
  const { data, chunkStride } = totals;
  const end = Math.ceil(a.length / CHUNK) * chunkStride;
  const right = Float64Array.from({ length: totals.columns }, (_, s) => pow2(b.exponents[totals.column + s] as number));
  for (let r = 0; r < totals.rows; r++) {
    const i = totals.row + r;
    const left = pow2(a.exponents[i] as number);
    const columns = causal === true ? Math.min(i + 1 - totals.column, totals.columns) : totals.columns;
    for (let s = 0; s < columns; s++) {
      const unit = left * (right[s] as number);
      const at = r * totals.rowStride + s * totals.columnStride;
      let value = Math.fround(Math.fround(data[at] as number) * unit);
      for (let c = chunkStride; c < end; c += chunkStride) value = Math.fround(value + Math.fround(Math.fround(data[at + c] as number) * unit));
      out.data[out.offset + i * out.stride + totals.column + s] = scale === undefined ? value : Math.fround(value * scale);
    }
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
