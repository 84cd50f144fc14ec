// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../../core/hash.ts';
import { merkleRoot } from '../../../core/merkle.ts';
import { treeOfLeaves, useHashMany } from '../../../train/merkle.ts';
import { agrees, createHashMany, wasmHashMany } from '../../../train/wasm-hash.ts';
import { variants } from '../../../train/wasm-module.ts';
import { nativeHashMany } from '../../../train/wasm-native.ts';

const ways = [...variants().map((variant) => [variant, createHashMany(variant)] as const), ['native', nativeHashMany()] as const];

for (const [name, hashMany] of ways)
  test(`many messages hash to what SHA-256 makes of each (${name})`, { skip: hashMany === undefined }, () => {
    assert.ok(hashMany !== undefined && agrees(hashMany));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2100 }), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 255 }), (length, count, prefix) => {
        const messages = Uint8Array.from({ length: length * count }, (_, i) => Math.imul(i + length, 2654435761) >>> 24);
        const got = hashMany(prefix, messages, length);
        assert.equal(got.length, 32 * count);
        for (let i = 0; i < count; i++) {
          assert.deepEqual(got.subarray(32 * i, 32 * i + 32), sha256(Uint8Array.of(prefix, ...messages.subarray(i * length, (i + 1) * length))));
        }
      }),
      { numRuns: 60 },
    );
  });

test("more messages than fit into the kernel's memory are hashed in turns", () => {
  const hashMany = createHashMany('plain');
  const messages = Uint8Array.from({ length: 20_000 * 64 }, (_, i) => i >> 6);
  const got = hashMany(0, messages, 64);
  for (const i of [0, 8190, 8191, 8192, 8193, 19_999]) {
    assert.deepEqual(got.subarray(32 * i, 32 * i + 32), sha256(Uint8Array.of(0, ...messages.subarray(64 * i, 64 * i + 64))));
  }
});

test('trees over leaves keep their root when many leaves are hashed at once', () => {
  const hashMany = wasmHashMany();
  const leaves = Array.from({ length: 103 }, (_, i) => new Uint8Array(528).fill(i));
  const bytes = Uint8Array.from(leaves.flatMap((leaf) => [...leaf]));
  const before = treeOfLeaves(bytes, 528).root;
  useHashMany(hashMany);
  assert.deepEqual(treeOfLeaves(bytes, 528).root, before);
  assert.deepEqual(before, merkleRoot(leaves));
});
