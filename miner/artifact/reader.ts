// SPDX-License-Identifier: Apache-2.0
// Reads parts of a stored artifact by their place. The bytes are the ones that its root commits to; whether they
// are what they should be is for whoever reads them to check.
import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Parts } from '../../train/parts.ts';
import { readAt } from './file-parts.ts';
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

  /** The same where they lie. */
  codesInPlace(step: number): Parts {
    return this.#parts(this.#offsets.codes(step), this.#offsets.codeBytes);
  }

  /** State bytes after a checkpoint step, where they lie. */
  state(step: number): Parts {
    return this.#parts(this.#offsets.state(step), this.#offsets.stateBytes);
  }

  finalState(): Parts {
    return this.state(this.shape.steps);
  }

  model4(): Uint8Array {
    return this.#read(this.#offsets.model4, this.#offsets.model4Bytes);
  }

  /** Encoded records of all steps. ArtifactError when malformed. */
  records(): Uint8Array[] {
    const from = this.#offsets.records;
    return splitRecords(this.#read(from, this.#size - from), this.shape.steps);
  }

  close(): void {
    closeSync(this.#handle);
  }

  #parts(at: number, length: number): Parts {
    return { length, subarray: (from, to) => this.#read(at + from, Math.min(to, length) - from) };
  }

  #read(at: number, length: number): Uint8Array {
    try {
      return readAt(this.#handle, at, length);
    } catch (error) {
      if (error instanceof RangeError) throw new ArtifactError(`size: ${error.message}`);
      throw error;
    }
  }
}
