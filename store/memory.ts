// SPDX-License-Identifier: Apache-2.0
// The store without a disk: the same trees, versions and proofs, for tests and simulations.
import { CorruptStateError } from '../core/errors.ts';
import type { Change, CommitInfo, MultiReadStore, ProofOp, StateStore } from '../core/store.ts';
import type { NodeSource } from './node.ts';
import { proveKey } from './proof.ts';
import { checkedKeep, type Staged, sortedNames, stageChanges } from './stage.ts';
import { multiView, type Roots } from './views.ts';

/** `stores`: names of the sub-stores. `keep`: how many versions stay readable, 0 for all; 200 by default. */
export interface MemoryStoreOptions {
  readonly stores: readonly string[];
  readonly keep?: number;
}

const NOTHING: CommitInfo = { height: 0n, appHash: new Uint8Array(0) };

class MemoryStore implements StateStore {
  readonly #names: readonly string[];
  readonly #sources: readonly NodeSource[];
  readonly #keep: bigint;
  readonly #versions = new Map<bigint, Roots>();
  #last = NOTHING;
  #roots: Roots;
  #staged: Staged | undefined;

  constructor(options: MemoryStoreOptions) {
    this.#names = sortedNames(options.stores);
    this.#keep = BigInt(checkedKeep(options.keep ?? 200));
    this.#roots = this.#names.map(() => undefined);
    this.#sources = this.#names.map((name) => ({
      clock: 0,
      load: (version, nonce) => {
        throw new CorruptStateError(`store ${name}: node ${version}/${nonce} was asked of a store in memory`);
      },
    }));
  }

  last(): CommitInfo {
    return this.#last;
  }

  latest(): MultiReadStore {
    return multiView(this.#names, this.#sources, this.#roots);
  }

  at(height: bigint): MultiReadStore | undefined {
    const roots = this.#versions.get(height);
    return roots === undefined ? undefined : multiView(this.#names, this.#sources, roots);
  }

  stage(height: bigint, changes: readonly Change[]): Uint8Array {
    this.#staged = undefined;
    this.#staged = stageChanges(this.#names, this.#sources, this.#roots, this.#last.height, height, changes);
    return this.#staged.info.appHash;
  }

  discard(): void {
    this.#staged = undefined;
  }

  async commit(): Promise<CommitInfo> {
    const staged = this.#staged;
    if (staged === undefined) throw new CorruptStateError('store: commit without a staged version');
    this.#staged = undefined;
    this.#last = staged.info;
    this.#roots = staged.roots;
    this.#versions.set(staged.info.height, staged.roots);
    if (this.#keep > 0n) this.#versions.delete(staged.info.height - this.#keep);
    return staged.info;
  }

  prove(height: bigint, store: string, key: Uint8Array): readonly ProofOp[] | undefined {
    const roots = this.#versions.get(height);
    return roots === undefined ? undefined : proveKey(this.#names, this.#sources, roots, store, key);
  }

  async close(): Promise<void> {
    this.#versions.clear();
  }
}

/** A new, empty store in memory. */
export function memoryStore(options: MemoryStoreOptions): StateStore {
  return new MemoryStore(options);
}
