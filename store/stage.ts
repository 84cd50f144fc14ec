// SPDX-License-Identifier: Apache-2.0
// Applies a block's changes to the trees of the last commit, in memory: common to the disk and the memory store.
import { compareBytes } from '../core/bytes.ts';
import type { Change, CommitInfo } from '../core/store.ts';
import { appHashOf } from './apphash.ts';
import type { NodeSource } from './node.ts';
import { beginWork, seal, type TreeWork, treeRemove, treeSet } from './tree.ts';
import type { Roots } from './views.ts';

/** Longest key in bytes. */
export const MAX_KEY_BYTES = 1024;

/** A version that is computed but not durable. */
export interface Staged {
  readonly info: CommitInfo;
  readonly works: readonly TreeWork[];
  readonly roots: Roots;
  readonly hashes: readonly Uint8Array[];
}

/** Sorted copy of store names; throws on none, an empty one, or one given twice. */
export function sortedNames(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new Error('store: at least one store name is needed');
  const sorted = [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  sorted.forEach((name, i) => {
    if (!/^[a-z0-9_]{1,64}$/.test(name)) throw new Error(`store: name "${name}" is not 1 to 64 of a-z, 0-9 and _`);
    if (name === sorted[i - 1]) throw new Error(`store: name "${name}" is given twice`);
  });
  return sorted;
}

/** The number of versions to keep; throws unless it is 0 (all) or at least 2. */
export function checkedKeep(keep: number): number {
  // With one kept version a reader that began before a commit would lose the nodes under its feet.
  if (!Number.isSafeInteger(keep) || keep < 0 || keep === 1) throw new Error(`store: keep ${keep} is neither 0 (all versions) nor at least 2`);
  return keep;
}

/** The height as a number; throws unless it follows the last one (any height from 1 may be the first). */
function checkedHeight(height: bigint, last: bigint): number {
  if (last === 0n ? height < 1n : height !== last + 1n) throw new Error(`store: height ${height} does not follow ${last}`);
  if (height > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`store: height ${height} is above 2^53 - 1`);
  return Number(height);
}

/**
 * Stages `changes` on top of the last commit. Keys and values are copied. Throws, without effect, on a height that
 * does not follow, an unknown store, a key of 0 or more than 1,024 bytes, or changes that are not strictly sorted.
 */
export function stageChanges(
  names: readonly string[],
  sources: readonly NodeSource[],
  base: Roots,
  last: bigint,
  height: bigint,
  changes: readonly Change[],
): Staged {
  const version = checkedHeight(height, last);
  const works = names.map((_, i) => beginWork(sources[i] as NodeSource, version, base[i]));
  let at = -1;
  let previous: Uint8Array | undefined;
  for (const { store, key, value } of changes) {
    const index = store === names[at] ? at : names.indexOf(store);
    if (index < 0) throw new Error(`store: change of "${store}", which is not one of ${names.join(', ')}`);
    if (index !== at) previous = undefined;
    if (key.length === 0 || key.length > MAX_KEY_BYTES)
      throw new Error(`store ${store}: key of ${key.length} bytes; 1 to ${MAX_KEY_BYTES} are allowed`);
    if (index < at || (previous !== undefined && compareBytes(previous, key) >= 0)) {
      throw new Error(`store ${store}: changes are not sorted by store and key with one change per key`);
    }
    at = index;
    previous = key;
    const work = works[index] as TreeWork;
    if (value === undefined) treeRemove(work, key);
    else treeSet(work, key.slice(), value.slice());
  }
  const hashes = works.map(seal);
  return { info: { height, appHash: appHashOf(names, hashes) }, works, roots: works.map((work) => work.root), hashes };
}
