// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contract, type Product, settle } from '../../../train/contract.ts';
import { checkedDelegate, delegate, firstDifference } from '../../../train/delegate.ts';
import { BackendMismatchError, InvalidStepError } from '../../../train/errors.ts';
import { initialState } from '../../../train/init.ts';
import { quantise, rowsOf } from '../../../train/quantise.ts';
import { reference } from '../../../train/reference.ts';
import { failedVectors } from '../../../train/vectors.ts';
import { wrongBit } from '../../helpers/engines.ts';
import { mlpSpec } from '../../vectors/train/specs.ts';

const honest = { name: 'honest', compute: async (products: readonly Product[]) => products.forEach(contract) };

test('an engine that computes by contraction meets every vector and agrees in every operation', async () => {
  assert.deepEqual(await failedVectors(delegate(honest)), []);
  assert.equal(await firstDifference(honest), undefined);
});

test('an engine with one wrong bit, once, is refused, and the operation and network are named', async () => {
  const found = async (at: number, wanted: (product: Product) => boolean = () => true): Promise<string> => {
    try {
      await checkedDelegate(wrongBit('w', at, { wanted }));
    } catch (error) {
      if (error instanceof BackendMismatchError) return error.message;
    }
    return 'none';
  };
  assert.equal(await found(0), 'w: differs from the reference; it must not be used (linear of smallest)');
  assert.match(await found(0, ({ a }) => a.bits === 14), /\(linearWeightGrad of smallest\)$/);
  assert.match(await found(1, ({ causal, scale }) => causal === true && scale !== undefined), /\(scores of gpt\)$/);
  assert.match(await found(0, ({ b }) => b.bits === 14), /\(mixValueGrad of gpt\)$/);
  assert.equal(await found(1_000_000), 'none');
});

test('a delegated trainer gives and refuses what the reference does', async () => {
  const spec = mlpSpec([5, 4, 3], 2);
  const trainer = await delegate(honest).create(spec);
  const twin = reference.create(spec);
  const state = initialState(spec, new Uint8Array(32));
  await trainer.load(state);
  twin.load(state);
  const samples = new Uint8Array(12).fill(1);
  assert.deepEqual(await trainer.gradient(samples), twin.gradient(samples));
  const { codes } = twin.step(samples, 1);
  await trainer.applyCodes(codes, 1);
  assert.deepEqual(await trainer.state(), twin.state());
  await assert.rejects(async () => trainer.step(new Uint8Array(11), 1), /samples: 11 bytes, expected 12/);
  await assert.rejects(async () => trainer.load(state.subarray(1)), /InvalidStateError/);
  new DataView(state.buffer).setFloat32(0, 2 ** 120, true);
  await trainer.load(state);
  await assert.rejects(async () => trainer.step(samples, 1), InvalidStepError);
});

test('an error of the engine ends the step with that error', async () => {
  const trainer = await delegate({ name: 'lost', compute: () => Promise.reject(new Error('the device was lost')) }).create(mlpSpec([5, 4, 3], 2));
  await assert.rejects(async () => trainer.step(new Uint8Array(12), 1), /the device was lost/);
});

test('totals in any order of rows, columns and chunks settle to the contraction', () => {
  const values = (n: number, seed: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * seed) * 3));
  const [m, n, k] = [5, 4, 2053];
  const a = quantise(rowsOf(values(m * k, 1.7), m, k), 14);
  const b = quantise(rowsOf(values(n * k, 2.9), n, k), 8);
  const total = (i: number, j: number, c: number): number => {
    let sum = 0;
    for (let t = 1024 * c; t < Math.min(1024 * (c + 1), k); t++) sum += (a.mantissas[i * k + t] as number) * (b.mantissas[j * k + t] as number);
    return sum;
  };
  for (const causal of [false, true]) {
    const expected = new Float32Array(m * 6).fill(-1);
    const got = expected.slice();
    const scale = Math.fround(0.3);
    contract({ a, b, out: { data: expected, offset: 2, stride: 5 }, causal, scale });
    // The last three rows and the last two columns as one block, columns first, the rest row by row.
    for (const [row, rows, column, columns, byColumn] of [
      [0, 2, 0, 4, false],
      [2, 3, 0, 2, false],
      [2, 3, 2, 2, true],
    ] as const) {
      const [rowStride, columnStride] = byColumn ? [1, rows] : [columns, 1];
      const data = new Int32Array(3 * rows * columns);
      for (let c = 0; c < 3; c++) {
        for (let r = 0; r < rows; r++) {
          for (let s = 0; s < columns; s++) data[c * rows * columns + r * rowStride + s * columnStride] = total(row + r, column + s, c);
        }
      }
      const product = { a, b, out: { data: got, offset: 2, stride: 5 }, causal, scale };
      settle(product, { data, row, rows, column, columns, chunkStride: rows * columns, rowStride, columnStride });
    }
    assert.deepEqual(got, expected);
  }
});
