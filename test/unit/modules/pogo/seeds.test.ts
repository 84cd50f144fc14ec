// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { concatBytes, toHex, u32be, u64be, utf8 } from '../../../../core/bytes.ts';
import { DOMAIN } from '../../../../modules/pogo/domains.ts';
import { drawDistinct, drawRepeated } from '../../../../modules/pogo/draw.ts';
import { assignedSteps, challengesOf, claimIndices, drawMessage, evalIndices, roundSeed } from '../../../../modules/pogo/seeds.ts';
import { segmentCount, segmentOf, segmentSteps } from '../../../../modules/pogo/segments.ts';

const BEACON = new Uint8Array(32).fill(1);
const MINER = new Uint8Array(20).fill(2);
const ID = { job: 3n, round: 4n };
const sha = (...parts: readonly Uint8Array[]): string =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest('hex');

test('a round seed is the hash of domain, beacon, job and round', () => {
  assert.equal(toHex(roundSeed(BEACON, ID)), sha(utf8('pogo/round-seed/1\n'), BEACON, u64be(3n), u64be(4n)));
});

test('every domain is a different text that ends in a newline', () => {
  const all = Object.values(DOMAIN);
  assert.equal(new Set(all).size, all.length);
  for (const d of all) assert.match(d, /^pogo\/[a-z-]+\/1\n$/);
});

test('the message of a draw binds chain, beacon, job and round', () => {
  const expected = concatBytes(utf8('pogo/draw/1\n'), Uint8Array.of(6), utf8('pogo-1'), BEACON, u64be(3n), u64be(4n));
  assert.deepEqual(drawMessage('pogo-1', BEACON, ID), expected);
});

test('segments partition the steps, a short last one included', () => {
  for (const steps of [1, 2, 9, 10, 11, 100]) {
    for (const checkpointEvery of [1, 3, 10]) {
      const terms = { steps, checkpointEvery };
      let next = 1;
      for (let k = 0; k < segmentCount(terms); k++) {
        const { first, last } = segmentSteps(terms, k);
        assert.equal(first, next);
        assert.ok(last >= first && last <= steps && last - first < checkpointEvery);
        for (let s = first; s <= last; s++) assert.equal(segmentOf(terms, s), k);
        next = last + 1;
      }
      assert.equal(next, steps + 1);
    }
  }
});

test('challenges are as many different leaves as asked for, in order, and all of them when fewer exist', () => {
  const terms = { steps: 100, checkpointEvery: 10, leafChallenges: 16 };
  const drawn = challengesOf(BEACON, ID, MINER, terms, 101);
  assert.equal(drawn.length, 16);
  drawn.forEach((c, i) => {
    assert.ok(c.index === i && c.segment < 10 && c.leaf < 101);
    const before = drawn[i - 1];
    if (before !== undefined) assert.ok(before.segment < c.segment || (before.segment === c.segment && before.leaf < c.leaf));
  });
  const all = challengesOf(BEACON, ID, MINER, { steps: 5, checkpointEvery: 2, leafChallenges: 256 }, 4);
  assert.deepEqual(
    all.map((c) => [c.segment, c.leaf]),
    Array.from({ length: 12 }, (_, i) => [Math.floor(i / 4), i % 4]),
  );
});

test('challenges, steps and samples change with everything that they bind', () => {
  const terms = { steps: 1000, checkpointEvery: 10, leafChallenges: 16, assignedSteps: 20 };
  const base = JSON.stringify(challengesOf(BEACON, ID, MINER, terms, 1000));
  assert.notEqual(JSON.stringify(challengesOf(new Uint8Array(32), ID, MINER, terms, 1000)), base);
  assert.notEqual(JSON.stringify(challengesOf(BEACON, { job: 4n, round: 4n }, MINER, terms, 1000)), base);
  assert.notEqual(JSON.stringify(challengesOf(BEACON, { job: 3n, round: 5n }, MINER, terms, 1000)), base);
  assert.notEqual(JSON.stringify(challengesOf(BEACON, ID, new Uint8Array(20), terms, 1000)), base);
  const signature = new Uint8Array(96).fill(8);
  const steps = assignedSteps(signature, MINER, terms);
  assert.notDeepEqual(assignedSteps(new Uint8Array(96), MINER, terms), steps);
  assert.notDeepEqual(assignedSteps(signature, new Uint8Array(20), terms), steps);
  assert.ok(steps.length === 20 && steps.every((s, i) => s >= 1 && s <= 1000 && (i === 0 || s > (steps[i - 1] as number))));
  assert.notDeepEqual(evalIndices(BEACON, ID, 50, 5000), evalIndices(BEACON, { ...ID, round: 5n }, 50, 5000));
  assert.notDeepEqual(claimIndices(BEACON, 50, 5000), evalIndices(BEACON, ID, 50, 5000));
});

test('a draw without repeats is uniform over positions', () => {
  const counts = new Uint32Array(20);
  for (let i = 0; i < 4000; i++) {
    const hash = createHash('sha256').update(u32be(i)).digest();
    for (const n of drawDistinct(hash, 5, 20)) counts[n] = (counts[n] as number) + 1;
  }
  // 1,000 each, standard deviation 27.
  for (const n of counts) assert.ok(n > 850 && n < 1150, `${counts}`);
});

test('a draw with repeats covers its range and stays in it', () => {
  const drawn = drawRepeated(BEACON, 3000, 100);
  assert.equal(new Set(drawn).size, 100);
  assert.ok(drawn.every((n) => n < 100));
});
