// SPDX-License-Identifier: Apache-2.0
// RFC 6962 trees over many equal leaves, in flat arrays: one copy of one leaf at a time, hashes 32 bytes each.
// Built upwards in pairs, an odd last node rising unchanged, which is the same tree as the recursive split.

import { concatBytes } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';

/** SHA-256 of `prefix` (one byte) followed by each message of `length` bytes; 32 bytes for each, in order. */
export type HashMany = (prefix: number, messages: Uint8Array, length: number) => Uint8Array;

const LEAF = 0;
const INNER = 1;

let hashMany: HashMany = (prefix, messages, length) => {
  const count = messages.length / length;
  const out = new Uint8Array(count * 32);
  const buffer = new Uint8Array(length + 1);
  buffer[0] = prefix;
  for (let i = 0; i < count; i++) {
    buffer.set(messages.subarray(i * length, (i + 1) * length), 1);
    out.set(sha256(buffer), i * 32);
  }
  return out;
};

/** Replaces the hashing of many messages, at process start only, by a faster one that was checked to give the same. */
export function useHashMany(candidate: HashMany): void {
  hashMany = candidate;
}

/** A tree's levels of hashes, leaves first; each level is 32 bytes per node. */
export interface MerkleTree {
  readonly levels: readonly Uint8Array[];
  readonly count: number;
  readonly root: Uint8Array;
}

/** Tree over consecutive leaves of `leafBytes` bytes in `bytes` (a whole number of leaves). */
export function treeOfLeaves(bytes: Uint8Array, leafBytes: number): MerkleTree {
  return treeOfHashes(hashMany(LEAF, bytes, leafBytes));
}

/** A root over leaves that come in parts. */
export interface RootInParts {
  /** The next leaves: a whole number of them, read before it returns. */
  push(leaves: Uint8Array): void;
  /** The root over all leaves since the last root. */
  end(): Uint8Array;
}

/** Roots over consecutive leaves of `leafBytes` bytes, without having them all at once. */
export function rootInParts(leafBytes: number): RootInParts {
  let hashes: Uint8Array[] = [];
  return {
    push: (leaves) => {
      hashes.push(hashMany(LEAF, leaves, leafBytes));
    },
    end: () => {
      const { root } = treeOfHashes(concatBytes(...hashes));
      hashes = [];
      return root;
    },
  };
}

/** Tree over leaves of any length. */
export function treeOf(leaves: readonly Uint8Array[]): MerkleTree {
  const hashes = new Uint8Array(leaves.length * 32);
  leaves.forEach((leaf, i) => {
    const buffer = new Uint8Array(leaf.length + 1);
    buffer.set(leaf, 1);
    hashes.set(sha256(buffer), i * 32);
  });
  return treeOfHashes(hashes);
}

/** Tree over leaf hashes, 32 bytes each. */
export function treeOfHashes(hashes: Uint8Array): MerkleTree {
  const count = hashes.length / 32;
  const levels = [hashes];
  let level = hashes;
  while (level.length > 32) {
    level = parents(level);
    levels.push(level);
  }
  return { levels, count, root: count === 0 ? sha256(new Uint8Array(0)) : level };
}

function parents(level: Uint8Array): Uint8Array {
  const nodes = level.length / 32;
  const out = new Uint8Array(((nodes + 1) >> 1) * 32);
  out.set(hashMany(INNER, level.subarray(0, (nodes >> 1) * 64), 64));
  if (nodes & 1) out.set(level.subarray((nodes - 1) * 32), ((nodes - 1) >> 1) * 32);
  return out;
}

/** Audit path of leaf `index`, siblings from the leaf upwards, as core/merkle.ts verifies them. */
export function pathOf(tree: MerkleTree, index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let at = index;
  for (const level of tree.levels) {
    const sibling = (at ^ 1) * 32;
    if (sibling < level.length) path.push(level.slice(sibling, sibling + 32));
    at >>= 1;
  }
  return path;
}
