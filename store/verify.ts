// SPDX-License-Identifier: Apache-2.0
// Verifies the proofs of proof.ts against an application hash, as ICS-23 does with its IavlSpec and TendermintSpec.
// Pure: clients use it without the rest of this folder. Shapes are checked more strictly than ICS-23 demands: every
// step must be exactly one of the two forms that an iavl or a simple tree has, so that no prefix can hide a subtree.
import { compareBytes, concatBytes, equalBytes, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import type { ProofOp } from '../core/store.ts';
import { decodeCommitment, type ExistenceProof, type InnerOp } from './ics23.ts';
import { putUvarint } from './node.ts';

/** What a proof is held against: `value` undefined claims that the key is absent. */
export interface ProofClaim {
  readonly appHash: Uint8Array;
  readonly store: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

function refuse(reason: string): never {
  throw new Error(`proof: ${reason}`);
}

/** Reads `count` non-negative signed varints at the start of `bytes`; returns them and the bytes after them. */
function readHead(bytes: Uint8Array, count: number): { values: bigint[]; rest: Uint8Array } {
  const values: bigint[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) refuse('a node head ends early');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    if ((value & 1n) === 1n) refuse('a node head holds a negative number');
    values.push(value >> 1n);
  }
  return { values, rest: bytes.subarray(at) };
}

/** Whether the node below the step is its left child; refuses every shape but iavl's two. */
function iavlStepFromLeft(step: InnerOp, layer: number): boolean {
  const { values, rest } = readHead(step.prefix, 3);
  if ((values[0] as bigint) < BigInt(layer)) refuse('an inner node is lower than the path below it');
  if (rest.length === 1 && rest[0] === 32 && step.suffix.length === 33 && step.suffix[0] === 32) return true;
  if (rest.length === 34 && rest[0] === 32 && rest[33] === 32 && step.suffix.length === 0) return false;
  refuse('a step is not of an iavl tree');
}

function checkSimpleStep(step: InnerOp): void {
  const fromLeft = step.prefix.length === 1 && step.suffix.length === 32;
  const fromRight = step.prefix.length === 33 && step.suffix.length === 0;
  if (step.prefix[0] !== 1 || !(fromLeft || fromRight)) refuse('a step is not of a simple tree');
}

function checkIavlLeaf(proof: ExistenceProof): void {
  const { values, rest } = readHead(proof.leafPrefix, 3);
  if (values[0] !== 0n || values[1] !== 1n || rest.length !== 0) refuse('a leaf is not of an iavl tree');
}

/** Root that an existence proof leads to. */
function rootOf(proof: ExistenceProof): Uint8Array {
  const length = new Uint8Array(10);
  const keyLength = length.subarray(0, putUvarint(length, 0, proof.key.length));
  let hash = sha256(concatBytes(proof.leafPrefix, keyLength, proof.key, new Uint8Array([32]), sha256(proof.value)));
  for (const step of proof.path) hash = sha256(concatBytes(step.prefix, hash, step.suffix));
  return hash;
}

function iavlRoot(proof: ExistenceProof): { root: Uint8Array; fromLeft: boolean[] } {
  checkIavlLeaf(proof);
  return { root: rootOf(proof), fromLeft: proof.path.map((step, i) => iavlStepFromLeft(step, i + 1)) };
}

/** Refuses unless the two leaves stand side by side: paths equal from the root down to a fork, then outermost towards it. */
function checkNeighbours(left: ExistenceProof, leftSides: boolean[], right: ExistenceProof, rightSides: boolean[]): void {
  let l = left.path.length - 1;
  let r = right.path.length - 1;
  for (; l >= 0 && r >= 0; l--, r--) {
    const a = left.path[l] as InnerOp;
    const b = right.path[r] as InnerOp;
    if (!equalBytes(a.prefix, b.prefix) || !equalBytes(a.suffix, b.suffix)) break;
  }
  const forks = l >= 0 && r >= 0 && leftSides[l] === true && rightSides[r] === false;
  if (!forks || leftSides.slice(0, l).includes(true) || rightSides.slice(0, r).includes(false)) refuse('the neighbours are not next to each other');
}

function absenceRoot(key: Uint8Array, left: ExistenceProof | undefined, right: ExistenceProof | undefined): Uint8Array {
  if (left !== undefined && compareBytes(left.key, key) >= 0) refuse('the left neighbour is not below the key');
  if (right !== undefined && compareBytes(right.key, key) <= 0) refuse('the right neighbour is not above the key');
  const l = left === undefined ? undefined : iavlRoot(left);
  const r = right === undefined ? undefined : iavlRoot(right);
  if (left !== undefined && right !== undefined && l !== undefined && r !== undefined) {
    if (!equalBytes(l.root, r.root)) refuse('the neighbours are of different trees');
    checkNeighbours(left, l.fromLeft, right, r.fromLeft);
    return l.root;
  }
  if (l !== undefined) {
    if (l.fromLeft.includes(true)) refuse('the left neighbour is not the last key');
    return l.root;
  }
  if (r === undefined) refuse('an absence proof needs a neighbour');
  if (r.fromLeft.includes(false)) refuse('the right neighbour is not the first key');
  return r.root;
}

/**
 * Checks that `ops` proves the claim; returns nothing and throws an Error "proof: REASON" otherwise. A key with an
 * empty value has no membership proof: ICS-23 verifiers refuse empty values, and so does this one.
 */
export function verifyProof(claim: ProofClaim, ops: readonly ProofOp[]): void {
  const [inTree, inMap] = ops;
  if (inTree === undefined || inMap === undefined || ops.length !== 2) refuse(`${ops.length} operations; 2 are expected`);
  if (inTree.type !== 'ics23:iavl' || !equalBytes(inTree.key, claim.key)) refuse('the first operation is not ics23:iavl of the key');
  if (inMap.type !== 'ics23:simple' || !equalBytes(inMap.key, utf8(claim.store))) refuse('the second operation is not ics23:simple of the store');
  const upper = decodeCommitment(inMap.data);
  if (upper.kind !== 'exist' || !equalBytes(upper.proof.key, utf8(claim.store)))
    refuse('the second operation is not a membership proof of the store');
  if (upper.proof.leafPrefix.length !== 1 || upper.proof.leafPrefix[0] !== 0) refuse('a leaf is not of a simple tree');
  upper.proof.path.forEach(checkSimpleStep);
  if (!equalBytes(rootOf(upper.proof), claim.appHash)) refuse('it leads to another application hash');
  if (!equalBytes(treeRootOf(claim, inTree.data), upper.proof.value)) refuse('it leads to another store root');
}

function treeRootOf(claim: ProofClaim, data: Uint8Array): Uint8Array {
  const lower = decodeCommitment(data);
  if (!equalBytes(lower.proof.key, claim.key)) refuse('it is about another key');
  if (lower.kind === 'absent') {
    if (claim.value !== undefined) refuse('it proves that the key is absent');
    return absenceRoot(claim.key, lower.proof.left, lower.proof.right);
  }
  if (claim.value === undefined) refuse('it proves that the key is present');
  if (claim.value.length === 0 || !equalBytes(lower.proof.value, claim.value)) refuse('it is about another value');
  return iavlRoot(lower.proof).root;
}
