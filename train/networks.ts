// SPDX-License-Identifier: Apache-2.0
// Each kind of network as a program: forward and backward written out by hand.
import { layoutOf, type Tensor } from './layout.ts';
import type { Buffer, BufferShape, Op, Program } from './program.ts';
import { type CnnSpec, type GptSpec, type MlpSpec, type TrainSpec, tokenBytes } from './spec.ts';
import { denseWidths, geometriesOf } from './tensors.ts';

/** A program under construction. */
class Builder {
  readonly buffers: BufferShape[] = [];
  readonly forward: Op[] = [];
  readonly backward: Op[] = [];
  readonly #tensors: ReadonlyMap<string, Tensor>;

  constructor(spec: TrainSpec) {
    this.#tensors = new Map(layoutOf(spec).tensors.map((t) => [t.name, t]));
  }

  buffer(rows: number, cols: number): Buffer {
    return this.buffers.push({ rows, cols }) - 1;
  }

  like(other: Buffer): Buffer {
    const { rows, cols } = this.buffers[other] as BufferShape;
    return this.buffer(rows, cols);
  }

  tensor(name: string): Tensor {
    return this.#tensors.get(name) as Tensor;
  }
}

export function compileMlp(spec: TrainSpec, model: MlpSpec, samples: number): Program {
  const b = new Builder(spec);
  const x = b.buffer(samples, model.layers[0] as number);
  b.forward.push({ op: 'input', exponent: model.inputExponent, out: x });
  const { logits } = dense(b, model.layers, x, { samples, inputGradient: false });
  return { rows: samples, buffers: b.buffers, forward: b.forward, backward: b.backward, logits };
}

/**
 * Linear layers with bias, ReLU between them, cross entropy behind; `widths[0]` inputs lie in `input`, whatever its
 * shape. Returns the logits and, when asked for, the gradient of the input.
 */
function dense(b: Builder, widths: readonly number[], input: Buffer, o: { samples: number; inputGradient: boolean }): { logits: Buffer; dx: Buffer } {
  const last = widths.length - 1;
  const weight = (l: number): Tensor => b.tensor(`layers.${l - 1}.weight`);
  const bias = (l: number): Tensor => b.tensor(`layers.${l - 1}.bias`);
  const x: Buffer[] = [input];
  for (let l = 1; l <= last; l++) {
    const z = b.buffer(o.samples, widths[l] as number);
    const a = b.like(z);
    b.forward.push({ op: 'linear', x: x[l - 1] as Buffer, w: weight(l), out: z });
    b.forward.push({ op: 'bias', x: z, b: bias(l), out: a });
    x.push(l === last ? a : b.like(a));
    if (l < last) b.forward.push({ op: 'relu', x: a, out: x[l] as Buffer });
  }
  const logits = x[last] as Buffer;
  let dy = b.like(logits);
  b.backward.push({ op: 'crossEntropy', x: logits, out: dy });
  for (let l = last; l >= 1; l--) {
    b.backward.push({ op: 'linearWeightGrad', x: x[l - 1] as Buffer, dy, w: weight(l) });
    b.backward.push({ op: 'biasGrad', dy, b: bias(l) });
    if (l === 1 && !o.inputGradient) break;
    const dx = b.like(x[l - 1] as Buffer);
    b.backward.push({ op: 'linearInputGrad', dy, w: weight(l), out: dx });
    if (l === 1) return { logits, dx };
    const da = b.like(dx);
    b.backward.push({ op: 'reluGrad', y: x[l - 1] as Buffer, dy: dx, out: da });
    dy = da;
  }
  return { logits, dx: dy };
}

export function compileCnn(spec: TrainSpec, model: CnnSpec, samples: number): Program {
  const b = new Builder(spec);
  const geometries = geometriesOf(model);
  const image = b.buffer(samples * model.height * model.width, model.channels);
  b.forward.push({ op: 'input', exponent: model.inputExponent, out: image });
  const layers: { x: Buffer; patches: Buffer; y: Buffer }[] = [];
  let x = image;
  geometries.forEach((geometry, l) => {
    const rows = samples * geometry.outHeight * geometry.outWidth;
    const patches = b.buffer(rows, geometry.channels * geometry.kernel * geometry.kernel);
    const z = b.buffer(rows, model.convolutions[l]?.filters ?? 0);
    const a = b.like(z);
    const y = b.like(z);
    b.forward.push({ op: 'patches', x, geometry, out: patches });
    b.forward.push({ op: 'linear', x: patches, w: b.tensor(`convolutions.${l}.weight`), out: z });
    b.forward.push({ op: 'bias', x: z, b: b.tensor(`convolutions.${l}.bias`), out: a });
    b.forward.push({ op: 'relu', x: a, out: y });
    layers.push({ x, patches, y });
    x = y;
  });
  const { logits, dx } = dense(b, denseWidths(model), x, { samples, inputGradient: layers.length > 0 });
  let dy = dx;
  for (let l = layers.length - 1; l >= 0; l--) {
    const layer = layers[l] as (typeof layers)[number];
    const da = b.like(layer.y);
    b.backward.push({ op: 'reluGrad', y: layer.y, dy, out: da });
    b.backward.push({ op: 'linearWeightGrad', x: layer.patches, dy: da, w: b.tensor(`convolutions.${l}.weight`) });
    b.backward.push({ op: 'biasGrad', dy: da, b: b.tensor(`convolutions.${l}.bias`) });
    if (l === 0) break;
    const dpatches = b.like(layer.patches);
    dy = b.like(layer.x);
    b.backward.push({ op: 'linearInputGrad', dy: da, w: b.tensor(`convolutions.${l}.weight`), out: dpatches });
    b.backward.push({ op: 'patchesGrad', dy: dpatches, geometry: geometries[l] as (typeof geometries)[number], out: dy });
  }
  return { rows: samples, buffers: b.buffers, forward: b.forward, backward: b.backward, logits };
}

export function compileGpt(spec: TrainSpec, model: GptSpec, samples: number): Program {
  const { vocab, context, width } = model;
  const b = new Builder(spec);
  const tokens = { vocab, context, bytes: tokenBytes(vocab) };
  const e = b.tensor('embedding.weight');
  const p = b.tensor('positions.weight');
  let x = b.buffer(samples * context, width);
  b.forward.push({ op: 'embed', tokens, e, p, out: x });
  const blocks: Array<(dy: Buffer) => Buffer> = [];
  for (let l = 0; l < model.layers; l++) {
    const attention = attentionBlock(b, model, `layers.${l}`, x);
    const feedForward = feedForwardBlock(b, `layers.${l}`, attention.out);
    blocks.push(attention.backward, feedForward.backward);
    x = feedForward.out;
  }
  const last = norm(b, b.tensor('norm.weight'), x);
  const head = model.tied ? e : b.tensor('head.weight');
  const logits = b.buffer(samples * context, vocab);
  b.forward.push({ op: 'linear', x: last.out, w: head, out: logits });
  const dlogits = b.like(logits);
  const dhead = b.like(x);
  b.backward.push({ op: 'tokenCrossEntropy', tokens, x: logits, out: dlogits });
  b.backward.push({ op: 'linearWeightGrad', x: last.out, dy: dlogits, w: head });
  b.backward.push({ op: 'linearInputGrad', dy: dlogits, w: head, out: dhead });
  let dy = last.backward(dhead);
  for (const backward of blocks.reverse()) dy = backward(dy);
  b.backward.push({ op: 'embedGrad', tokens, dy, e, accumulate: model.tied });
  b.backward.push({ op: 'positionGrad', context, dy, p });
  return { rows: samples, buffers: b.buffers, forward: b.forward, backward: b.backward, logits };
}

interface Part {
  readonly out: Buffer;
  /** Writes the backward operations; from the gradient of `out` to the gradient of the input. */
  readonly backward: (dy: Buffer) => Buffer;
}

function norm(b: Builder, g: Tensor, x: Buffer): Part {
  const out = b.like(x);
  const inverse = b.buffer((b.buffers[x] as BufferShape).rows, 1);
  b.forward.push({ op: 'norm', x, g, inverse, out });
  const backward = (dy: Buffer): Buffer => {
    const dx = b.like(x);
    b.backward.push({ op: 'normGainGrad', x, g, inverse, dy });
    b.backward.push({ op: 'normInputGrad', x, g, inverse, dy, out: dx });
    return dx;
  };
  return { out, backward };
}

function linear(b: Builder, w: Tensor, x: Buffer): Part {
  const out = b.buffer((b.buffers[x] as BufferShape).rows, w.shape[0] as number);
  b.forward.push({ op: 'linear', x, w, out });
  const backward = (dy: Buffer): Buffer => {
    const dx = b.like(x);
    b.backward.push({ op: 'linearWeightGrad', x, dy, w });
    b.backward.push({ op: 'linearInputGrad', dy, w, out: dx });
    return dx;
  };
  return { out, backward };
}

/** x + part(x): the gradient is that of the part plus what comes from above. */
function residual(b: Builder, x: Buffer, inner: Part): Part {
  const out = b.like(x);
  b.forward.push({ op: 'add', x, y: inner.out, out });
  const backward = (dy: Buffer): Buffer => {
    const dx = b.like(x);
    const below = inner.backward(dy);
    b.backward.push({ op: 'add', x: dy, y: below, out: dx });
    return dx;
  };
  return { out, backward };
}

function attentionBlock(b: Builder, model: GptSpec, at: string, x: Buffer): Part {
  const { context, width, heads } = model;
  const shape = { context, width, heads };
  const { rows } = b.buffers[x] as BufferShape;
  const normed = norm(b, b.tensor(`${at}.norm1.weight`), x);
  const qkv = linear(b, b.tensor(`${at}.qkv.weight`), normed.out);
  const s = b.buffer(rows * heads, context);
  const p = b.like(s);
  const mixed = b.like(x);
  b.forward.push({ op: 'scores', shape, qkv: qkv.out, out: s });
  b.forward.push({ op: 'causalSoftmax', shape, x: s, out: p });
  b.forward.push({ op: 'mix', shape, p, qkv: qkv.out, out: mixed });
  const proj = linear(b, b.tensor(`${at}.proj.weight`), mixed);
  const backward = (dy: Buffer): Buffer => {
    const dmixed = proj.backward(dy);
    const dp = b.like(p);
    const ds = b.like(p);
    const dqkv = b.like(qkv.out);
    b.backward.push({ op: 'mixValueGrad', shape, p, dy: dmixed, out: dqkv });
    b.backward.push({ op: 'mixProbabilityGrad', shape, qkv: qkv.out, dy: dmixed, out: dp });
    b.backward.push({ op: 'causalSoftmaxGrad', shape, p, dy: dp, out: ds });
    b.backward.push({ op: 'queryGrad', shape, ds, qkv: qkv.out, out: dqkv });
    b.backward.push({ op: 'keyGrad', shape, ds, qkv: qkv.out, out: dqkv });
    return normed.backward(qkv.backward(dqkv));
  };
  return residual(b, x, { out: proj.out, backward });
}

function feedForwardBlock(b: Builder, at: string, x: Buffer): Part {
  const normed = norm(b, b.tensor(`${at}.norm2.weight`), x);
  const up = linear(b, b.tensor(`${at}.up.weight`), normed.out);
  const squared = b.like(up.out);
  b.forward.push({ op: 'squaredRelu', x: up.out, out: squared });
  const down = linear(b, b.tensor(`${at}.down.weight`), squared);
  const backward = (dy: Buffer): Buffer => {
    const dsquared = down.backward(dy);
    const dup = b.like(up.out);
    b.backward.push({ op: 'squaredReluGrad', x: up.out, dy: dsquared, out: dup });
    return normed.backward(up.backward(dup));
  };
  return residual(b, x, { out: down.out, backward });
}
