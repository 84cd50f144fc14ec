// SPDX-License-Identifier: Apache-2.0
// Writes an artifact while its round is trained. Nothing is in the store until `finish`, which syncs and renames.
import { closeSync, fsyncSync, writeSync } from 'node:fs';
import { ChunkHasher, rootOfChunks } from './chunks.ts';
import { encodeHeader, joinRecords, type Shape } from './format.ts';
import type { ArtifactStore, Stored } from './store.ts';

export class ArtifactWriter {
  readonly #store: ArtifactStore;
  readonly #draft: { readonly folder: string; readonly handle: number };
  readonly #hasher: ChunkHasher = new ChunkHasher();

  constructor(store: ArtifactStore, shape: Shape) {
    this.#store = store;
    this.#draft = store.draft();
    this.#write(encodeHeader(shape));
  }

  /** One step in order: its codes and, at a checkpoint, the state after it. */
  step(codes: Uint8Array, state: Uint8Array | undefined): void {
    this.#write(codes);
    if (state !== undefined) this.#write(state);
  }

  /** The end of the round: adds the artifact to the store, durably. */
  finish(model4: Uint8Array, records: readonly Uint8Array[]): Stored {
    this.#write(model4);
    this.#write(joinRecords(records));
    fsyncSync(this.#draft.handle);
    closeSync(this.#draft.handle);
    const hashes = this.#hasher.finish();
    return this.#store.adopt(this.#draft.folder, rootOfChunks(hashes), this.#hasher.size, hashes);
  }

  /** Drops an unfinished artifact. */
  abort(): void {
    closeSync(this.#draft.handle);
    this.#store.discard(this.#draft.folder);
  }

  #write(bytes: Uint8Array): void {
    this.#hasher.push(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#draft.handle, bytes, at);
  }
}
