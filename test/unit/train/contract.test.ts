// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contract, sumSlices } from '../../../train/contract.ts';
import { InvalidStepError } from '../../../train/errors.ts';
import { bitsOf } from '../../../train/float32.ts';
import { colsOf, type Quantised, quantise, rowsOf, scaleExponent } from '../../../train/quantise.ts';
import { logOfSum, rowLoss, rowSoftmax } from '../../../train/softmax.ts';

test('the scale is the least power of two that holds the largest magnitude, at least 2^-50', () => {
  fc.assert(
    fc.property(fc.float({ min: 0, max: 2 ** 40, noNaN: true }), fc.constantFrom(4, 8, 14), (a, n) => {
      const largest = 2 ** (n - 1) - 1;
      let e = -50;
      while (a > largest * 2 ** e) e++;
      assert.equal(scaleExponent(bitsOf(a), n), e);
    }),
    { numRuns: 2000 },
  );
  for (const n of [4, 8, 14] as const) {
    const largest = 2 ** (n - 1) - 1;
    assert.equal(scaleExponent(bitsOf(largest * 2 ** 50), n), 50);
    assert.throws(() => scaleExponent(bitsOf(largest * 2 ** 50) + 1, n), InvalidStepError);
    assert.throws(() => scaleExponent(bitsOf(Infinity), n), InvalidStepError);
    assert.throws(() => scaleExponent(bitsOf(Number.NaN), n), InvalidStepError);
  }
});

test('mantissas are the values over the scale, rounded half to even, along rows and along columns', () => {
  const matrix = Float32Array.of(127, 0.5, 1.5, -2.5, 0.25, -127 * 8, 2 ** -70, 0, 3);
  const rows = quantise(rowsOf(matrix, 3, 3), 8);
  assert.deepEqual(Array.from(rows.exponents), [0, 3, -5]);
  assert.deepEqual(Array.from(rows.mantissas), [127, 0, 2, 0, 0, -127, 0, 0, 96]);
  const cols = quantise(colsOf(matrix, 3, 3), 14);
  assert.deepEqual(Array.from(cols.exponents), [-6, -13, -3]);
  assert.deepEqual(Array.from(cols.mantissas), [8128, -160, 0, 4096, 2048, 0, 12, -8128, 24]);
});

/** The contraction from its definition, totals in bigint. */
function exact(a: Quantised, i: number, b: Quantised, j: number): number {
  let sum = 0;
  for (let from = 0; from < a.length; from += 1024) {
    let total = 0n;
    for (let t = from; t < Math.min(from + 1024, a.length); t++) {
      total += BigInt(a.mantissas[i * a.length + t] as number) * BigInt(b.mantissas[j * b.length + t] as number);
    }
    const value = Math.fround(Math.fround(Number(total)) * 2 ** ((a.exponents[i] as number) + (b.exponents[j] as number)));
    sum = from === 0 ? value : Math.fround(sum + value);
  }
  return sum;
}

test('a contraction is exact in each chunk of 1,024 terms, whatever the shape', () => {
  const shape = fc.record({
    m: fc.integer({ min: 1, max: 5 }),
    n: fc.integer({ min: 1, max: 5 }),
    k: fc.constantFrom(1, 2, 3, 17, 1023, 1024, 1025, 2053),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(shape, fc.boolean(), ({ m, n, k, seed }, extreme) => {
      let s = seed;
      const next = (): number => {
        s = (Math.imul(s, 1664525) + 1013904223) | 0;
        return extreme ? (s & 256 ? 1 : -1) : s / 2 ** 31;
      };
      const a = quantise(rowsOf(Float32Array.from({ length: m * k }, next), m, k), 14);
      const b = quantise(colsOf(Float32Array.from({ length: n * k }, next), k, n), 8);
      const out = new Float32Array(m * n);
      contract({ a, b, out: { data: out, offset: 0, stride: b.slices } });
      out.forEach((value, at) => {
        assert.ok(Object.is(value, exact(a, Math.floor(at / n), b, at % n)));
      });
      const ones: Quantised = { slices: 1, length: k, bits: 8, mantissas: new Int16Array(k).fill(1), exponents: new Int8Array(1) };
      const sums = new Float32Array(m);
      sumSlices(a, sums);
      sums.forEach((value, i) => {
        assert.equal(value, exact(a, i, ones, 0));
      });
    }),
    { numRuns: 200 },
  );
});

test('the largest mantissas of a full chunk stay below 2^31', () => {
  const a: Quantised = { slices: 1, length: 1024, bits: 14, mantissas: new Int16Array(1024).fill(8191), exponents: new Int8Array(1) };
  const b: Quantised = { slices: 1, length: 1024, bits: 8, mantissas: new Int16Array(1024).fill(-127), exponents: new Int8Array(1) };
  const out = new Float32Array(1);
  contract({ a, b, out: { data: out, offset: 0, stride: b.slices } });
  assert.equal(out[0], Math.fround(-1024 * 8191 * 127));
});

test('the loss agrees with the natural logarithm to a table step', () => {
  for (let sum = 65536; sum < 2 ** 40; sum = Math.fround(sum * 1.0173)) {
    assert.ok(Math.abs(logOfSum(sum) - 65536 * Math.log(sum / 65536)) < 1.6, `${sum}`);
  }
  fc.assert(
    fc.property(fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 2, maxLength: 700 }), (list) => {
      const logits = Float32Array.from(list);
      const row = rowSoftmax(logits, 0, logits.length, new Uint32Array(logits.length));
      const exactSum = logits.reduce((a, x) => a + Math.exp(x - row.max), 0);
      const loss = rowLoss(row, logits[0] as number) / 65536;
      assert.ok(Math.abs(loss - (row.max - (logits[0] as number) + Math.log(exactSum))) < 0.012);
      assert.equal(row.argmax, logits.indexOf(row.max));
    }),
  );
});

test('a hopeless label costs at most 2^14 nats and the logarithm of the classes', () => {
  const logits = Float32Array.of(2 ** 100, -(2 ** 100));
  const row = rowSoftmax(logits, 0, 2, new Uint32Array(2));
  assert.equal(rowLoss(row, logits[1] as number), 2 ** 30);
  assert.equal(rowLoss(row, logits[0] as number), 0);
});
