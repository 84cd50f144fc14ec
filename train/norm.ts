// SPDX-License-Identifier: Apache-2.0
// RMSNorm and the element-wise operations of a transformer (f = Math.fround).
import { dot } from './contract.ts';
import { InvalidStepError } from './errors.ts';
import { flush, fromBits } from './float32.ts';
import { colsOf, quantise, rowsOf } from './quantise.ts';

const f = Math.fround;

/** The binary32 nearest 1e-5. */
const EPSILON: number = fromBits(0x3727c5ac);

export interface NormInput {
  readonly x: Float32Array;
  readonly g: Float32Array;
  /** One per row: 1 / root of the mean square. */
  readonly inverse: Float32Array;
  readonly rows: number;
  readonly cols: number;
}

/**
 * Mean square: f(dot(Q8(x[r]), Q8(x[r])) * f(1 / cols)); inverse = f(1 / f(sqrt(f(mean + 1e-5)))); out = f(f(x * inverse) * g).
 */
export function norm({ x, g, inverse, rows, cols }: NormInput, out: Float32Array): void {
  const q = quantise(rowsOf(x, rows, cols), 8);
  const share = f(1 / cols);
  for (let r = 0; r < rows; r++) {
    const mean = f(dot(q, r, q, r) * share);
    if (!(mean < Number.POSITIVE_INFINITY)) throw new InvalidStepError('norm: a mean square is not finite');
    const scale = f(1 / f(Math.sqrt(f(mean + EPSILON))));
    inverse[r] = scale;
    for (let c = 0; c < cols; c++) out[r * cols + c] = f(f((x[r * cols + c] as number) * scale) * (g[c] as number));
  }
}

/**
 * d = f(g * dy), flushed; m = f(dot(Q8(x[r]), Q14(d[r])) * f(1 / cols)); k = f(f(f(inverse * inverse) * inverse) * m);
 * dx = f(f(d * inverse) - f(x * k)).
 */
export function normInputGrad({ x, g, inverse, rows, cols }: NormInput, dy: Float32Array, out: Float32Array): void {
  const d = new Float32Array(rows * cols);
  for (let i = 0; i < d.length; i++) d[i] = flush(f((g[i % cols] as number) * (dy[i] as number)));
  const qx = quantise(rowsOf(x, rows, cols), 8);
  const qd = quantise(rowsOf(d, rows, cols), 14);
  const share = f(1 / cols);
  for (let r = 0; r < rows; r++) {
    const scale = inverse[r] as number;
    const mean = f(dot(qx, r, qd, r) * share);
    const k = f(f(f(scale * scale) * scale) * mean);
    for (let c = 0; c < cols; c++) {
      const i = r * cols + c;
      out[i] = f(f((d[i] as number) * scale) - f((x[i] as number) * k));
    }
  }
}

/** n = f(x * inverse), flushed; dg[c] = dot over the rows of Q8(n) and Q14(dy), scales per column. */
export function normGainGrad({ x, inverse, rows, cols }: NormInput, dy: Float32Array, out: Float32Array): void {
  const n = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) n[r * cols + c] = flush(f((x[r * cols + c] as number) * (inverse[r] as number)));
  }
  const qn = quantise(colsOf(n, rows, cols), 8);
  const qd = quantise(colsOf(dy, rows, cols), 14);
  for (let c = 0; c < cols; c++) out[c] = dot(qd, c, qn, c);
}

/** out = f(x + y) */
export function add(x: Float32Array, y: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = f((x[i] as number) + (y[i] as number));
}

/** out = f(h * h), h = x > 0 ? x : +0 */
export function squaredRelu(x: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (x[i] as number) > 0 ? f((x[i] as number) * (x[i] as number)) : 0;
}

/** out = x > 0 ? f(f(x + x) * dy) : +0 */
export function squaredReluGrad(x: Float32Array, dy: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const value = x[i] as number;
    out[i] = value > 0 ? f(f(value + value) * (dy[i] as number)) : 0;
  }
}
