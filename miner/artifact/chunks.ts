// SPDX-License-Identifier: Apache-2.0
// An artifact is one byte string, cut into chunks of 65,536 bytes; its root is the RFC 6962 root over them.
import { concatBytes, equalBytes } from '../../core/bytes.ts';
import { sha256 } from '../../core/hash.ts';
import { leafHash } from '../../core/merkle.ts';
import { treeOfHashes } from '../../train/merkle.ts';

export const CHUNK_BYTES = 65_536;

/** Number of chunks of `size` bytes. */
export function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_BYTES);
}

/** Bytes of chunk `index` of an artifact of `size` bytes. */
export function chunkLength(index: number, size: number): number {
  return Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES);
}

/** Root over chunk hashes, 32 bytes each. */
export function rootOfChunks(hashes: Uint8Array): Uint8Array {
  return treeOfHashes(hashes).root;
}

/** Whether `bytes` is chunk `index` under the given hashes of an artifact of `size` bytes. */
export function isChunk(bytes: Uint8Array, index: number, size: number, hashes: Uint8Array): boolean {
  return bytes.length === chunkLength(index, size) && equalBytes(leafHash(bytes), hashes.subarray(index * 32, index * 32 + 32));
}

/** Takes bytes as they come and hashes each chunk once it is full. */
export class ChunkHasher {
  readonly #hashes: Uint8Array[] = [];
  /** The leaf prefix 0x00 of RFC 6962, then the chunk: hashed where it lies. */
  readonly #buffer: Uint8Array = new Uint8Array(CHUNK_BYTES + 1);
  #filled = 0;
  #size = 0;

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  push(bytes: Uint8Array): void {
    this.#size += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const n = Math.min(CHUNK_BYTES - this.#filled, bytes.length - at);
      this.#buffer.set(bytes.subarray(at, at + n), 1 + this.#filled);
      this.#filled += n;
      at += n;
      if (this.#filled === CHUNK_BYTES) this.#flush();
    }
  }

  /** The chunk hashes, 32 bytes each; the hasher is used up. */
  finish(): Uint8Array {
    if (this.#filled > 0) this.#flush();
    return concatBytes(...this.#hashes);
  }

  #flush(): void {
    this.#hashes.push(sha256(this.#buffer.subarray(0, 1 + this.#filled)));
    this.#filled = 0;
  }
}
