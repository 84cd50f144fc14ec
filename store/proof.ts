// SPDX-License-Identifier: Apache-2.0
// Membership and absence proofs as ICS-23 operations, byte for byte those of cosmos/iavl (proof_ics23.go) and
// cosmos-sdk's root multistore (store/internal/proofs): first key to store root, then store root to application hash.
import { compareBytes, concatBytes, utf8 } from '../core/bytes.ts';
import { merklePath, splitPoint } from '../core/merkle.ts';
import type { ProofOp } from '../core/store.ts';
import { storeLeafHashes } from './apphash.ts';
import { type ExistenceProof, encodeCommitment, type InnerOp } from './ics23.ts';
import { EMPTY_TREE_HASH, leftOf, type NodeSource, putHead, rightOf, type TreeNode } from './node.ts';
import type { Roots } from './views.ts';

const HASH_LENGTH: Uint8Array = new Uint8Array([32]);

function headOf(node: TreeNode): Uint8Array {
  const out = new Uint8Array(30);
  return out.subarray(0, putHead(out, node));
}

/** Step from the left or the right child to `node`. */
function stepTo(source: NodeSource, node: TreeNode, fromLeft: boolean): InnerOp {
  const sibling = (fromLeft ? rightOf(source, node) : leftOf(source, node)).hash as Uint8Array;
  if (fromLeft) return { prefix: concatBytes(headOf(node), HASH_LENGTH), suffix: concatBytes(HASH_LENGTH, sibling) };
  return { prefix: concatBytes(headOf(node), HASH_LENGTH, sibling, HASH_LENGTH), suffix: new Uint8Array(0) };
}

/** Proof of the leaf that the descent `goLeft` ends at. */
function existence(source: NodeSource, root: TreeNode, goLeft: (node: TreeNode) => boolean): ExistenceProof {
  const path: InnerOp[] = [];
  let node = root;
  while (node.height > 0) {
    const left = goLeft(node);
    path.push(stepTo(source, node, left));
    node = left ? leftOf(source, node) : rightOf(source, node);
  }
  return { key: node.key, value: node.value as Uint8Array, leafPrefix: headOf(node), path: path.reverse() };
}

/** Least key above `key`, or the greatest below it. */
function neighbour(source: NodeSource, root: TreeNode, key: Uint8Array, above: boolean): Uint8Array | undefined {
  let node = root;
  let fork: TreeNode | undefined; // the lowest node whose other side holds only keys on the wanted side
  while (node.height > 0) {
    const goLeft = compareBytes(key, node.key) < 0;
    if (goLeft === above) fork = node;
    node = goLeft ? leftOf(source, node) : rightOf(source, node);
  }
  const order = compareBytes(node.key, key);
  if (above ? order > 0 : order < 0) return node.key;
  if (fork === undefined || above) return fork?.key; // an inner node's key is the least key on its right
  let best = leftOf(source, fork);
  while (best.height > 0) best = rightOf(source, best);
  return best.key;
}

function proveInTree(source: NodeSource, root: TreeNode, key: Uint8Array): Uint8Array {
  const proofOf = (wanted: Uint8Array): ExistenceProof => existence(source, root, (node) => compareBytes(wanted, node.key) < 0);
  const found = proofOf(key);
  if (compareBytes(found.key, key) === 0) return encodeCommitment({ kind: 'exist', proof: found });
  const left = neighbour(source, root, key, false);
  const right = neighbour(source, root, key, true);
  return encodeCommitment({
    kind: 'absent',
    proof: { key, left: left === undefined ? undefined : proofOf(left), right: right === undefined ? undefined : proofOf(right) },
  });
}

/** For each step of the audit path, from the leaf up, whether the node is a left child. */
function sidesOf(index: number, count: number): boolean[] {
  if (count < 2) return [];
  const split = splitPoint(count);
  return index < split ? [...sidesOf(index, split), true] : [...sidesOf(index - split, count - split), false];
}

function proveStore(names: readonly string[], hashes: readonly Uint8Array[], index: number): Uint8Array {
  const sides = sidesOf(index, names.length);
  const one = new Uint8Array([1]);
  const path = merklePath(storeLeafHashes(names, hashes), index).map(
    (sibling, i): InnerOp =>
      sides[i] === true ? { prefix: one, suffix: sibling } : { prefix: concatBytes(one, sibling), suffix: new Uint8Array(0) },
  );
  const proof = { key: utf8(names[index] as string), value: hashes[index] as Uint8Array, leafPrefix: new Uint8Array(1), path };
  return encodeCommitment({ kind: 'exist', proof });
}

/**
 * The two operations that lead from `key` of `store` to the application hash; undefined for an unknown store, and for
 * a store without any key, whose emptiness ICS-23 cannot express (iavl refuses it too).
 */
export function proveKey(
  names: readonly string[],
  sources: readonly NodeSource[],
  roots: Roots,
  store: string,
  key: Uint8Array,
): readonly ProofOp[] | undefined {
  const index = names.indexOf(store);
  const root = roots[index];
  if (index < 0 || root === undefined) return undefined;
  const hashes = roots.map((node) => node?.hash ?? EMPTY_TREE_HASH);
  return [
    { type: 'ics23:iavl', key, data: proveInTree(sources[index] as NodeSource, root, key) },
    { type: 'ics23:simple', key: utf8(store), data: proveStore(names, hashes, index) },
  ];
}
