// SPDX-License-Identifier: Apache-2.0
// The operations that are matrix products: what is multiplied and where results go. Whoever computes them, everything
// else of an operation stays in this code. Products come one at a time, each quantised when it is asked for.
import * as attention from './attention.ts';
import type { Product } from './contract.ts';
import type { Op } from './program.ts';
import { colsOf, quantise, rowsOf } from './quantise.ts';
import { data, part, shape, type Workspace } from './workspace.ts';

const PRODUCTS = [
  'linear',
  'linearWeightGrad',
  'linearInputGrad',
  'scores',
  'mix',
  'mixProbabilityGrad',
  'mixValueGrad',
  'queryGrad',
  'keyGrad',
] as const;

export type ProductOp = Extract<Op, { readonly op: (typeof PRODUCTS)[number] }>;

export function isProduct(op: Op): op is ProductOp {
  return (PRODUCTS as readonly string[]).includes(op.op);
}

/** The array that an operation writes. */
export function productOutput(op: ProductOp, w: Workspace): Float32Array {
  return op.op === 'linearWeightGrad' ? part(w.gradient, op.w) : data(w, op.out);
}

/** The products of an operation; all have the same sizes. InvalidStepError when an operand has no scale. */
export function productsOf(op: ProductOp, w: Workspace): Iterable<Product> {
  switch (op.op) {
    case 'linear':
    case 'linearWeightGrad':
    case 'linearInputGrad':
      return [dense(op, w)];
    case 'scores':
      return attention.scores(op.shape, data(w, op.qkv), shape(w, op.qkv).rows, data(w, op.out));
    case 'mix':
      return attention.mix(op.shape, data(w, op.p), data(w, op.qkv), shape(w, op.qkv).rows, data(w, op.out));
    case 'mixProbabilityGrad':
      return attention.mixProbabilityGrad(op.shape, data(w, op.qkv), data(w, op.dy), shape(w, op.dy).rows, data(w, op.out));
    case 'mixValueGrad':
      return attention.mixValueGrad(op.shape, data(w, op.p), data(w, op.dy), shape(w, op.dy).rows, data(w, op.out));
    case 'queryGrad':
      return attention.queryGrad(op.shape, data(w, op.ds), data(w, op.qkv), shape(w, op.qkv).rows, data(w, op.out));
    case 'keyGrad':
      return attention.keyGrad(op.shape, data(w, op.ds), data(w, op.qkv), shape(w, op.qkv).rows, data(w, op.out));
    default:
      return op satisfies never;
  }
}

type DenseProduct = Extract<ProductOp, { readonly w: unknown }>;

function dense(op: DenseProduct, w: Workspace): Product {
  const { rows, cols } = shape(w, op.op === 'linear' ? op.out : op.dy);
  const inputs = op.w.count / cols;
  switch (op.op) {
    case 'linear': {
      const a = quantise(rowsOf(data(w, op.x), rows, inputs), 8);
      return { a, b: quantise(rowsOf(w.theta, cols, inputs, op.w.offset), 8), out: { data: data(w, op.out), offset: 0, stride: cols } };
    }
    case 'linearWeightGrad': {
      const a = quantise(colsOf(data(w, op.dy), rows, cols), 14);
      return { a, b: quantise(colsOf(data(w, op.x), rows, inputs), 8), out: { data: w.gradient, offset: op.w.offset, stride: inputs } };
    }
    case 'linearInputGrad': {
      const a = quantise(rowsOf(data(w, op.dy), rows, cols), 14);
      return { a, b: quantise(colsOf(w.theta, cols, inputs, op.w.offset), 8), out: { data: data(w, op.out), offset: 0, stride: inputs } };
    }
    default:
      return op satisfies never;
  }
}
