// SPDX-License-Identifier: Apache-2.0
// What each operation of a program means, in plain TypeScript. Products and sums are contractions; everything else
// is single binary32 operations (f = Math.fround). Each output is flushed and checked by the caller.
import * as attention from './attention.ts';
import { clip } from './clip.ts';
import { contract, sumSlices } from './contract.ts';
import { patches, patchesGrad } from './convolution.ts';
import { embed, scatter, tokensOf } from './embed.ts';
import { FormatError } from './errors.ts';
import { fromBits, pow2 } from './float32.ts';
import type { Tensor } from './layout.ts';
import * as transformer from './norm.ts';
import { isProduct, type ProductOp, productOutput, productsOf } from './products.ts';
import type { Buffer, ConvolutionOp, DenseOp, Op, TokenOp, TransformerOp } from './program.ts';
import { colsOf, quantise } from './quantise.ts';
import { rowLoss, rowSoftmax } from './softmax.ts';
import { data, part, shape, type Workspace } from './workspace.ts';

const f = Math.fround;

/** Runs one operation; returns the array that it wrote, before flush and check. */
export function execute(op: Op, w: Workspace): Float32Array {
  if (isProduct(op)) {
    for (const product of productsOf(op, w)) contract(product);
    return productOutput(op, w);
  }
  switch (op.op) {
    case 'clip':
      clip(w.gradient, fromBits(op.limit));
      return w.gradient;
    case 'patches':
    case 'patchesGrad':
      return executeConvolution(op, w);
    case 'embed':
    case 'embedGrad':
    case 'positionGrad':
    case 'tokenCrossEntropy':
      return executeToken(op, w);
    case 'input':
    case 'bias':
    case 'relu':
    case 'reluGrad':
    case 'crossEntropy':
    case 'biasGrad':
      return executeDense(op, w);
    default:
      return executeTransformer(op, w);
  }
}

function executeDense(op: Exclude<DenseOp, ProductOp>, w: Workspace): Float32Array {
  switch (op.op) {
    case 'input':
      return input(w, op.exponent, data(w, op.out));
    case 'bias':
      return bias(w, op);
    case 'relu':
      return select(data(w, op.x), data(w, op.x), data(w, op.out));
    case 'reluGrad':
      return select(data(w, op.y), data(w, op.dy), data(w, op.out));
    case 'crossEntropy': {
      const { rows, cols } = shape(w, op.x);
      const labels = Uint16Array.from({ length: rows }, (_, r) => label(w, r, cols));
      return crossEntropy(w, op, labels);
    }
    case 'biasGrad': {
      const { rows, cols } = shape(w, op.dy);
      sumSlices(quantise(colsOf(data(w, op.dy), rows, cols), 14), w.gradient, op.b.offset);
      return part(w.gradient, op.b);
    }
    default:
      return op satisfies never;
  }
}

function executeConvolution(op: ConvolutionOp, w: Workspace): Float32Array {
  const out = data(w, op.out);
  if (op.op === 'patches') patches(op.geometry, data(w, op.x), out);
  else patchesGrad(op.geometry, data(w, op.dy), out);
  return out;
}

function executeToken(op: TokenOp, w: Workspace): Float32Array {
  switch (op.op) {
    case 'embed': {
      const tokens = tokensOf(op.tokens, w.samples, shape(w, op.out).rows, 0);
      embed(tokens, op.tokens.context, part(w.theta, op.e), part(w.theta, op.p), data(w, op.out));
      return data(w, op.out);
    }
    case 'embedGrad': {
      const tokens = tokensOf(op.tokens, w.samples, shape(w, op.dy).rows, 0);
      scatter(tokens, data(w, op.dy), part(w.gradient, op.e), op.accumulate);
      return part(w.gradient, op.e);
    }
    case 'positionGrad': {
      const positions = Uint16Array.from({ length: shape(w, op.dy).rows }, (_, r) => r % op.context);
      scatter(positions, data(w, op.dy), part(w.gradient, op.p), false);
      return part(w.gradient, op.p);
    }
    case 'tokenCrossEntropy':
      return crossEntropy(w, op, tokensOf(op.tokens, w.samples, shape(w, op.x).rows, 1));
    default:
      return op satisfies never;
  }
}

function executeTransformer(op: Exclude<TransformerOp, ProductOp>, w: Workspace): Float32Array {
  if (op.op === 'normGainGrad') {
    transformer.normGainGrad(normInput(op, w), data(w, op.dy), part(w.gradient, op.g));
    return part(w.gradient, op.g);
  }
  const out = data(w, op.out);
  switch (op.op) {
    case 'add':
      transformer.add(data(w, op.x), data(w, op.y), out);
      break;
    case 'squaredRelu':
      transformer.squaredRelu(data(w, op.x), out);
      break;
    case 'squaredReluGrad':
      transformer.squaredReluGrad(data(w, op.x), data(w, op.dy), out);
      break;
    case 'norm':
      transformer.norm(normInput(op, w), out);
      break;
    case 'normInputGrad':
      transformer.normInputGrad(normInput(op, w), data(w, op.dy), out);
      break;
    case 'causalSoftmax':
      attention.causalSoftmax(op.shape, data(w, op.x), out);
      break;
    case 'causalSoftmaxGrad':
      attention.causalSoftmaxGrad(op.shape, data(w, op.p), data(w, op.dy), out);
      break;
    default:
      op satisfies never;
  }
  return out;
}

function normInput(op: Extract<TransformerOp, { g: Tensor }>, w: Workspace): transformer.NormInput {
  const { rows, cols } = shape(w, op.x);
  return { x: data(w, op.x), g: part(w.theta, op.g), inverse: data(w, op.inverse), rows, cols };
}

function input(w: Workspace, exponent: number, out: Float32Array): Float32Array {
  const inputs = w.sampleBytes - 1;
  const scale = pow2(exponent);
  for (let r = 0; r < w.rows; r++) {
    for (let c = 0; c < inputs; c++) out[r * inputs + c] = (w.samples[r * w.sampleBytes + c] as number) * scale;
  }
  return out;
}

function bias(w: Workspace, op: Extract<Op, { op: 'bias' }>): Float32Array {
  const x = data(w, op.x);
  const out = data(w, op.out);
  const { rows, cols } = shape(w, op.out);
  for (let r = 0; r < rows; r++) {
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

/** p = f(entry / sum); out = f(f(p - (c = label)) * f(1 / rows)), rows those of the logits. */
function crossEntropy(w: Workspace, op: { readonly x: Buffer; readonly out: Buffer }, labels: Uint16Array): Float32Array {
  const x = data(w, op.x);
  const out = data(w, op.out);
  const { rows, cols } = shape(w, op.x);
  const entries = new Uint32Array(cols);
  const share = f(1 / rows);
  for (let r = 0; r < rows; r++) {
    const row = rowSoftmax(x, r * cols, cols, entries);
    const target = labels[r] as number;
    w.losses[r] = rowLoss(row, x[r * cols + target] as number);
    w.predicted[r] = row.argmax;
    for (let c = 0; c < cols; c++) {
      const p = f((entries[c] as number) / row.sum);
      out[r * cols + c] = f(f(p - (c === target ? 1 : 0)) * share);
    }
  }
  return out;
}
