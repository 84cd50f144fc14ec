// SPDX-License-Identifier: Apache-2.0
// Each operation of a program (program.ts) as dispatches.
import { bitsOf } from './float32.ts';
import { LEAF_PARAMETERS, type Tensor } from './layout.ts';
import type { AttentionShape, Buffer, BufferShape, Op } from './program.ts';
import * as element from './webgpu-elements.ts';
import { type Batch, columns, type Operand, type Plan, rows, type SliceShape } from './webgpu-plan.ts';
import type { Mantissas } from './webgpu-quantise.ts';
import * as row from './webgpu-rows.ts';
import { groupsFor, type Kernel, type Ref } from './webgpu-shader.ts';
import { columnSums, columnTotals, SCATTER, SUM_ROWS } from './webgpu-sums.ts';
import { CLIP, CLIP_FACTOR, LEAF_NORMS } from './webgpu-update.ts';

const f = Math.fround;

/** What operations read and write besides the program's own buffers. */
export interface Surroundings {
  readonly plan: Plan;
  readonly shapes: readonly BufferShape[];
  /** Of each of the program's buffers. */
  readonly refs: readonly Ref[];
  readonly theta: Ref;
  readonly gradient: Ref;
  /** Of the padded layout. */
  readonly leaves: number;
  readonly sampleBytes: number;
  readonly inputs: Inputs;
}

/** What comes with a batch, and constants. */
export interface Inputs {
  /** Bytes of the samples; of a language model the token of each row. */
  readonly samples: Ref;
  /** Of each row of logits. */
  readonly labels: Ref;
  /** Rows of each token: where they begin, one more than tokens, and the rows. */
  readonly tokenStarts: Ref;
  readonly tokenRows: Ref;
  /** The same of each position. */
  readonly positionStarts: Ref;
  readonly positionRows: Ref;
  /** Both tables of tables.ts. */
  readonly tables: Ref;
  readonly losses: Ref;
  readonly predicted: Ref;
}

/** Adds an operation's dispatches to the plan. */
export function record(op: Op, s: Surroundings): void {
  s.plan.begin(op.op);
  switch (op.op) {
    case 'clip':
      clip(op.limit, s);
      return;
    case 'patches':
      s.plan.each(element.PATCHES, count(s, op.out), { ...op.geometry }, [ref(s, op.x), ref(s, op.out)]);
      return;
    case 'patchesGrad':
      s.plan.each(element.PATCHES_GRAD, count(s, op.out), { ...op.geometry }, [ref(s, op.dy), ref(s, op.out)]);
      return;
    case 'linear':
    case 'linearWeightGrad':
    case 'linearInputGrad':
      dense(op, s);
      return;
    case 'scores':
    case 'mix':
    case 'mixProbabilityGrad':
    case 'mixValueGrad':
    case 'queryGrad':
    case 'keyGrad':
      attentionProduct(op, s);
      return;
    case 'causalSoftmax':
    case 'causalSoftmaxGrad':
      softmax(op, s);
      return;
    case 'norm':
    case 'normInputGrad':
    case 'normGainGrad':
      norm(op, s);
      return;
    case 'embed':
    case 'embedGrad':
    case 'positionGrad':
      token(op, s);
      return;
    default:
      simple(op, s);
      return;
  }
}

type Named<K extends Op['op']> = Extract<Op, { readonly op: K }>;

function ref(s: Surroundings, buffer: Buffer): Ref {
  return s.refs[buffer] as Ref;
}

function shapeOf(s: Surroundings, buffer: Buffer): BufferShape {
  return s.shapes[buffer] as BufferShape;
}

function count(s: Surroundings, buffer: Buffer): number {
  const { rows, cols } = shapeOf(s, buffer);
  return rows * cols;
}

type Simple = 'input' | 'bias' | 'relu' | 'reluGrad' | 'crossEntropy' | 'tokenCrossEntropy' | 'biasGrad' | 'add' | 'squaredRelu' | 'squaredReluGrad';

function simple(op: Named<Simple>, s: Surroundings): void {
  const each = (kernel: Kernel, out: Buffer, from: readonly Ref[], shape: Readonly<Record<string, number>> = {}): void =>
    s.plan.each(kernel, count(s, out), shape, [...from, ref(s, out)]);
  switch (op.op) {
    case 'input':
      each(element.INPUT, op.out, [s.inputs.samples], { inputs: s.sampleBytes - 1, bytes: s.sampleBytes, exponent: op.exponent >>> 0 });
      return;
    case 'bias':
      each(element.BIAS, op.out, [ref(s, op.x), s.theta], { columns: shapeOf(s, op.out).cols, bias: op.b.offset });
      return;
    case 'relu':
      each(element.RELU, op.out, [ref(s, op.x)]);
      return;
    case 'reluGrad':
      each(element.SELECT, op.out, [ref(s, op.y), ref(s, op.dy)]);
      return;
    case 'add':
      each(element.ADD, op.out, [ref(s, op.x), ref(s, op.y)]);
      return;
    case 'squaredRelu':
      each(element.SQUARED_RELU, op.out, [ref(s, op.x)]);
      return;
    case 'squaredReluGrad':
      each(element.SQUARED_RELU_GRAD, op.out, [ref(s, op.x), ref(s, op.dy)]);
      return;
    case 'biasGrad':
      columnContraction(s, ref(s, op.dy), shapeOf(s, op.dy), op.b, undefined);
      return;
    case 'crossEntropy':
    case 'tokenCrossEntropy': {
      const { rows, cols } = shapeOf(s, op.x);
      const { labels, tables, losses, predicted } = s.inputs;
      const buffers = [ref(s, op.x), labels, tables, ref(s, op.out), losses, predicted];
      s.plan.rows(row.CROSS_ENTROPY, rows, { columns: cols, share: bitsOf(1 / rows) }, buffers);
      return;
    }
    default:
      op satisfies never;
  }
}

/** The column sums of Q14(dy), or those of its products with Q8(x), into a tensor's gradient. */
function columnContraction({ plan, gradient }: Surroundings, dy: Ref, { rows, cols }: BufferShape, target: Tensor, x: Ref | undefined): void {
  const top = plan.measure(dy, rows, cols);
  const topX = x === undefined ? 0 : plan.measure(x, rows, cols);
  const chunks = groupsFor(rows, SUM_ROWS);
  const totals = plan.buffer(chunks * cols);
  const withX = x !== undefined;
  plan.run(columnTotals(withX, plan.grain), chunks * groupsFor(cols, plan.grain.columns), { rows, columns: cols, top, topX }, [
    dy,
    plan.maxima,
    totals,
    ...(withX ? [x] : []),
  ]);
  plan.each(columnSums(withX), cols, { chunks, top, topX, offset: target.offset }, [totals, plan.maxima, gradient]);
}

function dense(op: Named<'linear' | 'linearWeightGrad' | 'linearInputGrad'>, s: Surroundings): void {
  const { plan, theta } = s;
  const { rows: n, cols } = shapeOf(s, op.op === 'linear' ? op.out : op.dy);
  const inputs = op.w.count / cols;
  const target = (out: Ref, offset: number, rowStride: number) => ({ out, offset, rowStride, columnStride: 1 });
  switch (op.op) {
    case 'linear': {
      const x = plan.pack(rows(ref(s, op.x), n, inputs), 8);
      plan.product(x, plan.pack(rows(theta, cols, inputs, op.w.offset), 8), target(ref(s, op.out), 0, cols));
      return;
    }
    case 'linearWeightGrad': {
      const dy = plan.pack(columns(ref(s, op.dy), n, cols), 14);
      plan.product(dy, plan.pack(columns(ref(s, op.x), n, inputs), 8), target(s.gradient, op.w.offset, inputs));
      return;
    }
    case 'linearInputGrad': {
      const dy = plan.pack(rows(ref(s, op.dy), n, cols), 14);
      plan.product(dy, plan.pack(columns(theta, cols, inputs, op.w.offset), 8), target(ref(s, op.out), 0, inputs));
      return;
    }
    default:
      op satisfies never;
  }
}

/** Operands of one head of one sample, as attention.ts cuts them out. */
class Heads {
  readonly batch: Batch;
  readonly #shape: AttentionShape;
  readonly #plan: Plan;
  readonly #d: number;

  constructor(plan: Plan, shape: AttentionShape, rowCount: number) {
    this.batch = { products: (rowCount / shape.context) * shape.heads, heads: shape.heads };
    this.#plan = plan;
    this.#shape = shape;
    this.#d = shape.width / shape.heads;
  }

  /** Positions as slices, `cols` columns of the matrix, those of the part from `from`. */
  rows(x: Ref, cols: number, from: number, mantissas: Mantissas): Operand {
    return this.#pack(rows(x, this.#shape.context, cols, from), cols, { length: this.#d }, mantissas);
  }

  /** Columns as slices. */
  columns(x: Ref, cols: number, from: number, mantissas: Mantissas): Operand {
    return this.#pack(columns(x, this.#shape.context, cols, from), cols, { slices: this.#d }, mantissas);
  }

  #pack(s: SliceShape, cols: number, part: Partial<SliceShape>, mantissas: Mantissas): Operand {
    return this.#plan.pack({ ...s, ...part }, mantissas, this.batch, { outer: this.#shape.context * cols, inner: this.#d });
  }

  /** The matrix of probabilities or scores. */
  square(x: Ref, transposed: boolean, mantissas: Mantissas): Operand {
    const { context, heads } = this.#shape;
    const s = transposed ? columns(x, context, context) : rows(x, context, context);
    return this.#plan.pack(s, mantissas, this.batch, { outer: heads * context * context, inner: context * context });
  }

  /** From a head's part of a matrix with `cols` columns from column `from`. */
  into(a: Operand, b: Operand, out: Ref, cols: number, from: number): void {
    const target = { out, offset: from, outer: this.#shape.context * cols, inner: this.#d, rowStride: cols, columnStride: 1 };
    this.#plan.product(a, b, target, this.batch);
  }

  /** A causal matrix of scores. */
  intoSquare(a: Operand, b: Operand, out: Ref, scale: number): void {
    const { context, heads } = this.#shape;
    const steps = { outer: heads * context * context, inner: context * context };
    this.#plan.product(a, b, { out, offset: 0, ...steps, rowStride: context, columnStride: 1, causal: true, scale }, this.batch);
  }
}

/** f(1 / f(sqrt(d))) */
function scoreScale({ width, heads }: AttentionShape): number {
  return bitsOf(1 / f(Math.sqrt(width / heads)));
}

function attentionProduct(op: Named<'scores' | 'mix' | 'mixProbabilityGrad' | 'mixValueGrad' | 'queryGrad' | 'keyGrad'>, s: Surroundings): void {
  const { width } = op.shape;
  const rowCount = shapeOf(s, op.op === 'mixProbabilityGrad' || op.op === 'mixValueGrad' ? op.dy : op.qkv).rows;
  const heads = new Heads(s.plan, op.shape, rowCount);
  const out = ref(s, op.out);
  switch (op.op) {
    case 'scores': {
      const q = heads.rows(ref(s, op.qkv), 3 * width, 0, 8);
      heads.intoSquare(q, heads.rows(ref(s, op.qkv), 3 * width, width, 8), out, scoreScale(op.shape));
      return;
    }
    case 'mix': {
      const p = heads.square(ref(s, op.p), false, 'fixed');
      heads.into(p, heads.columns(ref(s, op.qkv), 3 * width, 2 * width, 8), out, width, 0);
      return;
    }
    case 'mixProbabilityGrad': {
      const dy = heads.rows(ref(s, op.dy), width, 0, 14);
      heads.intoSquare(dy, heads.rows(ref(s, op.qkv), 3 * width, 2 * width, 8), out, 0);
      return;
    }
    case 'mixValueGrad': {
      const p = heads.square(ref(s, op.p), true, 'fixed');
      heads.into(p, heads.columns(ref(s, op.dy), width, 0, 14), out, 3 * width, 2 * width);
      return;
    }
    case 'queryGrad': {
      const ds = heads.square(ref(s, op.ds), false, 14);
      heads.into(ds, heads.columns(ref(s, op.qkv), 3 * width, width, 8), out, 3 * width, 0);
      return;
    }
    case 'keyGrad': {
      const ds = heads.square(ref(s, op.ds), true, 14);
      heads.into(ds, heads.columns(ref(s, op.qkv), 3 * width, 0, 8), out, 3 * width, width);
      return;
    }
    default:
      op satisfies never;
  }
}

function softmax(op: Named<'causalSoftmax' | 'causalSoftmaxGrad'>, s: Surroundings): void {
  const { context } = op.shape;
  const { rows } = shapeOf(s, op.out);
  if (op.op === 'causalSoftmax') {
    s.plan.rows(row.CAUSAL_SOFTMAX, rows, { context }, [ref(s, op.x), s.inputs.tables, ref(s, op.out)]);
    return;
  }
  s.plan.rows(row.CAUSAL_SOFTMAX_GRAD, rows, { context, scale: scoreScale(op.shape) }, [ref(s, op.p), ref(s, op.dy), ref(s, op.out)]);
}

function norm(op: Named<'norm' | 'normInputGrad' | 'normGainGrad'>, s: Surroundings): void {
  const { rows, cols } = shapeOf(s, op.x);
  const [x, inverse] = [ref(s, op.x), ref(s, op.inverse)];
  const shape = { columns: cols, share: bitsOf(1 / cols), gain: op.g.offset };
  if (op.op === 'norm') {
    s.plan.rows(row.NORM, rows, shape, [x, s.theta, inverse, ref(s, op.out)]);
    return;
  }
  if (op.op === 'normInputGrad') {
    s.plan.rows(row.NORM_INPUT_GRAD, rows, shape, [x, s.theta, inverse, ref(s, op.dy), ref(s, op.out)]);
    return;
  }
  const normed = s.plan.buffer(rows * cols);
  s.plan.each(element.NORMED, rows * cols, { columns: cols }, [x, inverse, normed]);
  columnContraction(s, ref(s, op.dy), { rows, cols }, op.g, normed);
}

function token(op: Named<'embed' | 'embedGrad' | 'positionGrad'>, s: Surroundings): void {
  const { plan, inputs } = s;
  if (op.op === 'embed') {
    const shape = { columns: shapeOf(s, op.out).cols, context: op.tokens.context, embedding: op.e.offset, positions: op.p.offset };
    plan.each(element.EMBED, count(s, op.out), shape, [inputs.samples, s.theta, ref(s, op.out)]);
    return;
  }
  const { rows, cols } = shapeOf(s, op.dy);
  const top = plan.measure(ref(s, op.dy), rows, cols);
  const [starts, list] = op.op === 'embedGrad' ? [inputs.tokenStarts, inputs.tokenRows] : [inputs.positionStarts, inputs.positionRows];
  const target = op.op === 'embedGrad' ? op.e : op.p;
  const shape = { columns: cols, top, offset: target.offset, accumulate: op.op === 'embedGrad' && op.accumulate ? 1 : 0 };
  plan.each(SCATTER, target.count, shape, [ref(s, op.dy), plan.maxima, starts, list, s.gradient]);
}

function clip(limit: number, { plan, gradient, leaves }: Surroundings): void {
  const norms = plan.buffer(leaves);
  const factor = plan.buffer(1);
  plan.rows(LEAF_NORMS, leaves, {}, [gradient, norms]);
  plan.rows(CLIP_FACTOR, 1, { leaves, limit }, [norms, factor]);
  plan.each(CLIP, leaves * LEAF_PARAMETERS, {}, [factor, gradient]);
}
