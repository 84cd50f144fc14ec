// SPDX-License-Identifier: Apache-2.0
// RFC 6962 Merkle trees over SHA-256: leaf hash H(0x00 || leaf), inner hash H(0x01 || left || right), split at
// the largest power of two below the leaf count. The empty tree's root is H("").
import { compareBytes } from './bytes.ts';
import { sha256 } from './hash.ts';

/** Hash of a leaf. */
export function leafHash(leaf: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(leaf.length + 1);
  buffer.set(leaf, 1);
  return sha256(buffer);
}

/** Hash of an inner node from its children's hashes (32 bytes each). */
export function innerHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(65);
  buffer[0] = 1;
  buffer.set(left, 1);
  buffer.set(right, 33);
  return sha256(buffer);
}

/** Number of leaves of the left subtree of a tree with `count` >= 2 leaves. */
export function splitPoint(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

/** Root over precomputed leaf hashes. */
export function rootOfHashes(hashes: readonly Uint8Array[], from = 0, to: number = hashes.length): Uint8Array {
  const count = to - from;
  if (count === 0) return sha256(new Uint8Array(0));
  if (count === 1) return hashes[from] as Uint8Array;
  const mid = from + splitPoint(count);
  return innerHash(rootOfHashes(hashes, from, mid), rootOfHashes(hashes, mid, to));
}

/** Root over leaves. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return rootOfHashes(leaves.map(leafHash));
}

/** Audit path of leaf `index` (RFC 6962 section 2.1.1), siblings from the leaf upwards. */
export function merklePath(hashes: readonly Uint8Array[], index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  collectPath(hashes, index, 0, hashes.length, path);
  return path;
}

function collectPath(hashes: readonly Uint8Array[], index: number, from: number, to: number, path: Uint8Array[]): void {
  if (to - from <= 1) return;
  const mid = from + splitPoint(to - from);
  if (index < mid) {
    collectPath(hashes, index, from, mid, path);
    path.push(rootOfHashes(hashes, mid, to));
  } else {
    collectPath(hashes, index, mid, to, path);
    path.push(rootOfHashes(hashes, from, mid));
  }
}

/** Length of the audit path of leaf `index` in a tree of `count` leaves. */
export function pathLength(index: number, count: number): number {
  let depth = 0;
  let from = 0;
  let to = count;
  while (to - from > 1) {
    const mid = from + splitPoint(to - from);
    if (index < mid) to = mid;
    else from = mid;
    depth++;
  }
  return depth;
}

/**
 * Root that leaf hash `hash` at `index` of `count` leaves leads to along `path`; undefined when the index or the
 * path's length does not fit a tree of that size, so that a proof for another tree shape never verifies.
 */
export function rootFromPath(hash: Uint8Array, index: number, count: number, path: readonly Uint8Array[]): Uint8Array | undefined {
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return undefined;
  if (path.some((p) => p.length !== 32)) return undefined;
  const sides: boolean[] = [];
  let from = 0;
  let to = count;
  while (to - from > 1) {
    const mid = from + splitPoint(to - from);
    const left = index < mid;
    sides.push(left);
    if (left) to = mid;
    else from = mid;
  }
  if (sides.length !== path.length) return undefined;
  let node = hash;
  for (let i = 0; i < path.length; i++) {
    const sibling = path[i] as Uint8Array;
    node = sides[sides.length - 1 - i] ? innerHash(node, sibling) : innerHash(sibling, node);
  }
  return node;
}

/** Whether `leaf` stands at `index` of `count` leaves under `root`. */
export function verifyPath(root: Uint8Array, leaf: Uint8Array, index: number, count: number, path: readonly Uint8Array[]): boolean {
  const got = rootFromPath(leafHash(leaf), index, count, path);
  return got !== undefined && compareBytes(got, root) === 0;
}
