// SPDX-License-Identifier: Apache-2.0
// What staging refuses, in a store in memory; the disk store shares the code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../../../core/bytes.ts';
import type { Change } from '../../../core/store.ts';
import { openDiskStore } from '../../../store/disk.ts';
import { memoryStore } from '../../../store/memory.ts';

function set(store: string, key: string): Change {
  return { store, key: utf8(key), value: utf8('v') };
}

test('refuses changes that are not sorted with one per key', () => {
  const store = memoryStore({ stores: ['acc', 'bank'] });
  assert.throws(() => store.stage(1n, [set('acc', 'b'), set('acc', 'a')]), /store acc: changes are not sorted/);
  assert.throws(() => store.stage(1n, [set('acc', 'a'), set('acc', 'a')]), /store acc: changes are not sorted/);
  assert.throws(() => store.stage(1n, [set('bank', 'a'), set('acc', 'b')]), /store acc: changes are not sorted/);
  store.stage(1n, [set('acc', 'b'), set('bank', 'a')]);
});

test('refuses keys of no or too many bytes, and unknown stores, by name', () => {
  const store = memoryStore({ stores: ['acc', 'bank'] });
  assert.throws(() => store.stage(1n, [set('acc', '')]), /store acc: key of 0 bytes; 1 to 1024 are allowed/);
  assert.throws(() => store.stage(1n, [set('acc', 'x'.repeat(1025))]), /key of 1025 bytes/);
  assert.throws(() => store.stage(1n, [set('mint', 'a')]), /change of "mint", which is not one of acc, bank/);
  assert.throws(() => store.latest().store('mint'), /there is no store "mint"; there are acc, bank/);
  store.stage(1n, [set('acc', 'x'.repeat(1024))]);
});

test('a refused stage leaves nothing to commit', async () => {
  const store = memoryStore({ stores: ['acc'] });
  store.stage(1n, [set('acc', 'a')]);
  assert.throws(() => store.stage(1n, [set('acc', '')]));
  await assert.rejects(store.commit(), /commit without a staged version/);
});

test('heights follow each other, from any first one', async () => {
  const store = memoryStore({ stores: ['acc'] });
  assert.throws(() => store.stage(0n, []), /height 0 does not follow 0/);
  store.stage(41n, []);
  await store.commit();
  assert.throws(() => store.stage(41n, []), /height 41 does not follow 41/);
  assert.throws(() => store.stage(43n, []), /height 43 does not follow 41/);
  const far = memoryStore({ stores: ['acc'] });
  assert.throws(() => far.stage(2n ** 53n, []), /above 2\^53 - 1/);
});

test('store names and the number of kept versions are checked when a store is made', async () => {
  assert.throws(() => memoryStore({ stores: [] }), /at least one store name/);
  assert.throws(() => memoryStore({ stores: ['a', 'a'] }), /"a" is given twice/);
  assert.throws(() => memoryStore({ stores: ['A,b'] }), /name "A,b" is not 1 to 64 of/);
  assert.throws(() => memoryStore({ stores: ['a'], keep: 1 }), /keep 1 is neither 0/);
  await assert.rejects(openDiskStore({ dir: '/nonexistent/x', stores: ['a'], keep: -1 }), /keep -1 is neither 0/);
});

test('a memory store forgets versions beyond those kept', async () => {
  const store = memoryStore({ stores: ['acc'], keep: 2 });
  for (let h = 1n; h <= 4n; h++) {
    store.stage(h, [set('acc', String(h))]);
    await store.commit();
  }
  assert.deepEqual(
    [1n, 2n, 3n, 4n, 5n].map((h) => store.at(h) !== undefined),
    [false, false, true, true, false],
  );
});
