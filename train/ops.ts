// SPDX-License-Identifier: Apache-2.0
// What each operation of a program means, in plain TypeScript. Products and sums are contractions; everything else
// is single binary32 operations (f = Math.fround). Each output is flushed and checked by the caller.
import { contract, sumSlices } from './contract.ts';
import { FormatError } from './errors.ts';
import { pow2 } from './float32.ts';
import type { Buffer, BufferShape, Op } from './program.ts';
import { colsOf, quantise, rowsOf } from './quantise.ts';
import { rowLoss, rowSoftmax } from './softmax.ts';

const f = Math.fround;

/** What operations read and write. */
export interface Workspace {
  readonly rows: number;
  readonly shapes: readonly BufferShape[];
  readonly buffers: readonly Float32Array[];
  /** Encoded samples of `rows` rows, `sampleBytes` each; the last byte is the label. */
  readonly samples: Uint8Array;
  readonly sampleBytes: number;
  /** Parameters and their gradient in the padded layout. */
  readonly theta: Float32Array;
  readonly gradient: Float32Array;
  /** Per row, filled by crossEntropy. */
  readonly losses: Int32Array;
  readonly predicted: Uint16Array;
}

/** Runs one operation; returns the array that it wrote, before flush and check. */
export function execute(op: Op, w: Workspace): Float32Array {
  switch (op.op) {
    case 'input':
      return input(w, op.exponent, op.out);
    case 'linear': {
      const [out, inputs] = matrix(op.w.shape);
      const x = quantise(rowsOf(data(w, op.x), w.rows, inputs), 8);
      contract(x, quantise(rowsOf(w.theta, out, inputs, op.w.offset), 8), data(w, op.out));
      return data(w, op.out);
    }
    case 'bias':
      return bias(w, op);
    case 'relu':
      return select(data(w, op.x), data(w, op.x), data(w, op.out));
    case 'reluGrad':
      return select(data(w, op.y), data(w, op.dy), data(w, op.out));
    case 'crossEntropy':
      return crossEntropy(w, op.x, op.out);
    case 'linearWeightGrad': {
      const [out, inputs] = matrix(op.w.shape);
      const dy = quantise(colsOf(data(w, op.dy), w.rows, out), 14);
      contract(dy, quantise(colsOf(data(w, op.x), w.rows, inputs), 8), w.gradient, op.w.offset);
      return w.gradient.subarray(op.w.offset, op.w.offset + op.w.count);
    }
    case 'linearInputGrad': {
      const [out, inputs] = matrix(op.w.shape);
      const dy = quantise(rowsOf(data(w, op.dy), w.rows, out), 14);
      contract(dy, quantise(colsOf(w.theta, out, inputs, op.w.offset), 8), data(w, op.out));
      return data(w, op.out);
    }
    case 'biasGrad': {
      sumSlices(quantise(colsOf(data(w, op.dy), w.rows, op.b.count), 14), w.gradient, op.b.offset);
      return w.gradient.subarray(op.b.offset, op.b.offset + op.b.count);
    }
    default:
      return op satisfies never;
  }
}

function data(w: Workspace, buffer: Buffer): Float32Array {
  return w.buffers[buffer] as Float32Array;
}

function matrix(shape: readonly number[]): readonly [number, number] {
  return [shape[0] as number, shape[1] as number];
}

function input(w: Workspace, exponent: number, to: Buffer): Float32Array {
  const out = data(w, to);
  const { cols } = w.shapes[to] as BufferShape;
  const scale = pow2(exponent);
  for (let r = 0; r < w.rows; r++) {
    for (let c = 0; c < cols; c++) out[r * cols + c] = (w.samples[r * w.sampleBytes + c] as number) * scale;
  }
  return out;
}

function bias(w: Workspace, op: Extract<Op, { op: 'bias' }>): Float32Array {
  const x = data(w, op.x);
  const out = data(w, op.out);
  const cols = op.b.count;
  for (let r = 0; r < w.rows; r++) {
    for (let c = 0; c < cols; c++) out[r * cols + c] = f((x[r * cols + c] as number) + (w.theta[op.b.offset + c] as number));
  }
  return out;
}

/** out = on > 0 ? value : +0 */
function select(on: Float32Array, value: Float32Array, out: Float32Array): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = (on[i] as number) > 0 ? (value[i] as number) : 0;
  return out;
}

function label(w: Workspace, row: number, classes: number): number {
  const value = w.samples[(row + 1) * w.sampleBytes - 1] as number;
  if (value >= classes) throw new FormatError(`label: ${value} in sample ${row} of the batch is not below ${classes}`);
  return value;
}

/** p = f(entry / sum); out = f(f(p - (c = label)) * f(1 / rows)). */
function crossEntropy(w: Workspace, from: Buffer, to: Buffer): Float32Array {
  const x = data(w, from);
  const out = data(w, to);
  const { cols } = w.shapes[from] as BufferShape;
  const entries = new Uint32Array(cols);
  const share = f(1 / w.rows);
  for (let r = 0; r < w.rows; r++) {
    const row = rowSoftmax(x, r * cols, cols, entries);
    const target = label(w, r, cols);
    w.losses[r] = rowLoss(row, x[r * cols + target] as number);
    w.predicted[r] = row.argmax;
    for (let c = 0; c < cols; c++) {
      const p = f((entries[c] as number) / row.sum);
      out[r * cols + c] = f(f(p - (c === target ? 1 : 0)) * share);
    }
  }
  return out;
}
