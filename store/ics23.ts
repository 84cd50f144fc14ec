// SPDX-License-Identifier: Apache-2.0
// The protobuf messages of cosmos.ics23.v1 that our two proof kinds use, written and read by hand: a dozen fields
// whose bytes have to equal the Go library's. The reader is strict: known fields only, once each, in order.
import { concatBytes } from '../core/bytes.ts';
import { putUvarint } from './node.ts';

/** Every operation hashes with SHA-256; leaves hash the value first and prefix key and hash with their lengths. */
export interface ExistenceProof {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly leafPrefix: Uint8Array;
  /** From the leaf up. */
  readonly path: readonly InnerOp[];
}

export interface InnerOp {
  readonly prefix: Uint8Array;
  readonly suffix: Uint8Array;
}

export interface AbsenceProof {
  readonly key: Uint8Array;
  readonly left: ExistenceProof | undefined;
  readonly right: ExistenceProof | undefined;
}

export type Commitment = { readonly kind: 'exist'; readonly proof: ExistenceProof } | { readonly kind: 'absent'; readonly proof: AbsenceProof };

const NONE: Uint8Array = new Uint8Array(0);

function field(number: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return NONE;
  const head = new Uint8Array(11);
  head[0] = number * 8 + 2;
  return concatBytes(head.subarray(0, putUvarint(head, 1, bytes.length)), bytes);
}

/** Fields hash, prehash_value and length of a LeafOp, each 1 (SHA256, SHA256, VAR_PROTO); prehash_key stays 0 (none). */
const LEAF_KIND: Uint8Array = new Uint8Array([8, 1, 24, 1, 32, 1]);
/** Field hash of an InnerOp, SHA256. */
const INNER_KIND: Uint8Array = new Uint8Array([8, 1]);

function encodeExistence(proof: ExistenceProof): Uint8Array {
  const path = proof.path.map((op) => field(4, concatBytes(INNER_KIND, field(2, op.prefix), field(3, op.suffix))));
  return concatBytes(field(1, proof.key), field(2, proof.value), field(3, concatBytes(LEAF_KIND, field(5, proof.leafPrefix))), ...path);
}

/** Bytes of a `cosmos.ics23.v1.CommitmentProof`. */
export function encodeCommitment(commitment: Commitment): Uint8Array {
  if (commitment.kind === 'exist') return field(1, encodeExistence(commitment.proof));
  const { key, left, right } = commitment.proof;
  const sides = concatBytes(
    left === undefined ? NONE : field(2, encodeExistence(left)),
    right === undefined ? NONE : field(3, encodeExistence(right)),
  );
  return field(2, concatBytes(field(1, key), sides));
}

/** Takes the length-delimited fields of a message apart; `repeated` is the one number that may occur more than once. */
function fieldsOf(what: string, bytes: Uint8Array, most: number, repeated = 0): Map<number, Uint8Array[]> {
  const out = new Map<number, Uint8Array[]>();
  let at = 0;
  let before = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] as number;
    const number = tag >> 3;
    if ((tag & 7) !== 2 || number < 1 || number > most) throw new Error(`proof: ${what} has an unexpected field tag ${tag}`);
    if (number < before || (number === before && number !== repeated)) throw new Error(`proof: ${what} repeats or misorders field ${number}`);
    before = number;
    let length = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 0x1000000) throw new Error(`proof: ${what} ends within field ${number}`);
      length += (byte & 127) * shift;
      if (byte < 128) break;
    }
    if (length > bytes.length - at) throw new Error(`proof: ${what} ends within field ${number}`);
    out.set(number, [...(out.get(number) ?? []), bytes.subarray(at, at + length)]);
    at += length;
  }
  return out;
}

/** The message after its fixed leading enum fields; throws when they differ. */
function afterKind(what: string, bytes: Uint8Array, kind: Uint8Array): Uint8Array {
  if (kind.some((byte, i) => bytes[i] !== byte)) throw new Error(`proof: ${what} is not SHA-256 with the expected lengths`);
  return bytes.subarray(kind.length);
}

function only(fields: Map<number, Uint8Array[]>, number: number): Uint8Array {
  return fields.get(number)?.[0] ?? NONE;
}

function decodeExistence(bytes: Uint8Array): ExistenceProof {
  const fields = fieldsOf('ExistenceProof', bytes, 4, 4);
  const leaf = fieldsOf('LeafOp', afterKind('LeafOp', only(fields, 3), LEAF_KIND), 5);
  const path = (fields.get(4) ?? []).map((op): InnerOp => {
    const inner = fieldsOf('InnerOp', afterKind('InnerOp', op, INNER_KIND), 3);
    return { prefix: only(inner, 2), suffix: only(inner, 3) };
  });
  return { key: only(fields, 1), value: only(fields, 2), leafPrefix: only(leaf, 5), path };
}

/** Reads a CommitmentProof; throws an Error that begins with "proof: " on anything but a membership or absence proof. */
export function decodeCommitment(bytes: Uint8Array): Commitment {
  const outer = fieldsOf('CommitmentProof', bytes, 2);
  const exist = outer.get(1)?.[0];
  const absent = outer.get(2)?.[0];
  if (exist !== undefined && absent === undefined) return { kind: 'exist', proof: decodeExistence(exist) };
  if (absent === undefined || exist !== undefined) throw new Error('proof: CommitmentProof holds neither exactly a membership nor an absence proof');
  const fields = fieldsOf('NonExistenceProof', absent, 3);
  const side = (number: number): ExistenceProof | undefined => {
    const found = fields.get(number)?.[0];
    return found === undefined ? undefined : decodeExistence(found);
  };
  return { kind: 'absent', proof: { key: only(fields, 1), left: side(2), right: side(3) } };
}
