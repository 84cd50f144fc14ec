// SPDX-License-Identifier: Apache-2.0
// Lengths of what an opening carries; bounded before any hash is computed.
import type { LeafOpening, OpenedLeaf, OpenedRecord } from '../../proto/gen/pogo.v1.ts';
import { errInvalidField } from './errors.ts';
import { LIMITS } from './types.ts';

function checkPath(path: readonly Uint8Array[], field: string): void {
  if (path.length > LIMITS.path) throw errInvalidField(`${field}.path: must have at most ${LIMITS.path} hashes, got ${path.length}`);
  path.forEach((hash, i) => {
    if (hash.length !== 32) throw errInvalidField(`${field}.path[${i}]: must have 32 bytes, got ${hash.length}`);
  });
}

function checkRecord(opened: OpenedRecord, field: string): void {
  if (opened.record.length > LIMITS.recordBytes)
    throw errInvalidField(`${field}.record: must have at most ${LIMITS.recordBytes} bytes, got ${opened.record.length}`);
  checkPath(opened.path, field);
}

function checkLeaf(opened: OpenedLeaf, field: string): void {
  if (opened.leaf.length > LIMITS.leafBytes)
    throw errInvalidField(`${field}.leaf: must have at most ${LIMITS.leafBytes} bytes, got ${opened.leaf.length}`);
  checkPath(opened.path, field);
}

/** Stateless rules. Throws pogo/6 naming the field. */
export function checkOpeningShape(opening: LeafOpening | undefined, field: string): LeafOpening {
  if (opening === undefined) throw errInvalidField(`${field}: is required`);
  const { before, records, oldLeaf, codes, newLeaf, code4Leaf } = opening;
  for (const [name, list] of [
    ['records', records],
    ['codes', codes],
  ] as const) {
    if (list.length < 1 || list.length > LIMITS.checkpointEvery)
      throw errInvalidField(`${field}.${name}: must hold 1 to ${LIMITS.checkpointEvery} entries, got ${list.length}`);
  }
  if (before !== undefined) checkRecord(before, `${field}.before`);
  for (const [i, r] of records.entries()) checkRecord(r, `${field}.records[${i}]`);
  for (const [i, c] of codes.entries()) checkLeaf(c, `${field}.codes[${i}]`);
  if (oldLeaf === undefined) throw errInvalidField(`${field}.old_leaf: is required`);
  if (newLeaf === undefined) throw errInvalidField(`${field}.new_leaf: is required`);
  checkLeaf(oldLeaf, `${field}.old_leaf`);
  checkLeaf(newLeaf, `${field}.new_leaf`);
  if (code4Leaf !== undefined) checkLeaf(code4Leaf, `${field}.code4_leaf`);
  return opening;
}
