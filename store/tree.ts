// SPDX-License-Identifier: Apache-2.0
// The Merkle tree: an AVL tree with values in the leaves, changed by copying paths. Shapes, versions and hashes are
// those of github.com/cosmos/iavl v1.2 (mutable_tree.go) for the same operations in the same order.
import { compareBytes } from '../core/bytes.ts';
import type { Entry, Range } from '../core/store.ts';
import { EMPTY_TREE_HASH, innerNodeHash, leafNodeHash, leftOf, type NodeSource, newInner, newLeaf, rightOf, type TreeNode } from './node.ts';

/** One tree under change: reads through `source`, creates nodes of `version`, remembers which persisted nodes left the tree. */
export interface TreeWork {
  readonly source: NodeSource;
  readonly version: number;
  root: TreeNode | undefined;
  /** Persisted nodes that are part of the version before but not of this one. */
  readonly orphans: TreeNode[];
  /** Nodes of this version, children before parents; filled by `seal`. */
  readonly created: TreeNode[];
  /** Key that `removeFrom` hands to the ancestor whose right subtree lost its least key. */
  raised: Uint8Array | undefined;
}

export function beginWork(source: NodeSource, version: number, root: TreeNode | undefined): TreeWork {
  return { source, version, root, orphans: [], created: [], raised: undefined };
}

/** Value of `key`, or undefined. */
export function treeGet(source: NodeSource, root: TreeNode | undefined, key: Uint8Array): Uint8Array | undefined {
  let node = root;
  if (node === undefined) return undefined;
  while (node.height > 0) node = compareBytes(key, node.key) < 0 ? leftOf(source, node) : rightOf(source, node);
  return compareBytes(key, node.key) === 0 ? node.value : undefined;
}

function inRange(key: Uint8Array, { start, end }: Range): boolean {
  return (start === undefined || compareBytes(key, start) >= 0) && (end === undefined || compareBytes(key, end) < 0);
}

/** Pushes the children that may hold keys of the range, so that the one to visit first is on top. */
function pushChildren(source: NodeSource, node: TreeNode, { start, end, reverse }: Range, stack: TreeNode[]): void {
  const goLeft = start === undefined || compareBytes(start, node.key) < 0;
  const goRight = end === undefined || compareBytes(node.key, end) < 0;
  if (goLeft && reverse === true) stack.push(leftOf(source, node));
  if (goRight) stack.push(rightOf(source, node));
  if (goLeft && reverse !== true) stack.push(leftOf(source, node));
}

/** Entries of a half-open key range, in order. */
export function* treeEntries(source: NodeSource, root: TreeNode | undefined, range: Range = {}): Generator<Entry, undefined, undefined> {
  const stack: TreeNode[] = root === undefined ? [] : [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.height > 0) pushChildren(source, node, range, stack);
    else if (inRange(node.key, range)) yield [node.key, node.value as Uint8Array];
  }
}

/** Sets `key`, also when the value is the old one: like iavl, that makes a new leaf. */
export function treeSet(work: TreeWork, key: Uint8Array, value: Uint8Array): void {
  work.root = work.root === undefined ? newLeaf(work.version, key, value) : insert(work, work.root, key, value);
}

/** Removes `key`; an absent key changes nothing. */
export function treeRemove(work: TreeWork, key: Uint8Array): void {
  if (work.root === undefined || treeGet(work.source, work.root, key) === undefined) return;
  work.root = removeFrom(work, work.root, key);
  work.raised = undefined;
}

/** Numbers and hashes the nodes of this version, which makes them immutable; returns the root hash. */
export function seal(work: TreeWork): Uint8Array {
  if (work.root === undefined) return EMPTY_TREE_HASH;
  sealNode(work, work.root);
  return work.root.hash as Uint8Array;
}

function sealNode(work: TreeWork, node: TreeNode): Uint8Array {
  if (node.hash !== undefined) return node.hash;
  if (node.height === 0) {
    node.hash = leafNodeHash(node);
  } else {
    const left = leftOf(work.source, node);
    const right = rightOf(work.source, node);
    node.hash = innerNodeHash(node, sealNode(work, left), sealNode(work, right));
    node.leftVersion = left.version;
    node.leftNonce = left.nonce;
    node.rightVersion = right.version;
    node.rightNonce = right.nonce;
  }
  node.nonce = work.created.push(node);
  node.seen = work.source.clock;
  return node.hash;
}

function insert(work: TreeWork, node: TreeNode, key: Uint8Array, value: Uint8Array): TreeNode {
  if (node.height === 0) {
    const order = compareBytes(key, node.key);
    const leaf = newLeaf(work.version, key, value);
    if (order < 0) return newInner(work.version, node.key, leaf, node);
    if (order > 0) return newInner(work.version, key, node, leaf);
    orphan(work, node);
    return leaf;
  }
  const own = ownCopy(work, node);
  const goLeft = compareBytes(key, own.key) < 0;
  const child = goLeft ? leftOf(work.source, own) : rightOf(work.source, own);
  const sizeBefore = child.size; // the child may change in place
  const next = insert(work, child, key, value);
  if (goLeft) own.left = next;
  else own.right = next;
  if (next.size === sizeBefore) return own; // a value was replaced: the shape is as before
  measure(work, own);
  return balance(work, own);
}

/** Removes a key that is present; undefined when `node` was its leaf. */
function removeFrom(work: TreeWork, node: TreeNode, key: Uint8Array): TreeNode | undefined {
  if (node.height === 0) {
    orphan(work, node);
    work.raised = undefined;
    return undefined;
  }
  if (compareBytes(key, node.key) < 0) {
    const next = removeFrom(work, leftOf(work.source, node), key);
    if (next === undefined) {
      work.raised = node.key;
      orphan(work, node);
      return rightOf(work.source, node);
    }
    const own = ownCopy(work, node);
    own.left = next;
    measure(work, own);
    return balance(work, own);
  }
  const next = removeFrom(work, rightOf(work.source, node), key);
  if (next === undefined) {
    orphan(work, node);
    return leftOf(work.source, node);
  }
  const own = ownCopy(work, node);
  own.right = next;
  if (work.raised !== undefined) {
    own.key = work.raised;
    work.raised = undefined;
  }
  measure(work, own);
  return balance(work, own);
}

function orphan(work: TreeWork, node: TreeNode): void {
  if (node.hash !== undefined) work.orphans.push(node);
}

/** The node itself when it is of this version and not sealed, else a copy that takes its place. */
function ownCopy(work: TreeWork, node: TreeNode): TreeNode {
  if (node.hash === undefined) return node;
  work.orphans.push(node);
  return { ...node, version: work.version, nonce: 0, hash: undefined };
}

function measure(work: TreeWork, node: TreeNode): void {
  const left = leftOf(work.source, node);
  const right = rightOf(work.source, node);
  node.height = Math.max(left.height, right.height) + 1;
  node.size = left.size + right.size;
}

function lean(work: TreeWork, node: TreeNode): number {
  return leftOf(work.source, node).height - rightOf(work.source, node).height;
}

function balance(work: TreeWork, node: TreeNode): TreeNode {
  const tilt = lean(work, node);
  if (tilt > 1) {
    const left = leftOf(work.source, node);
    if (lean(work, left) < 0) node.left = rotateLeft(work, ownCopy(work, left));
    return rotateRight(work, node);
  }
  if (tilt < -1) {
    const right = rightOf(work.source, node);
    if (lean(work, right) > 0) node.right = rotateRight(work, ownCopy(work, right));
    return rotateLeft(work, node);
  }
  return node;
}

function rotateRight(work: TreeWork, node: TreeNode): TreeNode {
  const top = ownCopy(work, leftOf(work.source, node));
  node.left = rightOf(work.source, top);
  top.right = node;
  measure(work, node);
  measure(work, top);
  return top;
}

function rotateLeft(work: TreeWork, node: TreeNode): TreeNode {
  const top = ownCopy(work, rightOf(work.source, node));
  node.right = leftOf(work.source, top);
  top.left = node;
  measure(work, node);
  measure(work, top);
  return top;
}
