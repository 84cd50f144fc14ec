// SPDX-License-Identifier: Apache-2.0
// What the disk store writes: LevelDB keys and the records under them. Each record but the format line begins with a
// CRC-32 over its key and its bytes, so that a record that is damaged, or stands under another key, is refused.
import { crc32 } from 'node:zlib';
import { CorruptStateError } from '../core/errors.ts';
import { putUvarint, type TreeNode } from './node.ts';

/** Layout of everything below; a folder with another one is refused. */
export const FORMAT = 'pogo-store/1';

/** Key of the format line `pogo-store/1 acc,bank,...`: the names in the order of their numbers. */
export const FORMAT_KEY: Uint8Array = new Uint8Array([0x66]);
/** Key of the last commit: height and application hash. */
export const LAST_KEY: Uint8Array = new Uint8Array([0x6c]);

const NODE = 0x6e;
const ORPHANS = 0x6f;
const ROOTS = 0x72;

/** A node by the version that made it and its number there; 0/0 is the root of an empty tree. */
export interface NodeName {
  readonly version: number;
  readonly nonce: number;
}

/** The trees of one version. */
export interface RootsRecord {
  readonly appHash: Uint8Array;
  readonly roots: readonly (NodeName & { readonly hash: Uint8Array })[];
}

/** `n`, number of the store, version, nonce: a commit writes neighbouring keys. */
export function nodeKey(store: number, version: number, nonce: number): Buffer {
  const key = Buffer.allocUnsafe(14);
  key[0] = NODE;
  key[1] = store;
  key.writeBigUInt64BE(BigInt(version), 2);
  key.writeUInt32BE(nonce, 10);
  return key;
}

function heightKey(kind: number, height: bigint): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = kind;
  key.writeBigUInt64BE(height, 1);
  return key;
}

/** `r`, height: the roots of a kept version. */
export function rootsKey(height: bigint): Buffer {
  return heightKey(ROOTS, height);
}

/** Height of a roots key. */
export function heightOfRootsKey(key: Uint8Array): bigint {
  return Buffer.from(key.buffer, key.byteOffset, key.length).readBigUInt64BE(1);
}

/** `o`, height: the nodes that this version no longer has and the one before did. */
export function orphansKey(height: bigint): Buffer {
  return heightKey(ORPHANS, height);
}

function sealed(key: Uint8Array, out: Buffer, end: number): Buffer {
  out.writeUInt32BE(crc32(out.subarray(4, end), crc32(key)), 0);
  return out.subarray(0, end);
}

/** Reads a record from front to back and refuses what it cannot be. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 4;

  constructor(what: string, key: Uint8Array, bytes: Uint8Array) {
    // A copy: LevelDB answers with Buffers, whose slice() shares memory and whose backing stores cost 200 bytes each.
    this.#bytes = new Uint8Array(bytes);
    this.#what = what;
    const stored = bytes.length < 4 ? -1 : Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32BE(0);
    if (stored !== crc32(bytes.subarray(4), crc32(key))) throw new CorruptStateError(`${what} is damaged: its checksum does not fit`);
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 49) throw new CorruptStateError(`${this.#what} is damaged: a number ends early`);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new CorruptStateError(`${this.#what} is damaged: it ends early`);
    const out = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }
}

/** A sealed node. */
export function encodeNode(key: Uint8Array, node: TreeNode): Buffer {
  const out = Buffer.allocUnsafe(80 + node.key.length + (node.value?.length ?? 0));
  let at = putUvarint(out, putUvarint(out, 4, node.height), node.size);
  out.set(node.hash as Uint8Array, at);
  at = putUvarint(out, at + 32, node.key.length);
  out.set(node.key, at);
  at += node.key.length;
  if (node.value !== undefined) {
    out.set(node.value, at);
    return sealed(key, out, at + node.value.length);
  }
  at = putUvarint(out, putUvarint(out, at, node.leftVersion), node.leftNonce);
  return sealed(key, out, putUvarint(out, putUvarint(out, at, node.rightVersion), node.rightNonce));
}

/** The node of a record; its arrays are parts of `bytes`. */
export function decodeNode(what: string, key: Uint8Array, bytes: Uint8Array, name: NodeName, seen: number): TreeNode {
  const reader = new Reader(what, key, bytes);
  const height = reader.number();
  const size = reader.number();
  const hash = reader.bytes(32);
  const nodeKeyBytes = reader.bytes(reader.number());
  const leaf = height === 0;
  return {
    key: nodeKeyBytes,
    value: leaf ? reader.rest() : undefined,
    height,
    size,
    version: name.version,
    nonce: name.nonce,
    hash,
    left: undefined,
    leftVersion: leaf ? 0 : reader.number(),
    leftNonce: leaf ? 0 : reader.number(),
    right: undefined,
    rightVersion: leaf ? 0 : reader.number(),
    rightNonce: leaf ? 0 : reader.number(),
    seen,
  };
}

/** Roots of one version, in the order of the store names. */
export function encodeRoots(key: Uint8Array, record: RootsRecord): Buffer {
  const out = Buffer.allocUnsafe(40 + 50 * record.roots.length);
  out.set(record.appHash, 4);
  let at = putUvarint(out, 36, record.roots.length);
  for (const root of record.roots) {
    at = putUvarint(out, putUvarint(out, at, root.version), root.nonce);
    out.set(root.hash, at);
    at += 32;
  }
  return sealed(key, out, at);
}

export function decodeRoots(what: string, key: Uint8Array, bytes: Uint8Array): RootsRecord {
  const reader = new Reader(what, key, bytes);
  const appHash = reader.bytes(32);
  const roots = Array.from({ length: reader.number() }, () => ({ version: reader.number(), nonce: reader.number(), hash: reader.bytes(32) }));
  return { appHash, roots };
}

/** For each store the names of its orphans. */
export function encodeOrphans(key: Uint8Array, orphans: readonly (readonly NodeName[])[]): Buffer {
  const total = orphans.reduce((sum, names) => sum + names.length, 0);
  const out = Buffer.allocUnsafe(4 + 5 * orphans.length + 13 * total);
  let at = 4;
  for (const names of orphans) {
    at = putUvarint(out, at, names.length);
    for (const name of names) at = putUvarint(out, putUvarint(out, at, name.version), name.nonce);
  }
  return sealed(key, out, at);
}

export function decodeOrphans(what: string, key: Uint8Array, bytes: Uint8Array, stores: number): NodeName[][] {
  const reader = new Reader(what, key, bytes);
  return Array.from({ length: stores }, () => Array.from({ length: reader.number() }, () => ({ version: reader.number(), nonce: reader.number() })));
}

/** Height (from 0) and application hash (empty at height 0) of the last commit. */
export function encodeLast(height: bigint, appHash: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + appHash.length);
  out.writeBigUInt64BE(height, 4);
  out.set(appHash, 12);
  return sealed(LAST_KEY, out, out.length);
}

export function decodeLast(what: string, bytes: Uint8Array): { height: bigint; appHash: Uint8Array } {
  const reader = new Reader(what, LAST_KEY, bytes);
  const height = Buffer.from(reader.bytes(8)).readBigUInt64BE(0);
  return { height, appHash: reader.rest() };
}
