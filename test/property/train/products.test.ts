// SPDX-License-Identifier: Apache-2.0
// Products of any shape on an engine, against the contraction, bit for bit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contract, type Product } from '../../../train/contract.ts';
import type { ProductEngine } from '../../../train/delegate.ts';
import type { Quantised } from '../../../train/quantise.ts';
import { tryTfjs } from '../../helpers/engines.ts';

const slices = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 16, 17, 31, 32, 33, 64, 65, 97));
const length = fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(1, 3, 4, 5, 64, 127, 1023, 1024, 1025, 2053));
const shape = fc.record({
  m: slices,
  n: slices,
  k: length,
  count: fc.integer({ min: 1, max: 4 }),
  wide: fc.constantFrom('neither', 'left', 'right'),
  fill: fc.constantFrom('random', 'largest', 'smallest', 'zero', 'sparse'),
  causal: fc.boolean(),
  scale: fc.constantFrom(undefined, Math.fround(0.3)),
  seed: fc.nat(),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

/** Whole numbers below 2^32 in a fixed order. */
function draws(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function operand(count: number, terms: number, bits: 8 | 14, fill: Shape['fill'], draw: () => number): Quantised {
  const largest = 2 ** (bits - 1) - 1;
  const mantissas = Int16Array.from({ length: count * terms }, () => {
    if (fill === 'zero') return 0;
    if (fill === 'largest') return largest;
    if (fill === 'smallest') return -largest;
    const value = (draw() % (2 * largest + 1)) - largest;
    return fill === 'sparse' && draw() % 8 !== 0 ? 0 : value;
  });
  return { slices: count, length: terms, bits, mantissas, exponents: Int8Array.from({ length: count }, () => (draw() % 101) - 50) };
}

function products({ m, n, k, count, wide, fill, causal, scale, seed }: Shape, data: Float32Array): Product[] {
  const draw = draws(seed);
  return Array.from({ length: count }, (_, p) => {
    const a = operand(m, k, wide === 'left' ? 14 : 8, fill, draw);
    const b = operand(n, k, wide === 'right' ? 14 : 8, fill === 'smallest' ? 'largest' : fill, draw);
    return { a, b, out: { data, offset: p * m * (n + 1), stride: n + 1 }, causal, ...(scale === undefined ? {} : { scale }) };
  });
}

async function agrees(engine: ProductEngine, s: Shape): Promise<void> {
  const got = new Float32Array(s.count * s.m * (s.n + 1)).fill(7);
  const expected = got.slice();
  await engine.compute(products(s, got));
  for (const product of products(s, expected)) contract(product);
  assert.deepEqual(new Uint32Array(got.buffer), new Uint32Array(expected.buffer));
}

const tfjs = await tryTfjs();

test('products of any shape on TensorFlow.js are those of the contraction', { skip: typeof tfjs === 'string' ? tfjs : false }, async () => {
  await fc.assert(
    fc.asyncProperty(shape, (s) => agrees(tfjs as ProductEngine, s)),
    { numRuns: 60 },
  );
});
