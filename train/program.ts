// SPDX-License-Identifier: Apache-2.0
// A network as a list of exact operations over named buffers. Backends execute the list; what each operation
// means, in which order and with which roundings, is `reference.ts`. Buffers are row-major binary32 matrices.
import { layoutOf, type Tensor } from './layout.ts';
import type { MlpSpec, TrainSpec } from './spec.ts';

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
export type Op =
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

export interface Program {
  readonly rows: number;
  readonly buffers: readonly BufferShape[];
  /** From samples to logits. */
  readonly forward: readonly Op[];
  /** From logits and labels to losses and gradients; begins with crossEntropy. */
  readonly backward: readonly Op[];
  readonly logits: Buffer;
}

/** The operations of `spec` on `rows` samples at once. */
export function compile(spec: TrainSpec, rows: number): Program {
  return compileMlp(spec, spec.model, rows);
}

function compileMlp(spec: TrainSpec, model: MlpSpec, rows: number): Program {
  const { tensors } = layoutOf(spec);
  const buffers: BufferShape[] = [];
  const buffer = (cols: number): Buffer => buffers.push({ rows, cols }) - 1;
  const width = (l: number): number => model.layers[l] as number;
  const forward: Op[] = [];
  const backward: Op[] = [];
  const last = model.layers.length - 1;
  const x: Buffer[] = [buffer(width(0))];
  forward.push({ op: 'input', exponent: model.inputExponent, out: x[0] as Buffer });
  for (let l = 1; l <= last; l++) {
    const z = buffer(width(l));
    const a = buffer(width(l));
    forward.push({ op: 'linear', x: x[l - 1] as Buffer, w: tensors[2 * l - 2] as Tensor, out: z });
    forward.push({ op: 'bias', x: z, b: tensors[2 * l - 1] as Tensor, out: a });
    x.push(l === last ? a : buffer(width(l)));
    if (l < last) forward.push({ op: 'relu', x: a, out: x[l] as Buffer });
  }
  const logits = x[last] as Buffer;
  let dy = buffer(width(last));
  backward.push({ op: 'crossEntropy', x: logits, out: dy });
  for (let l = last; l >= 1; l--) {
    backward.push({ op: 'linearWeightGrad', x: x[l - 1] as Buffer, dy, w: tensors[2 * l - 2] as Tensor });
    backward.push({ op: 'biasGrad', dy, b: tensors[2 * l - 1] as Tensor });
    if (l === 1) break;
    const dx = buffer(width(l - 1));
    const da = buffer(width(l - 1));
    backward.push({ op: 'linearInputGrad', dy, w: tensors[2 * l - 2] as Tensor, out: dx });
    backward.push({ op: 'reluGrad', y: x[l - 1] as Buffer, dy: dx, out: da });
    dy = da;
  }
  return { rows, buffers, forward, backward, logits };
}
