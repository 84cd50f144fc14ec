// SPDX-License-Identifier: Apache-2.0
// Writes an artifact while its round is trained. Nothing is in the store until `finish`, which syncs and renames.
import { closeSync, fsyncSync, writeSync } from 'node:fs';
import { inParts, type Parts } from '../../train/parts.ts';
import { ChunkHasher, rootOfChunks } from './chunks.ts';
import { encodeHeader, joinRecords, type Shape } from './format.ts';
import type { ArtifactStore, Stored } from './store.ts';

/** What was written to an artifact's file. */
export interface Written {
  readonly size: number;
  /** Chunk hashes, 32 bytes each. */
  readonly hashes: Uint8Array;
}

/** The bytes of an artifact on their way into its open file, which stays the caller's. Any thread may do it. */
export class ChunkFile {
  readonly #handle: number;
  readonly #hasher: ChunkHasher = new ChunkHasher();

  constructor(handle: number) {
    this.#handle = handle;
  }

  write(bytes: Uint8Array): void {
    this.#hasher.push(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at);
  }

  /** What was written; the file takes no more. */
  finish(): Written {
    return { hashes: this.#hasher.finish(), size: this.#hasher.size };
  }
}

/** An artifact's file before the artifact is complete. */
export class Draft {
  readonly handle: number;
  readonly #store: ArtifactStore;
  readonly #folder: string;
  #open = true;

  constructor(store: ArtifactStore) {
    const { folder, handle } = store.draft();
    this.#store = store;
    this.#folder = folder;
    this.handle = handle;
  }

  /** Adds the artifact to the store, durably. */
  adopt({ hashes, size }: Written): Stored {
    fsyncSync(this.handle);
    this.#close();
    return this.#store.adopt(this.#folder, rootOfChunks(hashes), size, hashes);
  }

  discard(): void {
    this.#close();
    this.#store.discard(this.#folder);
  }

  #close(): void {
    if (this.#open) closeSync(this.handle);
    this.#open = false;
  }
}

/** An artifact that is written where it is made. */
export class ArtifactWriter {
  readonly #draft: Draft;
  readonly #file: ChunkFile;
  readonly #stateLeafBytes: number;

  constructor(store: ArtifactStore, shape: Shape) {
    this.#stateLeafBytes = shape.stateLeafBytes;
    this.#draft = new Draft(store);
    this.#file = new ChunkFile(this.#draft.handle);
    this.#file.write(encodeHeader(shape));
  }

  /** One step in order: its codes and, at a checkpoint, the state after it. */
  step(codes: Uint8Array, state: Parts | undefined): void {
    this.#file.write(codes);
    if (state !== undefined) for (const part of inParts(state, this.#stateLeafBytes)) this.#file.write(part);
  }

  /** The end of the round: adds the artifact to the store, durably. */
  finish(model4: Uint8Array, records: readonly Uint8Array[]): Stored {
    this.#file.write(model4);
    this.#file.write(joinRecords(records));
    return this.#draft.adopt(this.#file.finish());
  }

  /** Drops an unfinished artifact. */
  abort(): void {
    this.#draft.discard();
  }
}
