// SPDX-License-Identifier: Apache-2.0
// The store under kill -9, a torn log and a full disk.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toHex } from '../../core/bytes.ts';
import type { StateStore } from '../../core/store.ts';
import { openDiskStore } from '../../store/disk.ts';
import { memoryStore } from '../../store/memory.ts';
import { blockOf, keep, stores } from './store-blocks.ts';

const child = fileURLToPath(new URL('./store-child.ts', import.meta.url));

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pogo store faults '));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'state');
}

/** A store that was never disturbed. */
class Twin {
  readonly store: StateStore = memoryStore({ stores, keep: 0 });
  readonly #hashes: string[] = [''];

  /** Its application hash of a height. */
  async to(height: bigint): Promise<string> {
    for (let next = this.store.last().height + 1n; next <= height; next++) {
      this.store.stage(next, blockOf(next));
      this.#hashes.push(toHex((await this.store.commit()).appHash));
    }
    return this.#hashes[Number(height)] ?? '';
  }
}

/** Opens the folder, holds it against the twin at the height it tells, commits two more blocks when asked, and closes. */
async function expectWhole(dir: string, twin: Twin, onward = 0n): Promise<bigint> {
  const store = await openDiskStore({ dir, stores, keep });
  const { height, appHash } = store.last();
  if (height > 0n) {
    assert.equal(toHex(appHash), await twin.to(height), `application hash of height ${height}`);
    for (const name of stores) assert.deepEqual([...store.latest().store(name).iterate()], [...(twin.store.at(height)?.store(name).iterate() ?? [])]);
    const oldest = height > 10n ? height - 9n : 1n;
    for (const name of stores)
      assert.deepEqual([...(store.at(oldest)?.store(name).iterate() ?? [])], [...(twin.store.at(oldest)?.store(name).iterate() ?? [])]);
  }
  for (let next = height + 1n; next <= height + onward; next++) {
    const hash = toHex(store.stage(next, blockOf(next)));
    await store.commit();
    assert.equal(hash, await twin.to(next), `application hash of height ${next}, computed after the fault`);
  }
  await store.close();
  return height;
}

interface Seen {
  opened: bigint;
  staged: bigint;
  committed: bigint;
}

/** Runs the committing child until `when` says so, kills it, and tells what it had said. */
async function runAndKill(dir: string, when: (line: string, kill: () => void) => void): Promise<Seen> {
  const running: ChildProcess = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen: Seen = { opened: 0n, staged: 0n, committed: 0n };
  const gone = new Promise((resolve) => running.once('close', resolve));
  const kill = (): void => {
    running.kill('SIGKILL');
  };
  if (running.stdout === null) throw new Error('the child has no output');
  for await (const line of createInterface({ input: running.stdout })) {
    const [word = '', height = '0'] = line.split(' ');
    assert.ok(word === 'opened' || word === 'staged' || word === 'committed', line);
    seen[word] = BigInt(height);
    when(line, kill);
  }
  await gone;
  return seen;
}

test('killed at any point of a commit, the store tells the last whole one and goes on as if nothing had happened', async (t) => {
  const dir = await folder(t);
  const twin = new Twin();
  const outcomes = new Set<string>();
  for (let round = 0; round < 16; round++) {
    // Odd rounds kill as soon as a version is staged (before or within the write), even ones after a random while.
    let left = 3 + Math.floor(Math.random() * 12);
    const seen = await runAndKill(dir, (line, kill) => {
      if (!line.startsWith(round % 2 === 1 ? 'staged' : 'committed')) return;
      left--;
      if (left > 0) return;
      if (round % 2 === 1) kill();
      else setTimeout(kill, Math.random() * 4);
    });
    const height = await expectWhole(dir, twin, BigInt(round % 3));
    assert.ok(height >= seen.committed, `commit ${seen.committed} was reported and ${height} is on disk`);
    assert.ok(height <= seen.staged, `${height} is on disk and only ${seen.staged} was staged`);
    outcomes.add(height === seen.committed ? 'before the write' : 'after the write');
  }
  t.diagnostic(`kills fell ${[...outcomes].join(' and ')}`);
});

test('a log torn at any byte gives an earlier whole commit, never a mixture', async (t) => {
  const dir = await folder(t);
  const made = spawnSync(process.execPath, [child, dir, '25'], { encoding: 'utf8' });
  assert.match(made.stdout, /committed 25 /);
  const twin = new Twin();
  const log = (await readdir(dir)).find((file) => /^\d+\.log$/.test(file)) ?? '';
  const { size } = await stat(join(dir, log));
  const heights = new Set<bigint>();
  for (let n = 0; n < 20; n++) {
    const torn = `${dir} torn ${n}`;
    await cp(dir, torn, { recursive: true });
    await truncate(join(torn, log), Math.floor((size * n) / 20) + n);
    heights.add(await expectWhole(torn, twin, 2n));
  }
  assert.ok(heights.size > 5, `only ${heights.size} different heights were reached`);
  assert.equal(await expectWhole(dir, twin), 25n);
});

test('a full disk is named, and nothing is lost but the commit that did not fit', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'pogo store full '));
  t.after(() => rm(dir, { recursive: true, force: true }));
  // A small file system of its own, in a name space that ends with the shell; what the disk held is copied out of it.
  const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && { "$2" "$3" "$1/state"; cp -r "$1/state" "$4"; }';
  const out = `${dir} out`;
  t.after(() => rm(out, { recursive: true, force: true }));
  const probe = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', dir]);
  if (probe.status !== 0) return t.skip('needs unshare and a tmpfs mount in a user name space');
  const ran = spawnSync('unshare', ['-rm', 'sh', '-c', script, 'sh', dir, process.execPath, child, out], { encoding: 'utf8' });
  const lines = ran.stdout.trimEnd().split('\n');
  const failed = lines.at(-1) ?? '';
  assert.match(failed, /^failed store .*: the disk is full, commit of height \d+ did not happen and the folder is as after the commit before/);
  const committed = BigInt(
    lines
      .filter((line) => line.startsWith('committed'))
      .at(-1)
      ?.split(' ')[1] ?? '0',
  );
  assert.equal(await expectWhole(out, new Twin(), 3n), committed);
});
