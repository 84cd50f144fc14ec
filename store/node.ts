// SPDX-License-Identifier: Apache-2.0
// A node of an IAVL tree, its hash, and the way from a node to its children: in memory when they were visited, from
// the node source (disk) otherwise.
import { sha256 } from '../core/hash.ts';

/**
 * A leaf (height 0, with a value) or an inner node (two children, `key` = least key of the right subtree). Versions
 * and sizes are numbers: the store refuses heights above 2^53 - 1 where they enter.
 *
 * A node without `hash` belongs to the version being staged and may change in place; with its hash it is immutable
 * but for the links to its children, which may be dropped and loaded again at any time.
 */
export interface TreeNode {
  key: Uint8Array;
  readonly value: Uint8Array | undefined;
  height: number;
  size: number;
  readonly version: number;
  /** Number of the node among those that its version created, from 1; with `version` its name on disk. */
  nonce: number;
  hash: Uint8Array | undefined;
  left: TreeNode | undefined;
  leftVersion: number;
  leftNonce: number;
  right: TreeNode | undefined;
  rightVersion: number;
  rightNonce: number;
  /** Value of the source's clock at the last visit. */
  seen: number;
}

/** Where persisted nodes come from. `load` throws CorruptStateError when a node is missing or damaged. */
export interface NodeSource {
  /** Stamped on the nodes visited: the height of the last commit. */
  readonly clock: number;
  load(version: number, nonce: number): TreeNode;
}

/** A new leaf of the version being staged. */
export function newLeaf(version: number, key: Uint8Array, value: Uint8Array): TreeNode {
  return {
    key,
    value,
    height: 0,
    size: 1,
    version,
    nonce: 0,
    hash: undefined,
    left: undefined,
    leftVersion: 0,
    leftNonce: 0,
    right: undefined,
    rightVersion: 0,
    rightNonce: 0,
    seen: 0,
  };
}

/** A new inner node over two leaves. */
export function newInner(version: number, key: Uint8Array, left: TreeNode, right: TreeNode): TreeNode {
  return {
    key,
    value: undefined,
    height: 1,
    size: 2,
    version,
    nonce: 0,
    hash: undefined,
    left,
    leftVersion: left.version,
    leftNonce: left.nonce,
    right,
    rightVersion: right.version,
    rightNonce: right.nonce,
    seen: 0,
  };
}

/** The left child of an inner node. */
export function leftOf(source: NodeSource, node: TreeNode): TreeNode {
  let child = node.left;
  if (child === undefined) {
    child = source.load(node.leftVersion, node.leftNonce);
    node.left = child;
  }
  child.seen = source.clock;
  return child;
}

/** The right child of an inner node. */
export function rightOf(source: NodeSource, node: TreeNode): TreeNode {
  let child = node.right;
  if (child === undefined) {
    child = source.load(node.rightVersion, node.rightNonce);
    node.right = child;
  }
  child.seen = source.clock;
  return child;
}

export const EMPTY_TREE_HASH: Uint8Array = sha256(new Uint8Array(0));

/** Go's signed varint (zigzag) of a non-negative integer below 2^53. Returns the offset after it. */
export function putVarint(out: Uint8Array, at: number, value: number): number {
  return putUvarint(out, at, value * 2);
}

/** Unsigned LEB128 of an integer below 2^54. Returns the offset after it. */
export function putUvarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let i = at;
  while (rest >= 128) {
    out[i++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  out[i++] = rest;
  return i;
}

/** The three varints that begin every node's hashed bytes: height, size, version. */
export function putHead(out: Uint8Array, node: TreeNode): number {
  return putVarint(out, putVarint(out, putVarint(out, 0, node.height), node.size), node.version);
}

// Longest preimage: three varints, a length and a key of 1,024 bytes, a length and a hash.
const scratch = new Uint8Array(1200);

/** SHA-256 over a leaf as cosmos/iavl v1 hashes it: head, length-prefixed key, length-prefixed SHA-256 of the value. */
export function leafNodeHash(node: TreeNode): Uint8Array {
  let at = putHead(scratch, node);
  at = putUvarint(scratch, at, node.key.length);
  scratch.set(node.key, at);
  at += node.key.length;
  scratch[at++] = 32;
  scratch.set(sha256(node.value as Uint8Array), at);
  return sha256(scratch.subarray(0, at + 32));
}

/** SHA-256 over an inner node: head, length-prefixed hashes of both children. The key is not part of it. */
export function innerNodeHash(node: TreeNode, left: Uint8Array, right: Uint8Array): Uint8Array {
  const at = putHead(scratch, node);
  scratch[at] = 32;
  scratch.set(left, at + 1);
  scratch[at + 33] = 32;
  scratch.set(right, at + 34);
  return sha256(scratch.subarray(0, at + 66));
}
