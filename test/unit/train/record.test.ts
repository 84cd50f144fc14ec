// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex, utf8 } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import { leafHash, merkleRoot, verifyPath } from '../../../core/merkle.ts';
import { FormatError } from '../../../train/errors.ts';
import { pathOf, treeOf, treeOfLeaves } from '../../../train/merkle.ts';
import { decodeRecord, encodeRecord, type StepRecord } from '../../../train/record.ts';

const hash = (text: string): Uint8Array => sha256(utf8(text));
const record: StepRecord = {
  chainId: 'pogo-1',
  job: 1n,
  round: 2n,
  miner: new Uint8Array(20).fill(9),
  step: 10,
  codeRoot: hash('codes'),
  batchDigest: hash('batch'),
  loss: 123_456_789n,
  stateRoot: hash('state'),
};
const { stateRoot: _, ...between } = record;

test('a record decodes to what was encoded, with and without a state root', () => {
  assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  assert.deepEqual(decodeRecord(encodeRecord(between)), between);
  assert.equal(toHex(sha256(encodeRecord(record))), '0de8c6fb84d95cb9e91d61b1538f26a4438e7b70bcd1bd828dc8b6717ba0fc52');
});

test('no other bytes decode: truncated, extended, another format, another presence byte', () => {
  const bytes = encodeRecord(record);
  for (let length = 0; length < bytes.length; length++) assert.throws(() => decodeRecord(bytes.subarray(0, length)), FormatError);
  assert.throws(() => decodeRecord(Uint8Array.of(...bytes, 0)), FormatError);
  assert.throws(() => decodeRecord(Uint8Array.of(2, ...bytes.subarray(1))), FormatError);
  const presence = bytes.slice();
  presence[bytes.length - 33] = 2;
  assert.throws(() => decodeRecord(presence), FormatError);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const changed = bytes.slice();
      changed[at] = value;
      try {
        assert.deepEqual(encodeRecord(decodeRecord(changed)), changed);
      } catch (error) {
        assert.ok(error instanceof FormatError);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a record with a field out of range has no encoding', () => {
  for (const change of [
    { chainId: '' },
    { chainId: 'x'.repeat(65) },
    { miner: new Uint8Array(0) },
    { miner: new Uint8Array(33) },
    { codeRoot: new Uint8Array(31) },
    { step: 0 },
  ]) {
    assert.throws(() => encodeRecord({ ...record, ...change }), FormatError);
  }
});

test('flat trees have the roots and paths of RFC 6962 for every number of leaves', () => {
  for (let count = 0; count <= 40; count++) {
    const leaves = Array.from({ length: count }, (_, i) => Uint8Array.of(i, 7, 9));
    const bytes = Uint8Array.from(leaves.flatMap((leaf) => Array.from(leaf)));
    const tree = treeOfLeaves(bytes, 3);
    assert.deepEqual(tree.root, merkleRoot(leaves));
    assert.deepEqual(treeOf(leaves).root, tree.root);
    for (let i = 0; i < count; i++) assert.ok(verifyPath(tree.root, leaves[i] as Uint8Array, i, count, pathOf(tree, i)));
  }
  assert.deepEqual(treeOf([Uint8Array.of(1)]).root, leafHash(Uint8Array.of(1)));
});
