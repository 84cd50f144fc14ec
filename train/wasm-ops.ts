// SPDX-License-Identifier: Apache-2.0
// The operations of a program as kernel calls. What each means is ops.ts; here stands which operand is packed how.
import { InvalidStepError } from './errors.ts';
import { fromBits, pow2 } from './float32.ts';
import { LEAF_PARAMETERS } from './layout.ts';
import type { Buffer, ClipOp, ConvolutionOp, DenseOp, Op, TokenOp } from './program.ts';
import { LN2 } from './tables.ts';
import { runTransformerOp } from './wasm-attention.ts';
import { checked, faultless, gradientOf, LIMIT, matrixOf, type OpContext, thetaOf } from './wasm-context.ts';
import { multiply, type Operand } from './wasm-product.ts';

/** Runs one operation, every thread of the team its share. InvalidStepError where the reference refuses. */
export function runOp(op: Op, c: OpContext): void {
  switch (op.op) {
    case 'input':
    case 'linear':
    case 'bias':
    case 'relu':
    case 'reluGrad':
    case 'crossEntropy':
    case 'linearWeightGrad':
    case 'linearInputGrad':
    case 'biasGrad':
      runDense(op, c);
      break;
    case 'patches':
    case 'patchesGrad':
      runConvolution(op, c);
      break;
    case 'embed':
    case 'embedGrad':
    case 'positionGrad':
    case 'tokenCrossEntropy':
      runToken(op, c);
      break;
    case 'clip':
      clip(op, c);
      break;
    default:
      runTransformerOp(op, c);
  }
}

function runDense(op: DenseOp, c: OpContext): void {
  const { pass } = c.kernels;
  switch (op.op) {
    case 'input':
      input(op, c);
      break;
    case 'linear': {
      const out = matrixOf(c, op.out);
      const inputs = op.w.count / out.cols;
      const right: Operand = { kind: 'rows', at: thetaOf(c, op.w), ld: inputs, bits: 8 };
      const left = rowsOf(c, op.x, inputs);
      multiply(c, { op: op.op, left, right, rows: out.rows, cols: out.cols, terms: inputs, to: out.at, ld: out.cols, roomBelow: true });
      break;
    }
    case 'bias': {
      const { at, rows, cols } = matrixOf(c, op.out);
      const x = matrixOf(c, op.x).at;
      checked(c, op.op, rows, 1, (from, to) => pass.addBias(x + 4 * from * cols, thetaOf(c, op.b), at + 4 * from * cols, to - from, cols));
      break;
    }
    case 'relu':
      select(op.op, c, [op.x, op.x, op.out]);
      break;
    case 'reluGrad':
      select(op.op, c, [op.y, op.dy, op.out]);
      break;
    case 'crossEntropy':
      crossEntropy(op, c);
      break;
    default:
      runDenseGrad(op, c);
  }
}

function runDenseGrad(op: Extract<DenseOp, { op: 'linearWeightGrad' | 'linearInputGrad' | 'biasGrad' }>, c: OpContext): void {
  const dy = matrixOf(c, op.dy);
  if (op.op === 'biasGrad') {
    columnSums(op.op, c, dy.at, dy.rows, dy.cols, gradientOf(c, op.b));
    return;
  }
  const inputs = op.w.count / dy.cols;
  if (op.op === 'linearWeightGrad') {
    const left: Operand = { kind: 'cols', at: dy.at, ld: dy.cols, bits: 14 };
    multiply(c, {
      op: op.op,
      left,
      right: colsOf(c, op.x, inputs),
      rows: dy.cols,
      cols: inputs,
      terms: dy.rows,
      to: gradientOf(c, op.w),
      ld: inputs,
    });
    return;
  }
  const left: Operand = { kind: 'rows', at: dy.at, ld: dy.cols, bits: 14 };
  const right: Operand = { kind: 'cols', at: thetaOf(c, op.w), ld: inputs, bits: 8 };
  const to = matrixOf(c, op.out).at;
  multiply(c, { op: op.op, left, right, rows: dy.rows, cols: inputs, terms: dy.cols, to, ld: inputs, roomBelow: true });
}

/** Whether a buffer is the input of an mlp, which stays in bytes. */
function isBytes(c: OpContext, buffer: Buffer): boolean {
  return c.plan.buffers[buffer] === 0;
}

function inputExponent(c: OpContext): number {
  const op = c.plan.program.forward[0];
  return op?.op === 'input' ? op.exponent : 0;
}

function rowsOf(c: OpContext, buffer: Buffer, ld: number): Operand {
  if (isBytes(c, buffer)) return { kind: 'byteRows', exponent: inputExponent(c) };
  return { kind: 'rows', at: matrixOf(c, buffer).at, ld, bits: 8 };
}

function colsOf(c: OpContext, buffer: Buffer, ld: number): Operand {
  if (isBytes(c, buffer)) return { kind: 'byteCols', exponent: inputExponent(c) };
  return { kind: 'cols', at: matrixOf(c, buffer).at, ld, bits: 8 };
}

function input(op: Extract<DenseOp, { op: 'input' }>, c: OpContext): void {
  if (isBytes(c, op.out)) return;
  const cols = c.stride - 1;
  const to = matrixOf(c, op.out).at;
  c.team.split(c.samples, 1, (from, end) => {
    c.kernels.input.bytesToFloats(c.plan.samples + from * c.stride, c.stride, end - from, cols, pow2(op.exponent), to + 4 * from * cols);
  });
  c.team.wait();
}

function select(op: string, c: OpContext, [on, value, out]: readonly [Buffer, Buffer, Buffer]): void {
  const { at, rows, cols } = matrixOf(c, out);
  const [x, y] = [matrixOf(c, on).at, matrixOf(c, value).at];
  checked(c, op, rows * cols, 16, (from, to) => c.kernels.pass.select(x + 4 * from, y + 4 * from, at + 4 * from, to - from));
}

/** Sums of Q14 of the columns of a matrix. */
function columnSums(op: string, c: OpContext, at: number, rows: number, cols: number, out: number): void {
  const { shared } = c.plan;
  columnScales(op, c, { at, ld: cols, rows, cols });
  c.team.split(cols, 16, (from, to) => {
    const scale = [shared.upLeft + 4 * from, shared.invLeft + 4 * from] as const;
    c.kernels.pass.sumCols(at + 4 * from, cols, rows, to - from, ...scale, out + 4 * from);
  });
  c.team.wait();
}

/** Scales of Q14 of columns into the left side of the shared area. */
function columnScales(op: string, c: OpContext, x: { at: number; ld: number; rows: number; cols: number }): void {
  const { shared } = c.plan;
  c.team.split(x.cols, 16, (from, to) => {
    c.kernels.pack.colMax(x.at + 4 * from, x.ld, x.rows, to - from, shared.maxLeft + 4 * from);
  });
  c.team.wait();
  const top = c.kernels.pack.scales(shared.maxLeft, Math.floor((x.cols + 15) / 16) * 16, 14, shared.upLeft, shared.invLeft);
  if (top > LIMIT[14]) throw new InvalidStepError(`${op}: a scale is above 2^50`);
}

function crossEntropy(op: { readonly x: Buffer; readonly out: Buffer }, c: OpContext): void {
  const { plan, lane } = c;
  const x = matrixOf(c, op.x);
  const out = matrixOf(c, op.out).at;
  const share = Math.fround(1 / x.rows);
  c.team.split(x.rows, 1, (from, to) => {
    const labels = plan.labels + 2 * from;
    const tables = [plan.exp, plan.log, LN2, lane.entries] as const;
    const results = [plan.losses + 4 * from, plan.predicted + 2 * from, out + 4 * from * x.cols] as const;
    c.kernels.loss.crossEntropy(x.at + 4 * from * x.cols, to - from, x.cols, labels, share, ...tables, ...results);
  });
  c.team.wait();
}

function runConvolution(op: ConvolutionOp, c: OpContext): void {
  const { height, width, channels, kernel, stride, pad, outHeight, outWidth } = op.geometry;
  const shape = [height, width, channels, kernel, stride, pad, outHeight, outWidth] as const;
  const image = height * width * channels;
  const patch = outHeight * outWidth * channels * kernel * kernel;
  const out = matrixOf(c, op.out).at;
  if (op.op === 'patches') {
    const x = matrixOf(c, op.x).at;
    c.team.split(c.samples, 1, (from, to) => {
      c.kernels.gather.patches(x + 4 * from * image, to - from, ...shape, out + 4 * from * patch);
    });
    c.team.wait();
    return;
  }
  const dy = matrixOf(c, op.dy).at;
  checked(c, op.op, c.samples, 1, (from, to) => c.kernels.gather.patchesGrad(dy + 4 * from * patch, to - from, ...shape, out + 4 * from * image));
}

function runToken(op: TokenOp, c: OpContext): void {
  const { plan } = c;
  switch (op.op) {
    case 'embed': {
      const { at, cols } = matrixOf(c, op.out);
      const { context } = op.tokens;
      checked(c, op.op, c.samples, 1, (from, to) => {
        const row = from * context;
        const [e, p] = [thetaOf(c, op.e), thetaOf(c, op.p)];
        return c.kernels.gather.embed(plan.tokens + 2 * row, (to - from) * context, context, cols, e, p, at + 4 * row * cols);
      });
      break;
    }
    case 'embedGrad':
      scatter(op.op, c, { dy: op.dy, index: plan.tokens, context: 0, count: op.e.count, to: gradientOf(c, op.e), accumulate: op.accumulate });
      break;
    case 'positionGrad':
      scatter(op.op, c, { dy: op.dy, index: 0, context: op.context, count: op.p.count, to: gradientOf(c, op.p), accumulate: false });
      break;
    case 'tokenCrossEntropy':
      crossEntropy(op, c);
      break;
    default:
      op satisfies never;
  }
}

interface Scatter {
  readonly dy: Buffer;
  /** Address of row numbers (u16), or 0 for the row's position in its context. */
  readonly index: number;
  readonly context: number;
  readonly count: number;
  readonly to: number;
  readonly accumulate: boolean;
}

/** Contraction with a one-hot matrix. */
function scatter(op: string, c: OpContext, s: Scatter): void {
  const { plan, kernels } = c;
  const { shared } = plan;
  const dy = matrixOf(c, s.dy);
  const sums = new Float32Array(c.memory.buffer, plan.sums, s.count);
  c.team.split(s.count, 16, (from, to) => {
    sums.fill(0, from, to);
  });
  columnScales(op, c, { at: dy.at, ld: dy.cols, rows: dy.rows, cols: dy.cols });
  c.team.split(dy.cols, 16, (from, to) => {
    const scale = [shared.upLeft + 4 * from, shared.invLeft + 4 * from] as const;
    const into = [plan.totals + 4 * from, plan.sums + 4 * from] as const;
    kernels.gather.scatter(s.index, s.context, dy.at + 4 * from, dy.cols, dy.rows, to - from, ...scale, ...into);
  });
  c.team.wait();
  checked(c, op, s.count, 16, (from, to) => {
    const [sum, out] = [plan.sums + 4 * from, s.to + 4 * from];
    kernels.gather.copyFlushed(sum, s.accumulate ? sum : out, to - from);
    return s.accumulate ? kernels.pass.add(out, sum, out, to - from) : 0;
  });
}

/** Clipping by the exact norm; the leaves' squares are added in order by every thread for itself. */
function clip(op: ClipOp, c: OpContext): void {
  const { plan, kernels } = c;
  const leaves = plan.leafCount;
  faultless(c, op.op, leaves, 1, (from, to) =>
    kernels.norm.leafSquares(plan.gradient + 4 * LEAF_PARAMETERS * from, to - from, plan.leafSquares + 4 * from),
  );
  const norm = kernels.norm.rootOfSum(plan.leafSquares, leaves);
  const limit = fromBits(op.limit);
  if (norm <= limit) return;
  const factor = Math.fround(limit / norm);
  c.team.split(leaves * LEAF_PARAMETERS, LEAF_PARAMETERS, (from, to) => {
    kernels.norm.scaleBy(plan.gradient + 4 * from, to - from, factor);
  });
  c.team.wait();
}
