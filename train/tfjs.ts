// SPDX-License-Identifier: Apache-2.0
// Products on TensorFlow.js, whichever of its backends is at hand. Operands are integers held in binary32; a 14-bit one
// is split as q = 128 * hi + lo with -64 <= lo < 64, so every total of 1,024 terms is below 2^24 and exact in binary32,
// in TF32 and in bfloat16 with binary32 accumulation, in any order and with fused multiply-add.
import { CHUNK, type Product, settle } from './contract.ts';
import type { ProductEngine } from './delegate.ts';
import type { Quantised } from './quantise.ts';

/** The part of TensorFlow.js that is used here. */
export interface TfTensor {
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}

export interface Tf {
  readonly version_core?: string;
  getBackend(): string;
  tensor3d(values: Float32Array, shape: readonly [number, number, number], dtype: 'float32'): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA: boolean, transposeB: boolean): TfTensor;
}

/** Products on the backend that `tf` has set. */
export function tfjsEngine(tf: Tf): ProductEngine {
  return { name: 'tfjs', compute: (products) => compute(tf, products) };
}

async function compute(tf: Tf, products: readonly Product[]): Promise<void> {
  const [first] = products;
  if (first === undefined) return;
  const left = planes(products.map(({ a }) => a));
  const right = planes(products.map(({ b }) => b));
  const x = tf.tensor3d(left.values, left.shape, 'float32');
  const y = tf.tensor3d(right.values, right.shape, 'float32');
  const z = tf.matMul(x, y, false, true);
  try {
    const totals = combine(await z.data(), left, right);
    const { a, b } = first;
    const size = left.chunks * a.slices * b.slices;
    products.forEach((product, p) => {
      settle(product, {
        data: totals.subarray(p * size, (p + 1) * size),
        row: 0,
        rows: a.slices,
        column: 0,
        columns: b.slices,
        chunkStride: a.slices * b.slices,
        rowStride: b.slices,
        columnStride: 1,
      });
    });
  } finally {
    for (const tensor of [x, y, z]) tensor.dispose();
  }
}

interface Planes {
  readonly values: Float32Array;
  /** Matrices, rows, terms: one matrix for each chunk of each operand; with two planes first all rows of hi, then all of lo. */
  readonly shape: readonly [number, number, number];
  readonly slices: number;
  readonly chunks: number;
  readonly wide: boolean;
}

/** Operands of equal size, side by side; the last chunk ends in zeros. */
function planes(operands: readonly Quantised[]): Planes {
  const { slices, length, bits } = operands[0] as Quantised;
  const wide = bits > 8;
  const chunks = Math.ceil(length / CHUNK);
  const terms = chunks === 1 ? length : CHUNK;
  const rows = wide ? 2 * slices : slices;
  const values = new Float32Array(operands.length * chunks * rows * terms);
  operands.forEach(({ mantissas }, p) => {
    for (let s = 0; s < slices; s++) {
      for (let t = 0; t < length; t++) {
        const q = mantissas[s * length + t] as number;
        const chunk = p * chunks + Math.floor(t / CHUNK);
        const at = (chunk * rows + s) * terms + (t % CHUNK);
        const hi = (q + 64) >> 7;
        if (wide) {
          values[at] = hi;
          values[at + slices * terms] = q - 128 * hi;
        } else values[at] = q;
      }
    }
  });
  return { values, shape: [operands.length * chunks, rows, terms], slices, chunks, wide };
}

/** 128 * hi + lo of every element, matrix after matrix; both are whole numbers below 2^24, the result is below 2^31. */
function combine(values: ArrayLike<number>, left: Planes, right: Planes): Int32Array {
  const [matrices, rows] = left.shape;
  const columns = right.shape[1];
  const out = new Int32Array(matrices * left.slices * right.slices);
  const second = left.wide ? left.slices * columns : right.wide ? right.slices : 0;
  let to = 0;
  for (let m = 0; m < matrices; m++) {
    for (let i = 0; i < left.slices; i++) {
      const from = (m * rows + i) * columns;
      for (let j = 0; j < right.slices; j++, to++) {
        const value = values[from + j] as number;
        out[to] = second === 0 ? value : 128 * value + (values[from + j + second] as number);
      }
    }
  }
  return out;
}
