// SPDX-License-Identifier: Apache-2.0
// The operations of a program as kernel calls. What each means is ops.ts; here stands which operand is packed how.
// In memory all activations are transposed (wasm-memory.ts), so with weights [out, in]
//   linear            out^T = W . x^T         left: rows of W,     right: columns of x^T
//   linearWeightGrad  dW    = dy^T . x        left: rows of dy^T,  right: rows of x^T
//   linearInputGrad   dx^T  = W^T . dy^T      left: columns of W,  right: columns of dy^T
import { FormatError, InvalidStepError, SpecError } from './errors.ts';
import type { Tensor } from './layout.ts';
import type { Buffer, Op } from './program.ts';
import { LN2 } from './tables.ts';
import { isWhole, type MemoryPlan, pad } from './wasm-memory.ts';
import type { Kernels } from './wasm-module.ts';

/** Groups of 8 terms in a chunk of 1,024. */
const CHUNK_GROUPS = 128;
const ACCUMULATE = 1;
const FLUSH = 2;
/** Bits of the largest magnitude that a scale of 2^50 holds. */
const LIMIT = { 8: ((50 + 6 + 127) << 23) | 0x7e0000, 14: ((50 + 12 + 127) << 23) | 0x7ff800 } as const;
const INFINITE = 0x7f800000;

type Bits = 8 | 14;

/** What an operation runs on. */
export interface OpContext {
  readonly kernels: Kernels;
  readonly plan: MemoryPlan;
  /** Samples at hand, at most plan.capacity. */
  readonly rows: number;
  /** Bytes from sample to sample. */
  readonly stride: number;
  /** Address of the parameters: plan.theta or plan.theta4. */
  readonly theta: number;
}

/** Runs one operation. InvalidStepError where the reference refuses; FormatError for a label out of range. */
export function runOp(op: Op, c: OpContext): void {
  switch (op.op) {
    case 'input':
      return; // its users read the bytes
    case 'linear':
      linear(op, c);
      return;
    case 'bias': {
      const { plan } = c;
      finite(op.op, c.kernels.pass.addBias(at(c, op.x), c.theta + 4 * op.b.offset, at(c, op.out), op.b.count, plan.ld));
      return;
    }
    case 'relu':
      finite(op.op, c.kernels.pass.select(at(c, op.x), at(c, op.x), at(c, op.out), elements(c, op.out)));
      return;
    case 'reluGrad':
      finite(op.op, c.kernels.pass.select(at(c, op.y), at(c, op.dy), at(c, op.out), elements(c, op.out)));
      return;
    case 'crossEntropy':
      crossEntropy(op, c);
      return;
    case 'linearWeightGrad':
      weightGrad(op, c);
      return;
    case 'linearInputGrad':
      inputGrad(op, c);
      return;
    case 'biasGrad': {
      const { plan, kernels } = c;
      kernels.pack.rowMax(at(c, op.dy), plan.ld, op.b.count, c.rows, plan.maxima);
      scales(c, 'biasGrad', pad(op.b.count, 4), 14, plan.upLeft, plan.invLeft);
      kernels.pass.sumRows(at(c, op.dy), plan.ld, op.b.count, c.rows, plan.upLeft, plan.invLeft, plan.gradient + 4 * op.b.offset);
      return;
    }
    default:
      throw new SpecError('model.kind', `has an operation without a wasm kernel: ${op.op}`);
  }
}

function at(c: OpContext, buffer: Buffer): number {
  return c.plan.buffers[buffer] as number;
}

function elements(c: OpContext, buffer: Buffer): number {
  return (c.plan.program.buffers[buffer]?.cols ?? 0) * c.plan.ld;
}

function finite(op: string, magnitude: number): void {
  if (magnitude >= INFINITE) throw new InvalidStepError(`${op}: an output is not finite`);
}

/** Scales from the maxima of `slices` (padded) slices. */
function scales(c: OpContext, op: string, slices: number, bits: Bits, up: number, inv: number): void {
  if (c.kernels.pack.scales(c.plan.maxima, slices, bits, up, inv) > LIMIT[bits]) throw new InvalidStepError(`${op}: a scale is above 2^50`);
}

function matrix(w: Tensor): readonly [number, number] {
  return w.shape as readonly [number, number];
}

function linear(op: Extract<Op, { op: 'linear' }>, c: OpContext): void {
  const { plan, kernels } = c;
  const [out, inputs] = matrix(op.w);
  const w = c.theta + 4 * op.w.offset;
  kernels.pack.rowMax(w, inputs, out, inputs, plan.maxima);
  scales(c, op.op, pad(out, 4), 8, plan.upLeft, plan.invLeft);
  kernels.pack.packRows(w, inputs, out, inputs, plan.invLeft, plan.left, plan.scratch);
  if (op.x === 0) {
    const { exponent } = inputOp(c);
    kernels.input.byteRowScales(plan.samples, c.stride, c.rows, inputs, exponent, plan.upRight, plan.invRight);
    kernels.input.packByteRows(plan.samples, c.stride, c.rows, inputs, plan.invRight, plan.right, plan.scratch);
  } else packColumns(c, op.op, op.x, inputs, 8);
  product(c, 'productRows', at(c, op.out), out, c.rows, inputs, plan.ld);
}

/** The buffer's samples as right operand, contraction along the features. */
function packColumns(c: OpContext, op: string, buffer: Buffer, features: number, bits: Bits): void {
  const { plan, kernels } = c;
  kernels.pack.colMax(at(c, buffer), plan.ld, features, c.rows, plan.maxima);
  scales(c, op, pad(c.rows, 16), bits, plan.upRight, plan.invRight);
  kernels.pack.packRight(at(c, buffer), plan.ld, features, c.rows, plan.invRight, plan.right);
}

function inputOp(c: OpContext): Extract<Op, { op: 'input' }> {
  return c.plan.program.forward[0] as Extract<Op, { op: 'input' }>;
}

function weightGrad(op: Extract<Op, { op: 'linearWeightGrad' }>, c: OpContext): void {
  const { plan, kernels } = c;
  const [out, inputs] = matrix(op.w);
  kernels.pack.rowMax(at(c, op.dy), plan.ld, out, c.rows, plan.maxima);
  scales(c, op.op, pad(out, 4), 14, plan.upLeft, plan.invLeft);
  kernels.pack.packRows(at(c, op.dy), plan.ld, out, c.rows, plan.invLeft, plan.left, plan.scratch);
  if (op.x === 0) {
    kernels.input.byteColScales(plan.samples, c.stride, c.rows, inputs, inputOp(c).exponent, plan.upRight, plan.invRight, plan.scratch);
    kernels.input.packByteCols(plan.samples, c.stride, c.rows, inputs, plan.invRight, plan.right);
  } else {
    kernels.pack.rowMax(at(c, op.x), plan.ld, inputs, c.rows, plan.maxima);
    scales(c, op.op, pad(inputs, 4), 8, plan.upRight, plan.invRight);
    kernels.pack.packRightRows(at(c, op.x), plan.ld, inputs, c.rows, plan.invRight, plan.right, plan.scratch);
  }
  const gradient = plan.gradient + 4 * op.w.offset;
  if (isWhole(out, inputs)) {
    product(c, 'productRows', gradient, out, inputs, c.rows, inputs);
    return;
  }
  const ld = pad(inputs, 16);
  product(c, 'productRows', plan.temporary, out, inputs, c.rows, ld);
  kernels.pass.compact(plan.temporary, ld, out, inputs, gradient);
}

function inputGrad(op: Extract<Op, { op: 'linearInputGrad' }>, c: OpContext): void {
  const { plan, kernels } = c;
  const [out, inputs] = matrix(op.w);
  const w = c.theta + 4 * op.w.offset;
  kernels.pack.colMax(w, inputs, out, inputs, plan.maxima);
  scales(c, op.op, pad(inputs, 16), 8, plan.upLeft, plan.invLeft);
  kernels.pack.packCols(w, inputs, out, inputs, plan.invLeft, plan.left);
  packColumns(c, op.op, op.dy, out, 14);
  product(c, 'productCols', at(c, op.out), inputs, c.rows, out, plan.ld);
}

/** C[rows, cols] from the packed operands, chunk by chunk, flushed after the last. */
function product(c: OpContext, kernel: 'productRows' | 'productCols', to: number, rows: number, cols: number, terms: number, ld: number): void {
  const { plan } = c;
  const run = c.kernels.product[kernel];
  const groups = pad(terms, 8) >> 3;
  for (let from = 0; from < groups; from += CHUNK_GROUPS) {
    const n = Math.min(CHUNK_GROUPS, groups - from);
    const mode = (from > 0 ? ACCUMULATE : 0) | (from + n === groups ? FLUSH : 0);
    run(plan.left, plan.right, to, plan.upLeft, plan.upRight, pad(rows, 4), pad(cols, 16), groups, from, n, ld, mode);
  }
}

function crossEntropy(op: Extract<Op, { op: 'crossEntropy' }>, c: OpContext): void {
  const { plan } = c;
  const classes = plan.program.buffers[op.x]?.cols ?? 0;
  const labels = plan.samples + c.stride - 1;
  const share = Math.fround(1 / c.rows);
  const tables = [plan.exp, plan.log, LN2, plan.entries] as const;
  const results = [plan.losses, plan.predicted, at(c, op.out)] as const;
  const done = c.kernels.pass.crossEntropy(at(c, op.x), plan.ld, classes, c.rows, labels, c.stride, share, ...tables, ...results);
  if (done < c.rows) throw new FormatError(`label: sample ${done} of the batch has one that is not below ${classes}`);
}
