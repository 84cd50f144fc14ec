// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameError, FrameReader, frame } from '../../../abci/frame.ts';
import { concatBytes, fromHex, toHex } from '../../../core/bytes.ts';

const readAll = (reader: FrameReader, chunks: readonly Uint8Array[]): string[] => chunks.flatMap((c) => [...reader.push(c)].map(toHex));

test('a length is plain LEB128, not zigzag', () => {
  assert.equal(toHex(frame(new Uint8Array(1))), '0100');
  assert.equal(toHex(frame(new Uint8Array(300)).subarray(0, 2)), 'ac02');
});

test('frames come out the same however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }), fc.array(fc.nat({ max: 90 }), { maxLength: 40 }), (payloads, cuts) => {
      const stream = concatBytes(...payloads.map(frame));
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(stream.subarray(at, at + cut));
        at += cut;
      }
      chunks.push(stream.subarray(at));
      const reader = new FrameReader(400);
      assert.deepEqual(readAll(reader, chunks), payloads.map(toHex));
      assert.equal(reader.atBoundary, true);
    }),
  );
});

test('every proper prefix of a frame is not yet a frame', () => {
  const whole = frame(new Uint8Array(200).fill(7));
  for (let n = 1; n < whole.length; n++) {
    const reader = new FrameReader(1000);
    assert.deepEqual(readAll(reader, [whole.subarray(0, n)]), []);
    assert.equal(reader.atBoundary, false);
  }
});

for (const [name, hex, rule] of [
  ['one byte over the limit', '8108', /1025 bytes, at most 1024/],
  ['4 GiB and more, where 32-bit shifts would wrap to a small number', '8180808010', /4294967297 bytes/],
  ['2^64 - 1', 'ffffffffffffffffff01', /18446744073709551615 bytes/],
  ['more than 64 bits', 'ffffffffffffffffff02', /more than 64 bits/],
  ['an eleventh byte', 'ffffffffffffffffffff01', /more than 64 bits/],
  ['a padded zero', '8000', /not the shortest/],
  ['a padded one', '818000', /not the shortest/],
] as const) {
  test(`refuses a length of ${name}`, () => {
    const reader = new FrameReader(1024);
    assert.throws(
      () => readAll(reader, [fromHex(hex)]),
      (error: unknown) => error instanceof FrameError && rule.test(error.message),
    );
  });
}

test('a frame of exactly the limit and an empty one are read', () => {
  const reader = new FrameReader(1024);
  assert.deepEqual(readAll(reader, [frame(new Uint8Array(1024)), frame(new Uint8Array(0))]), ['00'.repeat(1024), '']);
});
