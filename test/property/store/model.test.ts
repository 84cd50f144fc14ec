// SPDX-License-Identifier: Apache-2.0
// Both stores against a plain Map: contents, ranges, history, proofs and hashes for any sequence of blocks.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareBytes, fromHex, toHex, utf8 } from '../../../core/bytes.ts';
import type { Change, Entry, MultiReadStore, Range, StateStore } from '../../../core/store.ts';
import { openDiskStore } from '../../../store/disk.ts';
import { memoryStore } from '../../../store/memory.ts';
import type { TreeNode } from '../../../store/node.ts';
import { beginWork, seal, treeRemove, treeSet } from '../../../store/tree.ts';
import { verifyProof } from '../../../store/verify.ts';

const stores = ['acc', 'bank'];
type Model = ReadonlyMap<string, Uint8Array>; // "store/hexkey" -> value

const byte = fc.constantFrom(0, 1, 2, 127, 128, 254, 255);
const key = fc.array(byte, { minLength: 1, maxLength: 3 }).map((bytes) => new Uint8Array(bytes));
const value = fc.oneof({ weight: 3, arbitrary: fc.uint8Array({ minLength: 0, maxLength: 5 }) }, { weight: 2, arbitrary: fc.constant(undefined) });
const change: fc.Arbitrary<Change> = fc.record({ store: fc.constantFrom(...stores), key, value });
const idOf = (c: Change): string => `${c.store}/${toHex(c.key)}`;
const block = fc
  .uniqueArray(change, { selector: idOf, maxLength: 25 })
  .map((changes) => changes.sort((a, b) => (a.store === b.store ? compareBytes(a.key, b.key) : a.store < b.store ? -1 : 1)));
const step = fc.record({ changes: block, discarded: fc.option(block, { nil: undefined }), reopen: fc.boolean() });
const bound = fc.option(key, { nil: undefined });
const range: fc.Arbitrary<Range> = fc
  .record({ start: bound, end: bound, reverse: fc.boolean() })
  .map(({ start, end, reverse }) => ({ ...(start && { start }), ...(end && { end }), reverse }));

function applied(model: Model, changes: readonly Change[]): Model {
  const next = new Map(model);
  for (const c of changes) {
    if (c.value === undefined) next.delete(idOf(c));
    else next.set(idOf(c), c.value);
  }
  return next;
}

function expected(model: Model, store: string, { start, end, reverse }: Range): Entry[] {
  const all: Entry[] = [...model].filter(([id]) => id.startsWith(`${store}/`)).map(([id, v]) => [fromHex(id.slice(store.length + 1)), v]);
  const inside = all.filter(([k]) => (start === undefined || compareBytes(k, start) >= 0) && (end === undefined || compareBytes(k, end) < 0));
  return inside.sort(([a], [b]) => (reverse === true ? compareBytes(b, a) : compareBytes(a, b)));
}

function checkView(view: MultiReadStore | undefined, model: Model, ranges: readonly Range[]): void {
  assert.ok(view);
  for (const store of stores) {
    for (const r of [{}, { reverse: true }, ...ranges]) assert.deepEqual([...view.store(store).iterate(r)], expected(model, store, r));
    for (const [id, v] of model) if (id.startsWith(`${store}/`)) assert.deepEqual(view.store(store).get(fromHex(id.slice(store.length + 1))), v);
  }
}

function checkProofs(store: StateStore, height: bigint, appHash: Uint8Array, model: Model, keys: readonly Uint8Array[]): void {
  for (const name of stores) {
    const empty = expected(model, name, {}).length === 0;
    for (const k of [...keys, ...expected(model, name, {}).map(([present]) => present)]) {
      const v = model.get(`${name}/${toHex(k)}`);
      const ops = store.prove(height, name, k);
      assert.equal(ops === undefined, empty);
      if (ops === undefined || v?.length === 0) continue;
      verifyProof({ appHash, store: name, key: k, value: v }, ops);
      const wrong = v === undefined ? utf8('x') : undefined;
      assert.throws(() => verifyProof({ appHash, store: name, key: k, value: wrong }, ops), /^Error: proof: /);
    }
  }
}

const params = [fc.array(step, { maxLength: 12 }), fc.array(range, { maxLength: 4 }), fc.array(key, { maxLength: 4 })] as const;

test('a memory store reads, remembers and proves like a Map', async () => {
  await fc.assert(
    fc.asyncProperty(...params, async (steps, ranges, keys) => {
      const store = memoryStore({ stores, keep: 0 });
      const models: Model[] = [new Map()];
      const hashes: Uint8Array[] = [];
      for (const [i, { changes, discarded }] of steps.entries()) {
        const height = BigInt(i + 1);
        if (discarded !== undefined) {
          store.stage(height, discarded);
          store.discard();
        }
        const hash = store.stage(height, changes);
        assert.deepEqual(store.stage(height, changes), hash, 'staged twice');
        checkView(store.latest(), models[i] ?? new Map(), []);
        assert.deepEqual(await store.commit(), { height, appHash: hash });
        models.push(applied(models[i] ?? new Map(), changes));
        hashes.push(hash);
      }
      for (const [i, hash] of hashes.entries()) {
        checkView(store.at(BigInt(i + 1)), models[i + 1] ?? new Map(), ranges);
        checkProofs(store, BigInt(i + 1), hash, models[i + 1] ?? new Map(), keys);
      }
    }),
    { numRuns: 60 },
  );
});

test('a disk store that is reopened, trimmed and pruned stays equal to its memory twin', async () => {
  const root = await mkdtemp(join(tmpdir(), 'pogo store model '));
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(...params, fc.constantFrom(0, 2, 3), async (steps, ranges, keys, keep) => {
        const options = { dir: join(root, String(run++)), stores, keep, cacheBytes: 3000 };
        const twin = memoryStore({ stores, keep });
        let disk = await openDiskStore(options);
        let model: Model = new Map();
        for (const [i, { changes, discarded, reopen }] of steps.entries()) {
          const height = BigInt(i + 1);
          if (discarded !== undefined) disk.stage(height, discarded);
          assert.deepEqual(disk.stage(height, changes), twin.stage(height, changes));
          assert.deepEqual(await disk.commit(), await twin.commit());
          model = applied(model, changes);
          if (reopen) {
            await disk.close();
            disk = await openDiskStore(options);
          }
        }
        checkView(disk.latest(), model, ranges);
        for (let h = 1n; h <= BigInt(steps.length); h++) {
          assert.equal(disk.at(h) === undefined, twin.at(h) === undefined, `height ${h}`);
          for (const k of keys) for (const name of stores) assert.deepEqual(disk.prove(h, name, k), twin.prove(h, name, k));
        }
        await disk.close();
      }),
      { numRuns: 25 },
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

function without<T>(set: Set<T>, other: Set<T>): Set<T> {
  return new Set([...set].filter((item) => !other.has(item)));
}

/** Checks balance, sizes, order and inner keys; returns the least key. */
function checkShape(node: TreeNode): Uint8Array {
  if (node.height === 0) return node.key;
  assert.ok(node.left && node.right);
  assert.ok(Math.abs(node.left.height - node.right.height) <= 1, 'balanced');
  assert.equal(node.height, Math.max(node.left.height, node.right.height) + 1);
  assert.equal(node.size, node.left.size + node.right.size);
  assert.deepEqual(checkShape(node.right), node.key, 'an inner key is the least key on its right');
  return checkShape(node.left);
}

test('a tree stays balanced and ordered under any operations, and its orphans are what it lost', () => {
  const source = {
    clock: 0,
    load(): TreeNode {
      throw new Error('nothing is on disk');
    },
  };
  const collect = (node: TreeNode | undefined, out: Set<TreeNode>): Set<TreeNode> => {
    if (node === undefined) return out;
    out.add(node);
    collect(node.left, out);
    return collect(node.right, out);
  };
  fc.assert(
    fc.property(fc.array(fc.array(fc.tuple(key, fc.boolean()), { maxLength: 40 }), { maxLength: 6 }), (blocks) => {
      let root: TreeNode | undefined;
      blocks.forEach((ops, i) => {
        const before = collect(root, new Set());
        const work = beginWork(source, i + 1, root);
        for (const [k, keep] of ops) {
          if (keep) treeSet(work, k, k);
          else treeRemove(work, k);
        }
        seal(work);
        root = work.root;
        if (root !== undefined) checkShape(root);
        const after = collect(root, new Set());
        assert.deepEqual(new Set(work.orphans), without(before, after), 'orphans');
        assert.equal(new Set(work.orphans).size, work.orphans.length, 'an orphan is named once');
        assert.deepEqual(new Set(work.created), without(after, before), 'created');
      });
    }),
    { numRuns: 100 },
  );
});
