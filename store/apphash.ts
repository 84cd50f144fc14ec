// SPDX-License-Identifier: Apache-2.0
// The application hash: a simple Merkle map {store name -> store root} as cosmos-sdk's root multistore makes it
// (store/types/commit_info.go, store/internal/maps): leaves sorted by name, each the length-prefixed name and the
// length-prefixed SHA-256 of the root, hashed as an RFC 6962 tree.
import { concatBytes, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import { leafHash, rootOfHashes } from '../core/merkle.ts';
import { putUvarint } from './node.ts';

/** One leaf of the map before hashing. */
export function storeLeaf(name: string, root: Uint8Array): Uint8Array {
  const key = utf8(name);
  const length = new Uint8Array(10);
  const used = putUvarint(length, 0, key.length);
  return concatBytes(length.subarray(0, used), key, new Uint8Array([32]), sha256(root));
}

/** Leaf hashes in the order given, which has to be that of the sorted names. */
export function storeLeafHashes(names: readonly string[], roots: readonly Uint8Array[]): Uint8Array[] {
  return names.map((name, i) => leafHash(storeLeaf(name, roots[i] as Uint8Array)));
}

/** Application hash (32 bytes) of store roots, given in the order of the sorted names. */
export function appHashOf(names: readonly string[], roots: readonly Uint8Array[]): Uint8Array {
  return rootOfHashes(storeLeafHashes(names, roots));
}
