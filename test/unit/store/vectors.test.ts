// SPDX-License-Identifier: Apache-2.0
// Roots, application hashes and proofs equal to those of cosmos/iavl and the SDK's root multistore
// (vectors by test/vectors/store/gen).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromHex, toHex, utf8 } from '../../../core/bytes.ts';
import type { Change } from '../../../core/store.ts';
import { memoryStore } from '../../../store/memory.ts';
import type { NodeSource } from '../../../store/node.ts';
import { beginWork, seal, treeRemove, treeSet } from '../../../store/tree.ts';
import { verifyProof } from '../../../store/verify.ts';

interface Scenario {
  name: string;
  initial: number;
  versions: { ops: string[]; hash: string; size: number }[];
}
interface Long {
  seed: number;
  keys: number;
  blocks: number;
  ops: number;
  every: number;
  hashes: string[];
}
interface Case {
  names: string[];
  blocks: { changes: Record<string, string[]>; roots: Record<string, string>; appHash: string }[];
  proofs: { height: number; store: string; key: string; value: string; exists: boolean; ops: { type: string; key: string; data: string }[] }[];
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/store/${name}`, import.meta.url), 'utf8')) as T;
}

const trees = read<{ scenarios: Scenario[]; long: Long }>('tree.json');
const multi = read<{ cases: Case[] }>('multistore.json');

const unreachable: NodeSource = {
  clock: 0,
  load() {
    throw new Error('nothing is on disk');
  },
};

function parse(op: string): { key: Uint8Array; value: Uint8Array | undefined } {
  const [key = '', value = ''] = op.slice(1).split(' ');
  return { key: fromHex(key), value: op[0] === '-' ? undefined : fromHex(value) };
}

for (const scenario of trees.scenarios) {
  test(`equals iavl's roots: ${scenario.name}`, () => {
    let work = beginWork(unreachable, 0, undefined);
    scenario.versions.forEach((version, i) => {
      const number = (scenario.initial === 0 ? 1 : scenario.initial) + i;
      work = beginWork(unreachable, number, work.root);
      for (const op of version.ops) {
        const { key, value } = parse(op);
        if (value === undefined) treeRemove(work, key);
        else treeSet(work, key, value);
      }
      assert.equal(toHex(seal(work)), version.hash, `version ${number}`);
      assert.equal(work.root?.size ?? 0, version.size);
    });
  });
}

test('equals iavl over a long run of sets and deletes', () => {
  const { seed, keys, blocks, ops, every, hashes } = trees.long;
  let x = seed;
  const next = (): number => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x >>> 8;
  };
  const got: string[] = [];
  let work = beginWork(unreachable, 0, undefined);
  for (let block = 1; block <= blocks; block++) {
    work = beginWork(unreachable, block, work.root);
    for (let i = 0; i < ops; i++) {
      const key = utf8(`k${String(next() % keys).padStart(6, '0')}`);
      if (next() % 4 === 0) treeRemove(work, key);
      else treeSet(work, key, utf8(String(next())));
    }
    const hash = toHex(seal(work));
    if (block % every === 0) got.push(hash);
  }
  assert.deepEqual(got, hashes);
});

for (const { names, blocks, proofs } of multi.cases) {
  test(`equals the SDK's application hash and proofs over ${names.length} stores`, async () => {
    const store = memoryStore({ stores: names, keep: 0 });
    for (const [i, block] of blocks.entries()) {
      const changes: Change[] = store.latest().names.flatMap((name) => (block.changes[name] ?? []).map((op) => ({ store: name, ...parse(op) })));
      assert.equal(toHex(store.stage(BigInt(i + 1), changes)), block.appHash, `height ${i + 1}`);
      await store.commit();
    }
    for (const { height, store: name, key, value, exists, ops } of proofs) {
      const proof = store.prove(BigInt(height), name, fromHex(key)) ?? [];
      assert.deepEqual(
        proof.map((op) => ({ type: op.type, key: toHex(op.key), data: toHex(op.data) })),
        ops,
        `${name}/${key}`,
      );
      const appHash = fromHex(blocks[height - 1]?.appHash ?? '');
      verifyProof({ appHash, store: name, key: fromHex(key), value: exists ? fromHex(value) : undefined }, proof);
    }
  });
}
