// SPDX-License-Identifier: Apache-2.0
// Norms, residuals and attention as kernel calls. A thread's share of attention is a number of (sample, head) pairs,
// each of which it computes alone in its own memory.

import { InvalidStepError } from './errors.ts';
import type { Tensor } from './layout.ts';
import type { AttentionShape, Buffer, TransformerOp } from './program.ts';
import { checked, faultless, gradientOf, LIMIT, matrixOf, type OpContext, thetaOf } from './wasm-context.ts';
import { pad } from './wasm-memory.ts';
import { multiplyAlone, type Product } from './wasm-product.ts';

type NormOp = Extract<TransformerOp, { inverse: Buffer }>;
type ElementOp = Extract<TransformerOp, { op: 'add' | 'squaredRelu' | 'squaredReluGrad' }>;
type HeadOp = Exclude<TransformerOp, NormOp | ElementOp>;

export function runTransformerOp(op: TransformerOp, c: OpContext): void {
  switch (op.op) {
    case 'add':
    case 'squaredRelu':
    case 'squaredReluGrad':
      runElements(op, c);
      break;
    case 'norm':
    case 'normInputGrad':
    case 'normGainGrad':
      runNorm(op, c);
      break;
    default:
      runHeads(op, c);
  }
}

function runElements(op: ElementOp, c: OpContext): void {
  const { at, rows, cols } = matrixOf(c, op.out);
  const x = matrixOf(c, op.x).at;
  const { pass } = c.kernels;
  checked(c, op.op, rows * cols, 16, (from, to) => {
    const [p, out, n] = [x + 4 * from, at + 4 * from, to - from];
    if (op.op === 'add') return pass.add(p, matrixOf(c, op.y).at + 4 * from, out, n);
    if (op.op === 'squaredRelu') return pass.squaredRelu(p, out, n);
    return pass.squaredReluGrad(p, matrixOf(c, op.dy).at + 4 * from, out, n);
  });
}

function runNorm(op: NormOp, c: OpContext): void {
  const { norm } = c.kernels;
  const x = matrixOf(c, op.x);
  const inverse = matrixOf(c, op.inverse).at;
  const share = Math.fround(1 / x.cols);
  const g = thetaOf(c, op.g);
  const row = 4 * x.cols;
  if (op.op === 'norm') {
    const out = matrixOf(c, op.out).at;
    faultless(c, op.op, x.rows, 1, (from, to) => norm.norm(x.at + from * row, g, inverse + 4 * from, out + from * row, to - from, x.cols, share));
  } else if (op.op === 'normInputGrad') {
    const [dy, out] = [matrixOf(c, op.dy).at, matrixOf(c, op.out).at];
    faultless(c, op.op, x.rows, 1, (from, to) => {
      const places = [x.at + from * row, g, inverse + 4 * from, dy + from * row, out + from * row] as const;
      return norm.normInputGrad(...places, to - from, x.cols, share, c.lane.row);
    });
  } else gainGrad(c, x, inverse, matrixOf(c, op.dy).at, op.g);
}

/** Columns: scales of Q8 of the normed rows on the left, of Q14 of dy on the right. */
function gainGrad(c: OpContext, x: { at: number; rows: number; cols: number }, inverse: number, dy: number, g: Tensor): void {
  const { norm, pack } = c.kernels;
  const { shared } = c.plan;
  const { rows, cols } = x;
  c.team.split(cols, 16, (from, to) => {
    norm.normColMax(x.at + 4 * from, inverse, cols, rows, to - from, shared.maxLeft + 4 * from);
    pack.colMax(dy + 4 * from, cols, rows, to - from, shared.maxRight + 4 * from);
  });
  c.team.wait();
  const fine = pack.scales(shared.maxRight, pad(cols, 4), 14, shared.upRight, shared.invRight);
  const coarse = pack.scales(shared.maxLeft, pad(cols, 4), 8, shared.upLeft, shared.invLeft);
  if (fine > LIMIT[14] || coarse > LIMIT[8]) {
    throw new InvalidStepError('normGainGrad: a scale is above 2^50');
  }
  const out = gradientOf(c, g);
  c.team.split(cols, 16, (from, to) => {
    const left = [shared.upLeft + 4 * from, shared.invLeft + 4 * from] as const;
    const right = [shared.upRight + 4 * from, shared.invRight + 4 * from] as const;
    norm.normGainGrad(x.at + 4 * from, inverse, dy + 4 * from, cols, rows, to - from, ...left, ...right, out + 4 * from);
  });
  c.team.wait();
}

/** f(1 / f(sqrt(head width))) */
function scoreScale({ width, heads }: AttentionShape): number {
  return Math.fround(1 / Math.fround(Math.sqrt(width / heads)));
}

/** Addresses of one head: `qkv(part)` of the q, k or v columns of a matrix, `plain` of a head's columns, `square` of its probabilities. */
interface Head {
  qkv(buffer: Buffer, part: 0 | 1 | 2): number;
  plain(buffer: Buffer): number;
  square(buffer: Buffer): number;
}

function headOf(c: OpContext, shape: AttentionShape, unit: number): Head {
  const { context, width, heads } = shape;
  const first = Math.floor(unit / heads) * context;
  const column = ((unit % heads) * width) / heads;
  return {
    qkv: (buffer, part) => matrixOf(c, buffer).at + 4 * (first * 3 * width + part * width + column),
    plain: (buffer) => matrixOf(c, buffer).at + 4 * (first * width + column),
    square: (buffer) => matrixOf(c, buffer).at + 4 * unit * context * context,
  };
}

function runHeads(op: HeadOp, c: OpContext): void {
  faultless(c, op.op, c.samples * op.shape.heads, 1, (from, to) => {
    try {
      for (let unit = from; unit < to; unit++) if (!runHead(op, c, headOf(c, op.shape, unit))) return 1;
      return 0;
    } catch (error) {
      if (error instanceof InvalidStepError) return 1;
      throw error;
    }
  });
}

/** One head; false when an output is not finite. */
function runHead(op: HeadOp, c: OpContext, head: Head): boolean {
  const { context } = op.shape;
  const { loss } = c.kernels;
  switch (op.op) {
    case 'causalSoftmax':
      loss.causalSoftmax(head.square(op.x), context, context, c.plan.exp, c.lane.entries, head.square(op.out));
      return true;
    case 'causalSoftmaxGrad':
      return loss.causalSoftmaxGrad(head.square(op.p), head.square(op.dy), context, context, scoreScale(op.shape), head.square(op.out)) === 0;
    case 'scores':
    case 'mixProbabilityGrad':
      multiplyAlone(c, productOf(op, head));
      return loss.scaleScores(head.square(op.out), context, context, op.op === 'scores' ? scoreScale(op.shape) : 1) < 0x7f800000;
    default:
      multiplyAlone(c, productOf(op, head));
      return true;
  }
}

function productOf(op: Exclude<HeadOp, { op: 'causalSoftmax' | 'causalSoftmaxGrad' }>, head: Head): Product {
  const { context, width, heads } = op.shape;
  const d = width / heads;
  const square = { op: op.op, rows: context, cols: context, terms: d, ld: context, lower: true } as const;
  const columns = { op: op.op, rows: context, cols: d, terms: context } as const;
  const wide = 3 * width;
  switch (op.op) {
    case 'scores':
      return {
        ...square,
        left: { kind: 'rows', at: head.qkv(op.qkv, 0), ld: wide, bits: 8 },
        right: { kind: 'rows', at: head.qkv(op.qkv, 1), ld: wide, bits: 8 },
        to: head.square(op.out),
      };
    case 'mixProbabilityGrad':
      return {
        ...square,
        left: { kind: 'rows', at: head.plain(op.dy), ld: width, bits: 14 },
        right: { kind: 'rows', at: head.qkv(op.qkv, 2), ld: wide, bits: 8 },
        to: head.square(op.out),
      };
    case 'mix':
      return {
        ...columns,
        left: { kind: 'unitRows', at: head.square(op.p), ld: context },
        right: { kind: 'cols', at: head.qkv(op.qkv, 2), ld: wide, bits: 8 },
        to: head.plain(op.out),
        ld: width,
      };
    case 'mixValueGrad':
      return {
        ...columns,
        left: { kind: 'unitCols', at: head.square(op.p), ld: context },
        right: { kind: 'cols', at: head.plain(op.dy), ld: width, bits: 14 },
        to: head.qkv(op.out, 2),
        ld: wide,
      };
    case 'queryGrad':
      return {
        ...columns,
        left: { kind: 'rows', at: head.square(op.ds), ld: context, bits: 14 },
        right: { kind: 'cols', at: head.qkv(op.qkv, 1), ld: wide, bits: 8 },
        to: head.qkv(op.out, 0),
        ld: wide,
      };
    case 'keyGrad':
      return {
        ...columns,
        left: { kind: 'cols', at: head.square(op.ds), ld: context, bits: 14 },
        right: { kind: 'cols', at: head.qkv(op.qkv, 0), ld: wide, bits: 8 },
        to: head.qkv(op.out, 1),
        ld: wide,
      };
    default:
      return op satisfies never;
  }
}
