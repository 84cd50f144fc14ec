// SPDX-License-Identifier: Apache-2.0
// Long byte strings that are read in parts: a state of a large model lies in a file or in a trainer's memory, and is
// hashed, loaded, compared and written without a second copy of it.
import { equalBytes } from '../core/bytes.ts';
import { type MerkleTree, treeOfHashes, treeOfLeaves } from './merkle.ts';

/** A byte string; every Uint8Array is one. */
export interface Parts {
  readonly length: number;
  /** The bytes `from` to `to` (exclusive), to be read before the next call, and not to be written to. */
  subarray(from: number, to: number): Uint8Array;
  /** The same bytes to the start of `target`, where that is less work than copying `subarray`'s. */
  copy?(from: number, to: number, target: Uint8Array): void;
}

/** Bytes of a part, about: small beside any model, large beside the cost of a call. */
const PART_BYTES = 4_194_304;

/** Consecutive parts of whole units of `unit` bytes; the last may be shorter. */
export function* inParts(bytes: Parts, unit: number): Generator<Uint8Array, void> {
  const size = Math.max(1, Math.floor(PART_BYTES / unit)) * unit;
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, Math.min(from + size, bytes.length));
}

/** Tree over consecutive leaves of `leafBytes` bytes (a whole number of leaves). */
export function treeOfParts(bytes: Parts, leafBytes: number): MerkleTree {
  const hashes = new Uint8Array(Math.floor(bytes.length / leafBytes) * 32);
  let at = 0;
  for (const part of inParts(bytes, leafBytes)) {
    const level = treeOfLeaves(part, leafBytes).levels[0] as Uint8Array;
    hashes.set(level, at);
    at += level.length;
  }
  return treeOfHashes(hashes);
}

/** Whether two byte strings are equal, read in parts of whole units of `unit` bytes. */
export function equalParts(a: Parts, b: Parts, unit: number): boolean {
  if (a.length !== b.length) return false;
  let at = 0;
  for (const part of inParts(a, unit)) {
    if (!equalBytes(part, b.subarray(at, at + part.length))) return false;
    at += part.length;
  }
  return true;
}

/** A copy of the whole. */
export function wholeOf(bytes: Parts, unit: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let at = 0;
  for (const part of inParts(bytes, unit)) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
