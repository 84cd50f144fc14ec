// SPDX-License-Identifier: Apache-2.0
// Bounds the memory of the latest trees: nodes that no recent version visited are cut off and loaded again on demand.
import type { TreeNode } from './node.ts';
import type { Roots } from './views.ts';

/** Bytes of a node in memory without its key and value: 500 to 650 measured on V8 (the object, three byte arrays). */
const NODE_BYTES = 600;

/** Approximate bytes that a node holds in memory. */
export function weightOf(node: TreeNode): number {
  return NODE_BYTES + node.key.length + (node.value?.length ?? 0);
}

/** Cuts off the children last seen before `oldest`; returns the weight of what stays. A parent is seen whenever its child is, so whole stale subtrees fall with one cut. */
function cut(node: TreeNode, oldest: number): number {
  let weight = weightOf(node);
  if (node.left !== undefined) {
    if (node.left.seen < oldest) node.left = undefined;
    else weight += cut(node.left, oldest);
  }
  if (node.right !== undefined) {
    if (node.right.seen < oldest) node.right = undefined;
    else weight += cut(node.right, oldest);
  }
  return weight;
}

/** Keeps what was seen in the last 256, 64, ... commits until at most three quarters of `limit` bytes stay; returns what stays. */
export function trim(roots: Roots, clock: number, limit: number): number {
  let weight = 0;
  for (const age of [256, 64, 16, 4, 1, -1]) {
    weight = 0;
    for (const root of roots) if (root !== undefined) weight += cut(root, clock - age);
    if (weight <= limit * 0.75) break;
  }
  return weight;
}
