// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareBytes } from '../../../core/bytes.ts';
import { type Differences, hasProgress, isPossible, meetsMinimum } from '../../../modules/pogo/acceptance.ts';
import { drawCommittee } from '../../../modules/pogo/committee.ts';
import { drawDistinct } from '../../../modules/pogo/draw.ts';
import { challengesOf } from '../../../modules/pogo/seeds.ts';
import { segmentCount } from '../../../modules/pogo/segments.ts';
import { amountKey } from '../../../modules/pogo/state.ts';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const diffs = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 40 });

function of(list: readonly number[]): Differences {
  const sum = list.reduce((a, b) => a + b, 0);
  return { sum: BigInt(sum), squareSum: BigInt(list.reduce((a, b) => a + b * b, 0)), samples: list.length };
}

/** Mean and standard error as a statistician computes them. */
function statistics(list: readonly number[]): { mean: number; error: number } {
  const n = list.length;
  const mean = list.reduce((a, b) => a + b, 0) / n;
  const variance = list.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1);
  return { mean, error: Math.sqrt(variance / n) };
}

test('the integer rule of acceptance is the textbook rule wherever that is clear', () => {
  fc.assert(
    fc.property(diffs, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 4000 }), (list, minimum, z) => {
      const { mean, error } = statistics(list);
      const margin = mean + (z / 1000) * error - minimum;
      if (Math.abs(margin) < 1e-6) return;
      assert.equal(meetsMinimum(of(list), BigInt(minimum), z), margin > 0);
    }),
  );
});

test('real differences are always possible, and adding one to the sum of squares of equal ones never undoes that', () => {
  fc.assert(
    fc.property(diffs, (list) => {
      const d = of(list);
      assert.ok(isPossible(d));
      if (d.squareSum > 0n) assert.ok(!isPossible({ ...d, squareSum: 0n }));
    }),
  );
});

test('progress over a window is the textbook rule for sums wherever that is clear', () => {
  fc.assert(
    fc.property(fc.array(diffs, { minLength: 1, maxLength: 10 }), fc.integer({ min: 0, max: 3000 }), (rounds, z) => {
      const sum = rounds.flat().reduce((a, b) => a + b, 0);
      const variance = rounds.reduce((total, list) => total + (statistics(list).error * list.length) ** 2, 0);
      const bound = (z / 1000) * Math.sqrt(variance);
      // The integer variance is rounded up by less than one per round.
      if (Math.abs(sum - bound) <= 1 + (z / 1000) * 4) return;
      assert.equal(hasProgress(rounds.map(of), z), sum > bound && sum > 0);
    }),
  );
});

test('distinct draws are distinct, in range, ascending and complete when everything is asked for', () => {
  fc.assert(
    fc.property(hash, fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 500 }), (h, count, size) => {
      const drawn = drawDistinct(h, count, size);
      assert.equal(drawn.length, Math.min(count, size));
      drawn.forEach((n, i) => {
        assert.ok(n < size && n > (drawn[i - 1] ?? -1));
      });
    }),
  );
});

test('challenges name existing leaves of existing segments, each once', () => {
  const shape = fc.record({
    steps: fc.integer({ min: 1, max: 500 }),
    checkpointEvery: fc.integer({ min: 1, max: 50 }),
    leafChallenges: fc.integer({ min: 1, max: 64 }),
  });
  fc.assert(
    fc.property(hash, shape, fc.integer({ min: 1, max: 3000 }), (beacon, terms, leaves) => {
      const drawn = challengesOf(beacon, { job: 1n, round: 1n }, new Uint8Array(20), terms, leaves);
      const seen = new Set(drawn.map((c) => `${c.segment}/${c.leaf}`));
      assert.equal(seen.size, drawn.length);
      assert.ok(drawn.every((c, i) => c.index === i && c.leaf < leaves && c.segment < segmentCount(terms)));
    }),
  );
});

test('a committee is a set of candidates with weight, and all of them when there is room', () => {
  fc.assert(
    fc.property(
      hash,
      fc.array(fc.bigInt({ min: 0n, max: 1n << 80n }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (beacon, weights, size) => {
        const candidates = weights.map((weight, index) => ({ weight, index }));
        const drawn = drawCommittee(beacon, { job: 1n, round: 1n }, candidates, size);
        const withWeight = candidates.filter((c) => c.weight > 0n).length;
        assert.equal(drawn.length, Math.min(size, withWeight));
        assert.equal(new Set(drawn.map((c) => c.index)).size, drawn.length);
        assert.ok(drawn.every((c) => c.weight > 0n));
      },
    ),
  );
});

test('keys by amount sort as the amounts', () => {
  const amount = fc.bigInt({ min: 0n, max: (1n << 255n) - 1n });
  fc.assert(
    fc.property(amount, amount, (a, b) => {
      assert.equal(Math.sign(compareBytes(amountKey.encode(a), amountKey.encode(b))), a < b ? -1 : a > b ? 1 : 0);
      assert.deepEqual(amountKey.decode(amountKey.encode(a), 0), [a, 32]);
    }),
  );
});
