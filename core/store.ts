// SPDX-License-Identifier: Apache-2.0
// What the state machine needs of a store; store/ implements it. Keys are ordered as unsigned bytes.

/** Half-open key range; an absent bound is open. */
export interface Range {
  readonly start?: Uint8Array;
  readonly end?: Uint8Array;
  readonly reverse?: boolean;
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** Read access to one sub-store. Returned arrays belong to the store and must not be changed. */
export interface ReadStore {
  get(key: Uint8Array): Uint8Array | undefined;
  has(key: Uint8Array): boolean;
  /** Entries of the range in key order (descending when `reverse`). The store must not change during iteration. */
  iterate(range?: Range): IterableIterator<Entry>;
}

export interface WriteStore extends ReadStore {
  /** Keys are 1 to 1,024 bytes, values may be empty but never undefined. */
  set(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

/** The named sub-stores of one version of the state, for reading. */
export interface MultiReadStore {
  readonly names: readonly string[];
  store(name: string): ReadStore;
}

export interface MultiWriteStore extends MultiReadStore {
  store(name: string): WriteStore;
}

/** One change of one sub-store; an undefined value deletes. */
export interface Change {
  readonly store: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** What Info tells CometBFT of the last commit. */
export interface CommitInfo {
  readonly height: bigint;
  readonly appHash: Uint8Array;
}

/**
 * Versioned, Merkle-ised storage as `core/app.ts` drives it: `stage` computes the application hash of a block's
 * changes without making them durable, `commit` makes the staged version durable in one atomic synced batch,
 * `discard` forgets it (a repeated FinalizeBlock after the node alone restarted).
 */
export interface StateStore {
  /** The last durable commit; height 0 and an empty hash before the first one. */
  last(): CommitInfo;
  /** State of the last commit. */
  latest(): MultiReadStore;
  /** State of a kept past height; undefined when pruned or not reached. */
  at(height: bigint): MultiReadStore | undefined;
  /** Applies `changes` (sorted by store, then key, one per key) as version `height`; returns the application hash. Replaces an earlier staged version. */
  stage(height: bigint, changes: readonly Change[]): Uint8Array;
  discard(): void;
  /**
   * Makes the staged version durable; `last`, `latest` and `at` tell it once the promise is fulfilled. Rejects with
   * CorruptStateError when nothing is staged. After any other rejection (a full disk) the node has to stop: the
   * folder still holds the commit before. Asynchronous because the synced write must not block queries.
   */
  commit(): Promise<CommitInfo>;
  /** Membership or absence proof of `key` as ICS-23 operations, at a kept height. */
  prove(height: bigint, store: string, key: Uint8Array): readonly ProofOp[] | undefined;
  /** Closes files; no call may follow. */
  close(): Promise<void>;
}

/** A CometBFT `tendermint.crypto.ProofOp`. */
export interface ProofOp {
  readonly type: string;
  readonly key: Uint8Array;
  readonly data: Uint8Array;
}
