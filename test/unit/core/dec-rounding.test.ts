// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { divHalfEven, divUp, mulHalfEven, ONE, roundHalfEven } from '../../../core/dec.ts';

interface Vector {
  readonly A: string;
  readonly B: string;
  readonly Mul: string;
  readonly Quo: string;
  readonly QuoUp: string;
  readonly Round: string;
}

test('rounds as cosmossdk.io/math does, on two hundred random pairs', () => {
  const vectors = JSON.parse(readFileSync(new URL('../../vectors/dec/vectors.json', import.meta.url), 'utf8')) as readonly Vector[];
  assert.equal(vectors.length, 200);
  for (const { A, B, Mul, Quo, QuoUp, Round } of vectors) {
    const [a, b] = [BigInt(A), BigInt(B)];
    const got = [mulHalfEven(a, b), divHalfEven(a, b), divUp(a, b), roundHalfEven(a)].map(String);
    assert.deepEqual(got, [Mul, Quo, QuoUp, Round], `${A} and ${B}`);
  }
});

test('rounds halves to the even neighbour', () => {
  const half = ONE / 2n;
  assert.deepEqual([half, ONE + half, 2n * ONE + half].map(roundHalfEven), [0n, 2n, 2n]);
});

test('refuses to divide by zero and to round negative values, for which it is not defined', () => {
  assert.throws(() => divHalfEven(1n, 0n), RangeError);
  assert.throws(() => divUp(1n, 0n), RangeError);
  assert.throws(() => mulHalfEven(-1n, 1n), RangeError);
});
