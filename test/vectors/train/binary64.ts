// SPDX-License-Identifier: Apache-2.0
// The forward operations in binary64 with true exponentials and no quantisation: what the exact arithmetic
// approximates, for finite differences.
import { tokensOf } from '../../../train/embed.ts';
import { type Tensor } from '../../../train/layout.ts';
import { type AttentionShape, compile, type Op } from '../../../train/program.ts';
import { sampleBytes, type TrainSpec } from '../../../train/spec.ts';
import type { Geometry } from '../../../train/tensors.ts';

type Values = Float64Array;

/** Mean loss per row of logits of the whole batch, nats; `theta` in the padded layout. */
export function lossInBinary64(spec: TrainSpec, theta: Values, samples: Uint8Array): number {
  const bytes = sampleBytes(spec.model);
  const count = samples.length / bytes;
  const program = compile(spec, count);
  const buffers = program.buffers.map(({ rows, cols }) => new Float64Array(rows * cols));
  const at = (b: number): Values => buffers[b] as Values;
  const part = (t: Tensor): Values => theta.subarray(t.offset, t.offset + t.count);
  for (const op of program.forward) run(op, { at, part, samples, bytes });
  const { rows, cols } = program.buffers[program.logits] as { rows: number; cols: number };
  const last = program.backward[0] as Op;
  const labels =
    last.op === 'tokenCrossEntropy'
      ? tokensOf(last.tokens, samples, rows, 1)
      : Uint16Array.from({ length: rows }, (_, r) => samples[(r + 1) * bytes - 1] as number);
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const x = at(program.logits).subarray(r * cols, (r + 1) * cols);
    total += Math.log(x.reduce((a, v) => a + Math.exp(v), 0)) - (x[labels[r] as number] as number);
  }
  return total / rows;
}

interface Machine {
  readonly at: (buffer: number) => Values;
  readonly part: (tensor: Tensor) => Values;
  readonly samples: Uint8Array;
  readonly bytes: number;
}

function run(op: Op, { at, part, samples, bytes }: Machine): void {
  switch (op.op) {
    case 'input':
      at(op.out).forEach((_, i, out) => {
        out[i] = (samples[Math.floor(i / (bytes - 1)) * bytes + (i % (bytes - 1))] as number) * 2 ** op.exponent;
      });
      return;
    case 'linear':
      return linear(at(op.x), part(op.w), op.w.shape[0] as number, at(op.out));
    case 'bias':
      return each(at(op.out), (i) => (at(op.x)[i] as number) + (part(op.b)[i % op.b.count] as number));
    case 'relu':
      return each(at(op.out), (i) => Math.max(at(op.x)[i] as number, 0));
    case 'squaredRelu':
      return each(at(op.out), (i) => Math.max(at(op.x)[i] as number, 0) ** 2);
    case 'add':
      return each(at(op.out), (i) => (at(op.x)[i] as number) + (at(op.y)[i] as number));
    case 'patches':
      return patches(op.geometry, at(op.x), at(op.out));
    case 'embed': {
      const width = op.e.shape[1] as number;
      const tokens = tokensOf(op.tokens, samples, at(op.out).length / width, 0);
      return each(at(op.out), (i) => {
        const r = Math.floor(i / width);
        return (part(op.e)[(tokens[r] as number) * width + (i % width)] as number) + (part(op.p)[(r % op.tokens.context) * width + (i % width)] as number);
      });
    }
    case 'norm':
      return norm(at(op.x), part(op.g), at(op.out));
    case 'scores':
      return scores(op.shape, at(op.qkv), at(op.out));
    case 'causalSoftmax':
      return softmax(op.shape.context, at(op.x), at(op.out));
    case 'mix':
      return mix(op.shape, at(op.p), at(op.qkv), at(op.out));
    default:
      throw new Error(`${op.op} is no forward operation`);
  }
}

function each(out: Values, value: (i: number) => number): void {
  for (let i = 0; i < out.length; i++) out[i] = value(i);
}

function linear(x: Values, w: Values, out: number, y: Values): void {
  const inputs = w.length / out;
  each(y, (i) => {
    const from = Math.floor(i / out) * inputs;
    let sum = 0;
    for (let k = 0; k < inputs; k++) sum += (x[from + k] as number) * (w[(i % out) * inputs + k] as number);
    return sum;
  });
}

function patches(g: Geometry, x: Values, out: Values): void {
  const area = g.kernel * g.kernel;
  const cols = g.channels * area;
  each(out, (i) => {
    const pixel = Math.floor(i / cols);
    const channel = Math.floor((i % cols) / area);
    const image = Math.floor(pixel / (g.outHeight * g.outWidth));
    const y = Math.floor((pixel % (g.outHeight * g.outWidth)) / g.outWidth) * g.stride + Math.floor((i % area) / g.kernel) - g.pad;
    const xx = (pixel % g.outWidth) * g.stride + (i % g.kernel) - g.pad;
    if (y < 0 || y >= g.height || xx < 0 || xx >= g.width) return 0;
    return x[((image * g.height + y) * g.width + xx) * g.channels + channel] as number;
  });
}

function norm(x: Values, g: Values, out: Values): void {
  const cols = g.length;
  for (let from = 0; from < x.length; from += cols) {
    const row = x.subarray(from, from + cols);
    const scale = 1 / Math.sqrt(row.reduce((a, v) => a + v * v, 0) / cols + 1e-5);
    for (let c = 0; c < cols; c++) out[from + c] = (row[c] as number) * scale * (g[c] as number);
  }
}

function scores({ context, width, heads }: AttentionShape, qkv: Values, out: Values): void {
  const d = width / heads;
  each(out, (at) => {
    const j = at % context;
    const i = Math.floor(at / context) % context;
    const h = Math.floor(at / (context * context)) % heads;
    const sample = Math.floor(at / (context * context * heads));
    let sum = 0;
    for (let c = 0; c < d; c++) {
      sum += (qkv[(sample * context + i) * 3 * width + h * d + c] as number) * (qkv[(sample * context + j) * 3 * width + width + h * d + c] as number);
    }
    return j <= i ? sum / Math.sqrt(d) : 0;
  });
}

function softmax(context: number, x: Values, out: Values): void {
  for (let row = 0; row * context < x.length; row++) {
    const values = x.subarray(row * context, row * context + (row % context) + 1);
    const sum = values.reduce((a, v) => a + Math.exp(v), 0);
    values.forEach((v, j) => {
      out[row * context + j] = Math.exp(v) / sum;
    });
  }
}

function mix({ context, width, heads }: AttentionShape, p: Values, qkv: Values, out: Values): void {
  const d = width / heads;
  each(out, (at) => {
    const r = Math.floor(at / width);
    const h = Math.floor((at % width) / d);
    const sample = Math.floor(r / context);
    let sum = 0;
    for (let j = 0; j < context; j++) {
      const weight = p[((sample * heads + h) * context + (r % context)) * context + j] as number;
      sum += weight * (qkv[(sample * context + j) * 3 * width + 2 * width + (at % width)] as number);
    }
    return sum;
  });
}
