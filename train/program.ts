// SPDX-License-Identifier: Apache-2.0
// A network as a list of exact operations over named buffers. Backends execute the list; what each operation
// means, in which order and with which roundings, is `reference.ts`. Buffers are row-major binary32 matrices.
import type { Tensor } from './layout.ts';
import { compileCnn, compileGpt, compileMlp } from './networks.ts';
import type { TrainSpec } from './spec.ts';
import type { Geometry } from './tensors.ts';

/** Index into `Program.buffers`. */
export type Buffer = number;

export interface BufferShape {
  readonly rows: number;
  readonly cols: number;
}

/**
 * Every operation flushes its outputs (|y| < 2^-60 becomes +0) and refuses NaN and infinity in them.
 * Q8, Q14: mantissas with one power-of-two scale per slice along the contraction (quantise.ts).
 */
export type DenseOp =
  /** out[r, c] = byte c of sample r * 2^exponent */
  | { readonly op: 'input'; readonly exponent: number; readonly out: Buffer }
  /** out[r, o] = sum over i of Q8(x)[r, i] * Q8(w)[o, i]; scales per row of x and per row of w */
  | { readonly op: 'linear'; readonly x: Buffer; readonly w: Tensor; readonly out: Buffer }
  /** out[r, c] = x[r, c] + b[c] */
  | { readonly op: 'bias'; readonly x: Buffer; readonly b: Tensor; readonly out: Buffer }
  /** out = x > 0 ? x : +0 */
  | { readonly op: 'relu'; readonly x: Buffer; readonly out: Buffer }
  /** softmax by table of each row; out[r, c] = (p[r, c] - (c = label of r)) * binary32 nearest 1 / rows; losses in 2^-16 nats */
  | { readonly op: 'crossEntropy'; readonly x: Buffer; readonly out: Buffer }
  /** gradient of w [out, in]: sum over r of Q14(dy)[r, o] * Q8(x)[r, i]; scales per column of dy and per column of x */
  | { readonly op: 'linearWeightGrad'; readonly x: Buffer; readonly dy: Buffer; readonly w: Tensor }
  /** out[r, i] = sum over o of Q14(dy)[r, o] * Q8(w)[o, i]; scales per row of dy and per column of w */
  | { readonly op: 'linearInputGrad'; readonly dy: Buffer; readonly w: Tensor; readonly out: Buffer }
  /** gradient of b: sum over r of Q14(dy)[r, o]; scales per column of dy */
  | { readonly op: 'biasGrad'; readonly dy: Buffer; readonly b: Tensor }
  /** out = y > 0 ? dy : +0, where y is the output of the relu */
  | { readonly op: 'reluGrad'; readonly y: Buffer; readonly dy: Buffer; readonly out: Buffer };

/** Images: matrices hold one pixel per row, channels in columns. */
export type ConvolutionOp =
  /** out[pixel', (channel, ky, kx)] = x[pixel under the kernel, channel], +0 outside the image */
  | { readonly op: 'patches'; readonly x: Buffer; readonly geometry: Geometry; readonly out: Buffer }
  /** out[pixel, channel] = sum over (ky, kx) in ascending order of the patch elements that came from it */
  | { readonly op: 'patchesGrad'; readonly dy: Buffer; readonly geometry: Geometry; readonly out: Buffer };

/** How a sample's tokens are read. */
export interface TokenShape {
  readonly vocab: number;
  readonly context: number;
  readonly bytes: 1 | 2;
}

/** Causal attention: matrices of (sample, position) rows; probabilities have (sample, head, position) rows. */
export interface AttentionShape {
  readonly context: number;
  readonly width: number;
  readonly heads: number;
}

export type TokenOp =
  /** out[r] = e[token of r] + p[position of r] */
  | { readonly op: 'embed'; readonly tokens: TokenShape; readonly e: Tensor; readonly p: Tensor; readonly out: Buffer }
  /** gradient of e: contraction with the one-hot matrix of tokens; `accumulate` adds to what is there */
  | { readonly op: 'embedGrad'; readonly tokens: TokenShape; readonly dy: Buffer; readonly e: Tensor; readonly accumulate: boolean }
  /** gradient of p: contraction with the one-hot matrix of positions */
  | { readonly op: 'positionGrad'; readonly context: number; readonly dy: Buffer; readonly p: Tensor }
  /** crossEntropy whose label of a row is the token after it */
  | { readonly op: 'tokenCrossEntropy'; readonly tokens: TokenShape; readonly x: Buffer; readonly out: Buffer };

export type TransformerOp =
  /** out = f(x + y) */
  | { readonly op: 'add'; readonly x: Buffer; readonly y: Buffer; readonly out: Buffer }
  /** out = h * h with h = x > 0 ? x : +0 */
  | { readonly op: 'squaredRelu'; readonly x: Buffer; readonly out: Buffer }
  /** out = x > 0 ? f(f(x + x) * dy) : +0 */
  | { readonly op: 'squaredReluGrad'; readonly x: Buffer; readonly dy: Buffer; readonly out: Buffer }
  /** inverse[r] = 1 / sqrt(mean square of Q8(x)[r] + 1e-5); out = f(f(x * inverse) * g) */
  | { readonly op: 'norm'; readonly x: Buffer; readonly g: Tensor; readonly inverse: Buffer; readonly out: Buffer }
  | { readonly op: 'normInputGrad'; readonly x: Buffer; readonly g: Tensor; readonly inverse: Buffer; readonly dy: Buffer; readonly out: Buffer }
  | { readonly op: 'normGainGrad'; readonly x: Buffer; readonly g: Tensor; readonly inverse: Buffer; readonly dy: Buffer }
  /** out[i, j] = q[i] . k[j] / sqrt(head width) for j <= i, else +0 */
  | { readonly op: 'scores'; readonly shape: AttentionShape; readonly qkv: Buffer; readonly out: Buffer }
  | { readonly op: 'causalSoftmax'; readonly shape: AttentionShape; readonly x: Buffer; readonly out: Buffer }
  /** out[i] = sum over j of P8[i, j] * v[j] */
  | { readonly op: 'mix'; readonly shape: AttentionShape; readonly p: Buffer; readonly qkv: Buffer; readonly out: Buffer }
  | { readonly op: 'mixProbabilityGrad'; readonly shape: AttentionShape; readonly qkv: Buffer; readonly dy: Buffer; readonly out: Buffer }
  | { readonly op: 'mixValueGrad'; readonly shape: AttentionShape; readonly p: Buffer; readonly dy: Buffer; readonly out: Buffer }
  | { readonly op: 'causalSoftmaxGrad'; readonly shape: AttentionShape; readonly p: Buffer; readonly dy: Buffer; readonly out: Buffer }
  | { readonly op: 'queryGrad'; readonly shape: AttentionShape; readonly ds: Buffer; readonly qkv: Buffer; readonly out: Buffer }
  | { readonly op: 'keyGrad'; readonly shape: AttentionShape; readonly ds: Buffer; readonly qkv: Buffer; readonly out: Buffer };

/** The whole gradient, scaled to the norm `limit` (binary32 bits) where it exceeds it; padding included. */
export type ClipOp = { readonly op: 'clip'; readonly limit: number };

export type Op = ClipOp | DenseOp | ConvolutionOp | TokenOp | TransformerOp;

export interface Program {
  /** Samples at once. */
  readonly rows: number;
  readonly buffers: readonly BufferShape[];
  /** From samples to logits. */
  readonly forward: readonly Op[];
  /** From logits and labels to losses and gradients; begins with crossEntropy. */
  readonly backward: readonly Op[];
  readonly logits: Buffer;
}

/** The operations of `spec` on `samples` samples at once. */
export function compile(spec: TrainSpec, samples: number): Program {
  const program = compileModel(spec, samples);
  const limit = spec.optimizer.clip;
  return limit === undefined ? program : { ...program, backward: [...program.backward, { op: 'clip', limit }] };
}

function compileModel(spec: TrainSpec, samples: number): Program {
  const { model } = spec;
  switch (model.kind) {
    case 'mlp':
      return compileMlp(spec, model, samples);
    case 'cnn':
      return compileCnn(spec, model, samples);
    case 'gpt':
      return compileGpt(spec, model, samples);
    default:
      return model satisfies never;
  }
}
