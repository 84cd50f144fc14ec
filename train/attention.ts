// SPDX-License-Identifier: Apache-2.0
// Causal attention, head by head (f = Math.fround). qkv has rows (sample, position) and columns q, k, v, each
// `heads` slices of d = width / heads; probabilities have rows (sample, head, position) and columns (position).
import { dot, type Product } from './contract.ts';
import { roundHalfEven } from './float32.ts';
import type { AttentionShape } from './program.ts';
import { colsOf, type Quantised, quantise, rowsOf, type Slices } from './quantise.ts';
import { rowSoftmax } from './softmax.ts';

const f = Math.fround;

/** f(1 / f(sqrt(d))) */
function scoreScale({ width, heads }: AttentionShape): number {
  return f(1 / f(Math.sqrt(width / heads)));
}

interface Head {
  /** First row of its sample. */
  readonly first: number;
  /** Its first column in a matrix of one width. */
  readonly column: number;
  /** Where its probabilities begin. */
  readonly probabilities: number;
}

/** Every head of every sample. */
function* headsOf({ context, width, heads }: AttentionShape, rows: number): Generator<Head> {
  for (let sample = 0; sample * context < rows; sample++) {
    for (let h = 0; h < heads; h++) {
      yield { first: sample * context, column: (h * width) / heads, probabilities: (sample * heads + h) * context * context };
    }
  }
}

/** One head's part of a matrix with `cols` columns: positions as slices, or (transposed) columns as slices. */
function headRows(shape: AttentionShape, data: Float32Array, cols: number, first: number, column: number): Slices {
  return { data, offset: first * cols + column, slices: shape.context, length: shape.width / shape.heads, sliceStride: cols, termStride: 1 };
}

function headCols(shape: AttentionShape, data: Float32Array, cols: number, first: number, column: number): Slices {
  return { data, offset: first * cols + column, slices: shape.width / shape.heads, length: shape.context, sliceStride: 1, termStride: cols };
}

/** Probabilities in units of 2^-7, 0..127: round-half-even(128 p), 128 becoming 127. `transposed`: columns as slices. */
function fixedProbabilities(p: Float32Array, from: number, context: number, transposed: boolean): Quantised {
  const mantissas = new Int16Array(context * context);
  for (let i = 0; i < context; i++) {
    for (let j = 0; j < context; j++) {
      mantissas[transposed ? j * context + i : i * context + j] = Math.min(roundHalfEven((p[from + i * context + j] as number) * 128), 127);
    }
  }
  return { slices: context, length: context, bits: 8, mantissas, exponents: new Int8Array(context).fill(-7) };
}

/** out[i, j] = f(dot(Q8(q[i]), Q8(k[j])) * scale) for j <= i, else +0. */
export function* scores(shape: AttentionShape, qkv: Float32Array, rows: number, out: Float32Array): Generator<Product> {
  const { context, width } = shape;
  const scale = scoreScale(shape);
  out.fill(0);
  for (const { first, column, probabilities } of headsOf(shape, rows)) {
    const a = quantise(headRows(shape, qkv, 3 * width, first, column), 8);
    const b = quantise(headRows(shape, qkv, 3 * width, first, width + column), 8);
    yield { a, b, out: { data: out, offset: probabilities, stride: context }, causal: true, scale };
  }
}

/** p[i, j] = f(entry / sum) over the columns 0..i; +0 beyond. */
export function causalSoftmax({ context }: AttentionShape, x: Float32Array, out: Float32Array): void {
  const entries = new Uint32Array(context);
  out.fill(0);
  for (let row = 0; row * context < x.length; row++) {
    const count = (row % context) + 1;
    const { sum } = rowSoftmax(x, row * context, count, entries);
    for (let j = 0; j < count; j++) out[row * context + j] = f((entries[j] as number) / sum);
  }
}

/** out[i, c] = sum over j of P8[i, j] * Q8(v)[j, c], scales per column of v over all positions of the sample. */
export function* mix(shape: AttentionShape, p: Float32Array, qkv: Float32Array, rows: number, out: Float32Array): Generator<Product> {
  const { context, width } = shape;
  for (const { first, column, probabilities } of headsOf(shape, rows)) {
    const b = quantise(headCols(shape, qkv, 3 * width, first, 2 * width + column), 8);
    yield { a: fixedProbabilities(p, probabilities, context, false), b, out: { data: out, offset: first * width + column, stride: width } };
  }
}

/** dv[j, c] = sum over i of P8[i, j] * Q14(dy)[i, c], scales per column of dy; into the last third of `out`. */
export function* mixValueGrad(shape: AttentionShape, p: Float32Array, dy: Float32Array, rows: number, out: Float32Array): Generator<Product> {
  const { context, width } = shape;
  for (const { first, column, probabilities } of headsOf(shape, rows)) {
    const b = quantise(headCols(shape, dy, width, first, column), 14);
    const target = { data: out, offset: first * 3 * width + 2 * width + column, stride: 3 * width };
    yield { a: fixedProbabilities(p, probabilities, context, true), b, out: target };
  }
}

/** dp[i, j] = dot(Q14(dy[i]), Q8(v[j])) for j <= i, else +0. */
export function* mixProbabilityGrad(shape: AttentionShape, qkv: Float32Array, dy: Float32Array, rows: number, out: Float32Array): Generator<Product> {
  const { context, width } = shape;
  out.fill(0);
  for (const { first, column, probabilities } of headsOf(shape, rows)) {
    const a = quantise(headRows(shape, dy, width, first, column), 14);
    const b = quantise(headRows(shape, qkv, 3 * width, first, 2 * width + column), 8);
    yield { a, b, out: { data: out, offset: probabilities, stride: context }, causal: true };
  }
}

/**
 * Through the softmax and the scale of the scores: s = dot(P8[i], Q14(dp[i])); ds = f(f(p * f(dp - s)) * scale) for j <= i,
 * else +0.
 */
export function causalSoftmaxGrad(shape: AttentionShape, p: Float32Array, dp: Float32Array, out: Float32Array): void {
  const { context } = shape;
  const scale = scoreScale(shape);
  out.fill(0);
  for (let from = 0; from < p.length; from += context * context) {
    const weights = fixedProbabilities(p, from, context, false);
    const d = quantise(rowsOf(dp, context, context, from), 14);
    for (let i = 0; i < context; i++) {
      const s = dot(weights, i, d, i);
      for (let j = 0; j <= i; j++) {
        const at = from + i * context + j;
        out[at] = f(f((p[at] as number) * f((dp[at] as number) - s)) * scale);
      }
    }
  }
}

/** dq[i, c] = sum over j of Q14(ds)[i, j] * Q8(k)[j, c], scales per row of ds and per column of k; into the first third. */
export function* queryGrad(shape: AttentionShape, ds: Float32Array, qkv: Float32Array, rows: number, out: Float32Array): Generator<Product> {
  const { context, width } = shape;
  for (const { first, column, probabilities } of headsOf(shape, rows)) {
    const a = quantise(rowsOf(ds, context, context, probabilities), 14);
    const b = quantise(headCols(shape, qkv, 3 * width, first, width + column), 8);
    yield { a, b, out: { data: out, offset: first * 3 * width + column, stride: 3 * width } };
  }
}

/** dk[j, c] = sum over i of Q14(ds)[i, j] * Q8(q)[i, c], scales per column of ds and per column of q; into the second third. */
export function* keyGrad(shape: AttentionShape, ds: Float32Array, qkv: Float32Array, rows: number, out: Float32Array): Generator<Product> {
  const { context, width } = shape;
  for (const { first, column, probabilities } of headsOf(shape, rows)) {
    const a = quantise(colsOf(ds, context, context, probabilities), 14);
    const b = quantise(headCols(shape, qkv, 3 * width, first, column), 8);
    yield { a, b, out: { data: out, offset: first * 3 * width + width + column, stride: 3 * width } };
  }
}
