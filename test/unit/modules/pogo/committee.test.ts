// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { u32be } from '../../../../core/bytes.ts';
import { sha256 } from '../../../../core/hash.ts';
import { drawCommittee, integerOf } from '../../../../modules/pogo/committee.ts';

const ID = { job: 1n, round: 1n };
const beacon = (n: number): Uint8Array => sha256(u32be(n));
const pool = (...weights: readonly bigint[]): readonly { weight: bigint; index: number }[] => weights.map((weight, index) => ({ weight, index }));

test('members are drawn without replacement, at most as many as asked for', () => {
  const candidates = pool(5n, 5n, 5n, 5n, 5n);
  for (let n = 0; n < 50; n++) {
    const drawn = drawCommittee(beacon(n), ID, candidates, 3).map((c) => c.index);
    assert.equal(new Set(drawn).size, 3);
  }
  assert.equal(drawCommittee(beacon(0), ID, candidates, 9).length, 5);
  assert.deepEqual(drawCommittee(beacon(0), ID, [], 9), []);
});

test('who has no weight is never drawn', () => {
  for (let n = 0; n < 50; n++)
    assert.deepEqual(
      drawCommittee(beacon(n), ID, pool(0n, 1n, 0n), 3).map((c) => c.index),
      [1],
    );
});

test('the first draw is proportional to weight', () => {
  const counts = [0, 0, 0];
  for (let n = 0; n < 3000; n++) {
    const [first] = drawCommittee(beacon(n), ID, pool(1n, 2n, 7n), 1);
    counts[first?.index ?? 0] = (counts[first?.index ?? 0] as number) + 1;
  }
  // 300, 600, 2,100; standard deviations 16, 22, 25.
  assert.ok(Math.abs((counts[0] as number) - 300) < 80 && Math.abs((counts[1] as number) - 600) < 110, `${counts}`);
});

test('beacon, job and round each change the draw', () => {
  const candidates = pool(...Array.from({ length: 60 }, () => 1n));
  const draw = (b: Uint8Array, job: bigint, round: bigint): string =>
    drawCommittee(b, { job, round }, candidates, 10)
      .map((c) => c.index)
      .join();
  const all = [draw(beacon(1), 1n, 1n), draw(beacon(2), 1n, 1n), draw(beacon(1), 2n, 1n), draw(beacon(1), 1n, 2n)];
  assert.equal(new Set(all).size, 4);
});

test('weights beyond 64 bits are drawn exactly', () => {
  const drawn = drawCommittee(beacon(1), ID, pool(1n << 200n, 1n, 1n << 201n), 3);
  assert.equal(drawn.length, 3);
  assert.equal(drawn[2]?.index, 1);
});

test('a hash is a big-endian integer', () => {
  assert.equal(integerOf(Uint8Array.of(1, 0, 255)), 65_791n);
});
