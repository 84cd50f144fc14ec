// SPDX-License-Identifier: Apache-2.0
// Reads parts of a stored artifact by their place. The bytes are the ones that its root commits to; whether they
// are what they should be is for whoever reads them to check.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ArtifactError, checkHeader, HEADER_BYTES, type Offsets, offsetsOf, type Shape, sizeBounds, splitRecords } from './format.ts';

export class ArtifactReader {
  readonly shape: Shape;
  readonly #handle: number;
  readonly #size: number;
  readonly #offsets: Offsets;

  private constructor(handle: number, size: number, shape: Shape) {
    this.#handle = handle;
    this.#size = size;
    this.#offsets = offsetsOf(shape);
    this.shape = shape;
  }

  /** Opens `file`; ArtifactError unless header and size fit the shape. */
  static open(file: string, shape: Shape): ArtifactReader {
    const handle = openSync(file, 'r');
    try {
      const { size } = fstatSync(handle);
      const [least, greatest] = sizeBounds(shape);
      if (size < least || size > greatest) throw new ArtifactError(`size: ${size} bytes, expected ${least} to ${greatest}`);
      const reader = new ArtifactReader(handle, size, shape);
      checkHeader(reader.#read(0, HEADER_BYTES), shape);
      return reader;
    } catch (error) {
      closeSync(handle);
      throw error;
    }
  }

  /** Codes of step 1..T. */
  codes(step: number): Uint8Array {
    return this.#read(this.#offsets.codes(step), this.#offsets.codeBytes);
  }

  /** State bytes after a checkpoint step. */
  state(step: number): Uint8Array {
    return this.#read(this.#offsets.state(step), this.#offsets.stateBytes);
  }

  finalState(): Uint8Array {
    return this.state(this.shape.steps);
  }

  model4(): Uint8Array {
    return this.#read(this.#offsets.model4, this.#offsets.codeBytes);
  }

  /** Encoded records of all steps. ArtifactError when malformed. */
  records(): Uint8Array[] {
    const from = this.#offsets.records;
    return splitRecords(this.#read(from, this.#size - from), this.shape.steps);
  }

  close(): void {
    closeSync(this.#handle);
  }

  #read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let got = 0;
    while (got < length) {
      const n = readSync(this.#handle, bytes, got, length - got, at + got);
      if (n === 0) throw new ArtifactError(`size: ends after ${at + got} bytes`);
      got += n;
    }
    return bytes;
  }
}
