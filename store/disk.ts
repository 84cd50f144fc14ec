// SPDX-License-Identifier: Apache-2.0
// The durable store: tree nodes in LevelDB, loaded when visited; one atomic synced batch per commit that holds the new
// nodes, the roots, the height and the application hash, and removes the versions that are no longer kept.
import type { ClassicLevel } from 'classic-level';
import { equalBytes } from '../core/bytes.ts';
import { CorruptStateError } from '../core/errors.ts';
import type { Change, CommitInfo, MultiReadStore, ProofOp, StateStore } from '../core/store.ts';
import { appHashOf } from './apphash.ts';
import { trim, weightOf } from './cache.ts';
import { corrupt, storeError } from './errors.ts';
import { EMPTY_TREE_HASH, type NodeSource } from './node.ts';
import { type Opened, openLevel } from './open.ts';
import { proveKey } from './proof.ts';
import {
  decodeNode,
  decodeOrphans,
  decodeRoots,
  encodeLast,
  encodeNode,
  encodeOrphans,
  encodeRoots,
  LAST_KEY,
  nodeKey,
  orphansKey,
  type RootsRecord,
  rootsKey,
} from './records.ts';
import { checkedKeep, type Staged, sortedNames, stageChanges } from './stage.ts';
import { multiView, type Roots } from './views.ts';

export interface DiskStoreOptions {
  /** Folder of the store, made when absent; one process at a time. */
  readonly dir: string;
  /** Names of the sub-stores; always the same for one folder. */
  readonly stores: readonly string[];
  /** How many versions stay readable, 0 for all, else at least 2; 200 by default. May change from start to start. */
  readonly keep?: number;
  /** Bound on the bytes of nodes held in memory, checked after each commit; 128 MiB by default. */
  readonly cacheBytes?: number;
}

type Operation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

/** Versions removed with one commit at most, so that a shortened history is worked off in small steps. */
const PRUNE_PER_COMMIT = 2;

class DiskStore implements StateStore {
  readonly #dir: string;
  readonly #db: ClassicLevel<Uint8Array, Uint8Array>;
  readonly #names: readonly string[];
  readonly #keep: bigint;
  readonly #cacheBytes: number;
  #first: bigint;
  #last: CommitInfo;
  /** Where the latest trees' nodes come from; replaced with each commit, so that a view remembers its height. */
  #sources: readonly NodeSource[];
  #roots: Roots;
  #staged: Staged | undefined;
  #writing = false;
  #broken: Error | undefined;
  #resident = 0;

  constructor(options: DiskStoreOptions, names: readonly string[], opened: Opened) {
    this.#dir = options.dir;
    this.#db = opened.db;
    this.#names = names;
    this.#keep = BigInt(checkedKeep(options.keep ?? 200));
    this.#cacheBytes = options.cacheBytes ?? 128 * 1024 * 1024;
    this.#first = opened.first;
    this.#last = opened.last;
    this.#sources = this.#sourcesFor(opened.last.height, true);
    this.#roots = this.#names.map(() => undefined);
    if (opened.last.height > 0n) this.#roots = this.#loadRoots(opened.last.height, this.#sources);
  }

  last(): CommitInfo {
    return this.#last;
  }

  latest(): MultiReadStore {
    return multiView(this.#names, this.#sources, this.#roots);
  }

  at(height: bigint): MultiReadStore | undefined {
    const found = this.#version(height);
    return found === undefined ? undefined : multiView(this.#names, found.sources, found.roots);
  }

  stage(height: bigint, changes: readonly Change[]): Uint8Array {
    this.#usable();
    this.#staged = undefined;
    this.#staged = stageChanges(this.#names, this.#sources, this.#roots, this.#last.height, height, changes);
    return this.#staged.info.appHash;
  }

  discard(): void {
    this.#staged = undefined;
  }

  async commit(): Promise<CommitInfo> {
    this.#usable();
    const staged = this.#staged;
    if (staged === undefined) throw new CorruptStateError('store: commit without a staged version');
    this.#staged = undefined;
    this.#writing = true;
    try {
      const operations = this.#operations(staged);
      await this.#db.batch<Uint8Array, Uint8Array>(operations, { sync: true, keyEncoding: 'view', valueEncoding: 'view' });
    } catch (error) {
      // LevelDB's log may end in half a record now; only opening the folder again cleans it up.
      this.#broken = storeError(this.#dir, `commit of height ${staged.info.height}`, error);
      throw this.#broken;
    } finally {
      this.#writing = false;
    }
    if (this.#last.height === 0n) this.#first = staged.info.height;
    this.#last = staged.info;
    this.#roots = staged.roots;
    this.#tidy(staged);
    return staged.info;
  }

  prove(height: bigint, store: string, key: Uint8Array): readonly ProofOp[] | undefined {
    const found = this.#version(height);
    return found === undefined ? undefined : proveKey(this.#names, found.sources, found.roots, store, key);
  }

  async close(): Promise<void> {
    this.#staged = undefined;
    await this.#db.close();
  }

  #usable(): void {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#writing) throw new Error('store: a commit is still being written');
  }

  #operations(staged: Staged): Operation[] {
    const { height, appHash } = staged.info;
    const operations: Operation[] = [];
    const put = (key: Uint8Array, value: Uint8Array): unknown => operations.push({ type: 'put', key, value });
    staged.works.forEach((work, store) => {
      for (const node of work.created) {
        const key = nodeKey(store, node.version, node.nonce);
        put(key, encodeNode(key, node));
      }
    });
    const roots = staged.roots.map((root, i) => ({ version: root?.version ?? 0, nonce: root?.nonce ?? 0, hash: staged.hashes[i] as Uint8Array }));
    put(rootsKey(height), encodeRoots(rootsKey(height), { appHash, roots }));
    if (this.#last.height > 0n) {
      const orphans = staged.works.map((work) => work.orphans);
      put(orphansKey(height), encodeOrphans(orphansKey(height), orphans));
    }
    put(LAST_KEY, encodeLast(height, appHash));
    if (this.#keep > 0n) this.#prune(height - this.#keep, operations);
    return operations;
  }

  /** Removes versions up to `until`, oldest first: a version's own nodes are those that its successor no longer has. */
  #prune(until: bigint, operations: Operation[]): void {
    for (let n = 0; n < PRUNE_PER_COMMIT && this.#first > 0n && this.#first <= until; n++) {
      const next = this.#first + 1n;
      const key = orphansKey(next);
      const what = `the list of replaced nodes of height ${next}`;
      const replaced = this.#read(what, key, (record) => decodeOrphans(what, key, record, this.#names.length));
      if (replaced === undefined) throw corrupt(this.#dir, `${what} is missing`);
      replaced.forEach((names, store) => {
        for (const name of names) operations.push({ type: 'del', key: nodeKey(store, name.version, name.nonce) });
      });
      operations.push({ type: 'del', key }, { type: 'del', key: rootsKey(this.#first) });
      this.#first = next;
    }
  }

  #tidy(staged: Staged): void {
    for (const work of staged.works) for (const node of work.created) this.#resident += weightOf(node);
    this.#sources = this.#sourcesFor(staged.info.height, true);
    if (this.#resident > this.#cacheBytes) this.#resident = trim(this.#roots, Number(staged.info.height), this.#cacheBytes);
  }

  #version(height: bigint): { sources: readonly NodeSource[]; roots: Roots } | undefined {
    if (height < 1n || height < this.#first || height > this.#last.height) return undefined;
    if (height === this.#last.height) return { sources: this.#sources, roots: this.#roots };
    const sources = this.#sourcesFor(height, false);
    return { sources, roots: this.#loadRoots(height, sources) };
  }

  /** Sources of the trees of a height; the nodes of the latest trees count as resident. */
  #sourcesFor(height: bigint, counted: boolean): NodeSource[] {
    const clock = Number(height);
    return this.#names.map((name, store) => ({
      clock,
      load: (version, nonce) => {
        const key = nodeKey(store, version, nonce);
        const what = `node ${version}/${nonce} of store "${name}"`;
        const node = this.#read(what, key, (record) => decodeNode(what, key, record, { version, nonce }, clock));
        if (node === undefined && height < this.#first) throw new Error(`store: height ${height} is no longer kept`);
        if (node === undefined) throw corrupt(this.#dir, `${what} is missing`);
        if (counted) this.#resident += weightOf(node);
        return node;
      },
    }));
  }

  /** The decoded record under `key`; undefined when there is none. */
  #read<T>(what: string, key: Uint8Array, decode: (record: Uint8Array) => T): T | undefined {
    try {
      const record = this.#db.getSync(key, { keyEncoding: 'view', valueEncoding: 'view' });
      return record === undefined ? undefined : decode(record);
    } catch (error) {
      throw storeError(this.#dir, `reading ${what}`, error);
    }
  }

  #loadRoots(height: bigint, sources: readonly NodeSource[]): Roots {
    const record = this.#rootsRecord(height);
    return record.roots.map((root, i) => {
      if (root.version === 0) {
        if (!equalBytes(root.hash, EMPTY_TREE_HASH)) throw corrupt(this.#dir, `the empty root of store "${this.#names[i]}" has a hash`);
        return undefined;
      }
      const node = (sources[i] as NodeSource).load(root.version, root.nonce);
      if (!equalBytes(node.hash as Uint8Array, root.hash))
        throw corrupt(this.#dir, `the root of store "${this.#names[i]}" at height ${height} has another hash`);
      return node;
    });
  }

  #rootsRecord(height: bigint): RootsRecord {
    const key = rootsKey(height);
    const what = `the roots of height ${height}`;
    const record = this.#read(what, key, (bytes) => decodeRoots(what, key, bytes));
    if (record === undefined) throw corrupt(this.#dir, `${what} are missing`);
    const hashes = record.roots.map((root) => root.hash);
    const fits = hashes.length === this.#names.length && equalBytes(appHashOf(this.#names, hashes), record.appHash);
    if (!fits) throw corrupt(this.#dir, `${what} do not give the application hash written with them`);
    if (height === this.#last.height && !equalBytes(record.appHash, this.#last.appHash))
      throw corrupt(this.#dir, `${what} contradict the last commit`);
    return record;
  }
}

/**
 * Opens the store of a folder, or makes it. Throws when another process has it open, when it is of another format or
 * holds other stores, and CorruptStateError when what it holds contradicts itself.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<StateStore> {
  const names = sortedNames(options.stores);
  checkedKeep(options.keep ?? 200);
  const opened = await openLevel(options.dir, names);
  try {
    return new DiskStore(options, names, opened);
  } catch (error) {
    await opened.db.close();
    throw error;
  }
}
