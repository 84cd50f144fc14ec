// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { fromUtf8, toHex, utf8 } from '../../../core/bytes.ts';
import { CorruptStateError } from '../../../core/errors.ts';
import type { Change } from '../../../core/store.ts';
import { openDiskStore } from '../../../store/disk.ts';
import { storeError } from '../../../store/errors.ts';
import { memoryStore } from '../../../store/memory.ts';
import { FORMAT_KEY, LAST_KEY, nodeKey, orphansKey, rootsKey } from '../../../store/records.ts';

const stores = ['bank', 'acc', 'pogo'];

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pogo store '));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'state');
}

function change(store: string, key: string, value: string | undefined): Change {
  return { store, key: utf8(key), value: value === undefined ? undefined : utf8(value) };
}

/** The changes of one height: sets with a varying value, and a delete of what the height before set. */
function block(height: number): Change[] {
  const changes: Change[] = [];
  for (const store of ['acc', 'bank']) {
    for (let i = 0; i < 10; i++)
      changes.push(change(store, `k${String((height * 7 + i * 13) % 60).padStart(3, '0')}`, i % 4 === 3 ? undefined : `${height}/${i}`));
  }
  const seen = new Map(changes.map((c) => [`${c.store}/${toHex(c.key)}`, c]));
  return [...seen.keys()].sort((a, b) => (a < b ? -1 : 1)).map((id) => seen.get(id) as Change);
}

async function level(dir: string, use: (db: ClassicLevel<Uint8Array, Uint8Array>) => Promise<unknown>): Promise<void> {
  const db = new ClassicLevel<Uint8Array, Uint8Array>(dir, { keyEncoding: 'view', valueEncoding: 'view' });
  await db.open();
  await use(db);
  await db.close();
}

/** Commits `heights` blocks into a new folder and closes it. */
async function filled(dir: string, heights: number, keep = 0): Promise<void> {
  const store = await openDiskStore({ dir, stores, keep });
  for (let h = 1; h <= heights; h++) {
    store.stage(BigInt(h), block(h));
    await store.commit();
  }
  await store.close();
}

test('tells height 0 and an empty hash before the first commit, also after a restart', async (t) => {
  const dir = await folder(t);
  for (let i = 0; i < 2; i++) {
    const store = await openDiskStore({ dir, stores });
    assert.deepEqual(store.last(), { height: 0n, appHash: new Uint8Array(0) });
    assert.equal(store.at(0n), undefined);
    assert.deepEqual([...store.latest().store('bank').iterate()], []);
    await store.close();
  }
});

test('gives the hashes of the memory store, over restarts at every height and with a cache that holds nothing', async (t) => {
  const dir = await folder(t);
  const twin = memoryStore({ stores, keep: 0 });
  for (let h = 1; h <= 30; h++) {
    const store = await openDiskStore({ dir, stores, keep: 5, cacheBytes: 0 });
    assert.deepEqual(store.last(), twin.last());
    const expected = twin.stage(BigInt(h), block(h));
    assert.deepEqual(store.stage(BigInt(h), block(h)), expected);
    assert.deepEqual(await store.commit(), await twin.commit());
    for (const name of stores) assert.deepEqual([...store.latest().store(name).iterate()], [...twin.latest().store(name).iterate()]);
    await store.close();
  }
});

test('reads and proves kept heights as they were, and no other', async (t) => {
  const dir = await folder(t);
  const twin = memoryStore({ stores, keep: 0 });
  const store = await openDiskStore({ dir, stores, keep: 8, cacheBytes: 0 });
  for (let h = 1; h <= 20; h++) {
    for (const each of [twin, store]) {
      each.stage(BigInt(h), block(h));
      await each.commit();
    }
  }
  for (let h = 1n; h <= 22n; h++) {
    const view = store.at(h);
    assert.equal(view !== undefined, h >= 13n && h <= 20n, `height ${h}`);
    if (view === undefined) continue;
    const expected = twin.at(h);
    for (const name of stores) assert.deepEqual([...view.store(name).iterate()], [...(expected?.store(name).iterate() ?? [])]);
    assert.deepEqual(store.prove(h, 'bank', utf8('k007')), twin.prove(h, 'bank', utf8('k007')));
  }
  assert.equal(store.prove(12n, 'bank', utf8('k007')), undefined);
  await store.close();
});

test('keeps on disk exactly the nodes that the kept versions reach', async (t) => {
  const dir = await folder(t);
  await filled(dir, 40, 3);
  const reachable = new Set<string>();
  await level(dir, async (db) => {
    const { decodeNode, decodeRoots } = await import('../../../store/records.ts');
    const visit = (store: number, version: number, nonce: number): void => {
      const key = nodeKey(store, version, nonce);
      const id = toHex(key);
      if (version === 0 || reachable.has(id)) return;
      reachable.add(id);
      const node = decodeNode('node', key, db.getSync(key) ?? new Uint8Array(0), { version, nonce }, 0);
      visit(store, node.leftVersion, node.leftNonce);
      visit(store, node.rightVersion, node.rightNonce);
    };
    for (let h = 38n; h <= 40n; h++) {
      const { roots } = decodeRoots('roots', rootsKey(h), db.getSync(rootsKey(h)) ?? new Uint8Array(0));
      roots.forEach((root, i) => {
        visit(i, root.version, root.nonce);
      });
    }
    const kept = await db.keys({ gte: nodeKey(0, 0, 0), lt: orphansKey(0n) }).all();
    assert.deepEqual(kept.map(toHex), [...reachable].sort());
    assert.deepEqual(
      (await db.keys({ gte: orphansKey(0n), lt: rootsKey(0n) }).all()).map(toHex),
      [39n, 40n].map((h) => toHex(orphansKey(h))),
    );
  });
});

test('a view held until its height is pruned says so, and does not call the store corrupt', async (t) => {
  const dir = await folder(t);
  await filled(dir, 6);
  const store = await openDiskStore({ dir, stores, keep: 2, cacheBytes: 0 });
  const held = [store.latest(), store.at(5n)];
  for (let h = 7; h <= 20; h++) {
    store.stage(BigInt(h), block(h));
    await store.commit();
  }
  held.forEach((view, i) => {
    assert.throws(() => [...(view?.store('bank').iterate() ?? [])], { name: 'Error', message: `store: height ${6 - i} is no longer kept` });
  });
  await store.close();
});

test('works off a shortened history in small steps', async (t) => {
  const dir = await folder(t);
  await filled(dir, 20, 0);
  const store = await openDiskStore({ dir, stores, keep: 4 });
  const firsts: bigint[] = [];
  for (let h = 21; h <= 36; h++) {
    store.stage(BigInt(h), block(h));
    await store.commit();
    let first = 1n;
    while (store.at(first) === undefined) first++;
    firsts.push(first);
  }
  assert.deepEqual(firsts.slice(0, 4), [3n, 5n, 7n, 9n]);
  assert.equal(firsts.at(-1), 33n);
  await store.close();
});

test('a staged version changes nothing until commit, and may be staged again', async (t) => {
  const dir = await folder(t);
  await filled(dir, 3);
  const store = await openDiskStore({ dir, stores, keep: 0 });
  const before = [...store.latest().store('bank').iterate()];
  const first = store.stage(4n, [change('bank', 'other', '1')]);
  store.discard();
  await assert.rejects(store.commit(), CorruptStateError);
  const hash = store.stage(4n, block(4));
  assert.deepEqual(store.stage(4n, block(4)), hash);
  assert.notDeepEqual(hash, first);
  assert.equal(store.last().height, 3n);
  assert.deepEqual([...store.latest().store('bank').iterate()], before);
  await store.close();
  const again = await openDiskStore({ dir, stores, keep: 0 });
  assert.equal(again.last().height, 3n);
  assert.deepEqual(again.stage(4n, block(4)), hash);
  await again.close();
});

test('refuses to stage or commit while a commit is being written', async (t) => {
  const store = await openDiskStore({ dir: await folder(t), stores });
  store.stage(1n, block(1));
  const writing = store.commit();
  assert.throws(() => store.stage(2n, block(2)), /still being written/);
  await writing;
  store.stage(2n, block(2));
  await store.commit();
  await store.close();
});

test('refuses a second process on the folder and says so', async (t) => {
  const dir = await folder(t);
  const store = await openDiskStore({ dir, stores });
  await assert.rejects(openDiskStore({ dir, stores }), /another process has it open; stop that one first/);
  await store.close();
  await (await openDiskStore({ dir, stores })).close();
});

test('refuses another format and other stores, naming both', async (t) => {
  const dir = await folder(t);
  await filled(dir, 1);
  await assert.rejects(openDiskStore({ dir, stores: ['acc', 'bank'] }), /holds the stores acc,bank,pogo, this program wants acc,bank$/);
  await level(dir, (db) => db.put(FORMAT_KEY, utf8('pogo-store/9 acc,bank,pogo')));
  await assert.rejects(
    openDiskStore({ dir, stores }),
    /its format is "pogo-store\/9", this program reads "pogo-store\/1"; start the program that wrote it/,
  );
});

/** Damages a closed folder of 6 heights and expects opening, then reading everything, to name what is corrupt. */
async function expectCorrupt(t: TestContext, expected: RegExp, harm: (dir: string) => Promise<void>): Promise<void> {
  const dir = await folder(t);
  await filled(dir, 6);
  await harm(dir);
  await assert.rejects(
    async () => {
      const store = await openDiskStore({ dir, stores, keep: 0 });
      try {
        for (const name of stores) for (const _ of store.latest().store(name).iterate());
      } finally {
        await store.close();
      }
    },
    (error: unknown) => {
      assert.ok(error instanceof CorruptStateError, String(error));
      assert.match(error.message, expected);
      assert.match(error.message, /restore it from a backup or delete it/);
      assert.ok(error.message.startsWith(`store ${dir}: `) && !error.message.includes(`${dir}: store`), error.message);
      return true;
    },
  );
}

/** Changes the record under `key`. */
function flip(key: Uint8Array, at: number): (dir: string) => Promise<void> {
  return (dir) =>
    level(dir, async (db) => {
      const bytes = Buffer.from(db.getSync(key) ?? []);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await db.put(key, bytes);
    });
}

test('names a missing node', (t) => expectCorrupt(t, /node 6\/1 of store "acc" is missing/, (dir) => level(dir, (db) => db.del(nodeKey(0, 6, 1)))));
test('names a damaged node', (t) => expectCorrupt(t, /node 6\/2 of store "bank" is damaged: its checksum does not fit/, flip(nodeKey(1, 6, 2), 20)));
test('names a node that stands in the place of another', (t) =>
  expectCorrupt(t, /node 6\/1 of store "acc" is damaged/, (dir) =>
    level(dir, (db) => db.put(nodeKey(0, 6, 1), db.getSync(nodeKey(0, 6, 2)) ?? new Uint8Array(0))),
  ));
test('names damaged roots', (t) => expectCorrupt(t, /the roots of height 6 is damaged/, flip(rootsKey(6n), 10)));
test('names a gap in the heights', (t) => expectCorrupt(t, /the roots of height 4 are missing/, (dir) => level(dir, (db) => db.del(rootsKey(4n)))));
test('names a damaged last commit', (t) => expectCorrupt(t, /the record of the last commit is damaged/, flip(LAST_KEY, 11)));
test('names a missing last commit', (t) =>
  expectCorrupt(t, /the roots of height 0 are missing or not the last/, (dir) => level(dir, (db) => db.del(LAST_KEY))));
test('names a missing format line', (t) => expectCorrupt(t, /its format line is missing/, (dir) => level(dir, (db) => db.del(FORMAT_KEY))));
test('does not take a folder that lost its CURRENT file for a new one', (t) =>
  expectCorrupt(t, /CURRENT is missing/, (dir) => rm(join(dir, 'CURRENT'))));
test('names a damaged LevelDB file', (t) =>
  expectCorrupt(t, /opening failed: /, async (dir) => {
    const manifest = (await readdir(dir)).find((file) => file.startsWith('MANIFEST')) ?? '';
    await writeFile(
      join(dir, manifest),
      (await readFile(join(dir, manifest))).map((byte) => byte ^ 0x55),
    );
  }));

test('a commit after a missing list of replaced nodes stops the store with its name', async (t) => {
  const dir = await folder(t);
  await filled(dir, 6);
  await level(dir, (db) => db.del(orphansKey(2n)));
  const store = await openDiskStore({ dir, stores, keep: 2 });
  store.stage(7n, block(7));
  await assert.rejects(store.commit(), /the list of replaced nodes of height 2 is missing/);
  assert.throws(() => store.stage(7n, block(7)), CorruptStateError);
  await store.close();
});

test('says that the disk is full, and what state the folder is in', () => {
  const cause = Object.assign(new Error('IO error: /x/000007.log: No space left on device'), { code: 'LEVEL_IO_ERROR' });
  const error = storeError('/x', 'commit of height 9', cause);
  assert.ok(!(error instanceof CorruptStateError));
  assert.match(error.message, /the disk is full, commit of height 9 did not happen and the folder is as after the commit before/);
});

test('values read back are those written', async (t) => {
  const dir = await folder(t);
  const store = await openDiskStore({ dir, stores, cacheBytes: 0 });
  const value = utf8('first');
  store.stage(1n, [{ store: 'bank', key: utf8('k'), value }, change('bank', 'l', '')]);
  value.fill(0);
  await store.commit();
  assert.equal(fromUtf8(store.latest().store('bank').get(utf8('k')) ?? new Uint8Array(0)), 'first');
  assert.deepEqual(store.latest().store('bank').get(utf8('l')), new Uint8Array(0));
  assert.equal(store.latest().store('bank').has(utf8('m')), false);
  await store.close();
});
