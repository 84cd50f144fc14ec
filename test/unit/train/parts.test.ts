// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { treeOfLeaves } from '../../../train/merkle.ts';
import { encodeModel4, encodeModel4Parts } from '../../../train/model4.ts';
import { equalParts, inParts, type Parts, treeOfParts, wholeOf } from '../../../train/parts.ts';

const UNIT = 12_288;
/** More than one part, and the last one short. */
const BYTES = Uint8Array.from({ length: 800 * UNIT }, (_, i) => (i * 2654435761) >>> 24);

/** The bytes behind an interface that shows them only in parts of whole units, each valid until the next. */
function lying(bytes: Uint8Array): Parts & { readonly reads: number[] } {
  const reads: number[] = [];
  let last = new Uint8Array(0);
  const subarray = (from: number, to: number): Uint8Array => {
    assert.ok(from % UNIT === 0 && to % UNIT === 0 && to <= bytes.length);
    last.fill(0);
    last = bytes.slice(from, to);
    reads.push(to - from);
    return last;
  };
  return { length: bytes.length, subarray, reads };
}

test('parts are whole units, in order, and together the whole', () => {
  const parts = lying(BYTES);
  let at = 0;
  for (const part of inParts(parts, UNIT)) {
    assert.deepEqual(part, BYTES.subarray(at, at + part.length));
    at += part.length;
  }
  assert.equal(at, BYTES.length);
  assert.ok(parts.reads.length > 1 && Math.max(...parts.reads) <= 4_194_304);
  assert.deepEqual(wholeOf(lying(BYTES), UNIT), BYTES);
});

test('a tree over parts is the tree over the whole', () => {
  const [inParts, whole] = [treeOfParts(lying(BYTES), UNIT), treeOfLeaves(BYTES, UNIT)];
  assert.deepEqual(inParts, whole);
  for (const leaves of [0, 1, 3]) {
    const few = BYTES.subarray(0, leaves * UNIT);
    assert.deepEqual(treeOfParts(lying(few), UNIT), treeOfLeaves(few, UNIT));
  }
});

test('one differing byte, in whatever part, makes two byte strings unequal', () => {
  assert.ok(equalParts(lying(BYTES), BYTES, UNIT));
  assert.ok(!equalParts(lying(BYTES), BYTES.subarray(0, BYTES.length - UNIT), UNIT));
  for (const at of [0, 4_194_304, BYTES.length - 1]) {
    const other = BYTES.slice();
    other[at] = (other[at] as number) ^ 1;
    assert.ok(!equalParts(lying(BYTES), lying(other), UNIT));
  }
});

test('a 4-bit form made of parts is that of the whole', () => {
  const theta = Float32Array.from({ length: 64 * 50 }, (_, i) => ((i * 37) % 101) - 50);
  const parts = [theta.subarray(0, 64), theta.subarray(64, 64 * 31), theta.subarray(64 * 31)];
  assert.deepEqual(encodeModel4Parts(parts, theta.length), encodeModel4(theta));
});
