// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bestOf, type Differences, hasProgress, isPossible, meetsMinimum } from '../../../../modules/pogo/acceptance.ts';

function of(...diffs: readonly number[]): Differences {
  const sum = diffs.reduce((a, b) => a + b, 0);
  return { sum: BigInt(sum), squareSum: diffs.reduce((a, b) => a + BigInt(b) * BigInt(b), 0n), samples: diffs.length };
}

test('an improvement is accepted, whatever its spread', () => {
  assert.ok(meetsMinimum(of(5, 5, 5), 0n, 2000));
  assert.ok(meetsMinimum(of(1, 0, 0), 0n, 0));
});

test('equal losses meet a minimum of zero and no other', () => {
  assert.ok(meetsMinimum(of(0, 0), 0n, 2000));
  assert.ok(!meetsMinimum(of(0, 0), 1n, 2000));
});

test('a loss of quality within z standard errors is accepted, beyond them refused', () => {
  // Mean -1; variance of 16 samples of +-4 around it: SE = sqrt(16.5.. / 16) ~ 1.03.
  const d = of(...Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 3 : -5)));
  assert.ok(meetsMinimum(d, 0n, 1000));
  assert.ok(!meetsMinimum(d, 0n, 900));
});

test('the border itself is accepted: d + z SE = minimum', () => {
  // Samples -3 and 1: d = -1, SE = 2: with z = 1/2 exactly zero.
  assert.ok(meetsMinimum(of(-3, 1), 0n, 500));
  assert.ok(!meetsMinimum(of(-3, 1), 0n, 499));
});

test('without spread any loss of quality is refused', () => {
  assert.ok(!meetsMinimum(of(-1, -1, -1), 0n, 100_000));
});

test('sums that no samples have are impossible', () => {
  assert.ok(isPossible(of(3, -4, 5)));
  assert.ok(!isPossible({ sum: 10n, squareSum: 49n, samples: 2 }));
  assert.ok(!isPossible({ sum: 5n, squareSum: 25n, samples: 1 }));
  assert.ok(!isPossible({ sum: 3n, squareSum: 2n, samples: 5 }));
  assert.ok(!isPossible({ sum: 0n, squareSum: (1n << 62n) * 3n, samples: 2 }));
  assert.ok(!isPossible({ sum: 1n << 33n, squareSum: 1n << 65n, samples: 3 }));
});

test('progress needs a sum above zero by z standard errors over the window', () => {
  const clear = of(10, 12, 9, 11);
  const noise = of(30, -30, 31, -31);
  assert.ok(hasProgress([clear, clear], 2000));
  assert.ok(!hasProgress([noise, noise], 2000));
  assert.ok(!hasProgress([], 0));
  assert.ok(!hasProgress([of(0, 0)], 0));
  // A sum of 86 with a deviation of 70: one noisy round raises the bar for all.
  assert.ok(hasProgress([clear, noise, clear], 1000));
  assert.ok(!hasProgress([clear, noise, clear], 2000));
  assert.ok(hasProgress([clear, of(-1, -1, -1, -1)], 2000));
  assert.ok(!hasProgress([of(1, 1), of(-1, -1)], 0));
});

test('the greatest mean improvement wins, the earlier of equals', () => {
  assert.equal(bestOf([]), undefined);
  assert.equal(bestOf([of(1, 1), of(2, 2), of(2, 2)]), 1);
  assert.equal(bestOf([of(2, 2, 2), of(3, 3)]), 1, 'by mean, not by sum');
  assert.equal(bestOf([of(-5, -5), of(-4, -4)]), 1);
});
