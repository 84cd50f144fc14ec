// SPDX-License-Identifier: Apache-2.0
// A part of a data set as one file: written as samples come, opened whole when it is small and read where it is needed
// when it is large.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { toHex } from '../../core/bytes.ts';
import { DataError } from './idx.ts';
import { RootBuilder } from './root.ts';

/** What the manifest of a set says of a part. */
export interface PartRecord {
  /** Number of samples. */
  readonly size: number;
  /** Bytes of the file and their SHA-256. */
  readonly bytes: number;
  readonly sha256: string;
  /** RFC 6962 root over the samples. */
  readonly root: string;
}

/** Files up to this size are kept in memory. */
const IN_MEMORY = 1 << 28;

export class PartWriter {
  readonly #handle: number;
  readonly #hash: Hash = createHash('sha256');
  readonly #root: RootBuilder = new RootBuilder();
  #bytes = 0;

  constructor(file: string) {
    this.#handle = openSync(file, 'wx');
  }

  /** Appends bytes. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  /** Counts a sample, which lies somewhere in what is written. */
  sample(sample: Uint8Array): void {
    this.#root.add(sample);
  }

  close(): void {
    closeSync(this.#handle);
  }

  /** DataError without samples. */
  finish(): PartRecord {
    this.close();
    return { size: this.#root.count, bytes: this.#bytes, sha256: this.#hash.digest('hex'), root: toHex(this.#root.root()) };
  }
}

/** Bytes `from` to `from + length` of a part. */
export type PartReader = (from: number, length: number) => Uint8Array;

/** Opens the file of a part. DataError when it is not the recorded one; of a large one only the size is looked at. */
export function readPart(file: string, record: PartRecord): PartReader {
  const handle = openPart(file);
  const actual = fstatSync(handle).size;
  const differs = (rule: string): DataError => {
    closeSync(handle);
    return new DataError(`${file}: ${rule}; remove the set's folder and add it again`);
  };
  if (actual !== record.bytes) throw differs(`has ${actual} bytes, its manifest says ${record.bytes}`);
  if (actual > IN_MEMORY) return (from, length) => readAt(handle, file, from, length);
  const bytes = new Uint8Array(readFileSync(handle));
  if (createHash('sha256').update(bytes).digest('hex') !== record.sha256) throw differs('is not the file that its manifest describes');
  closeSync(handle);
  return (from, length) => bytes.subarray(from, from + length);
}

function openPart(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new DataError(`${file}: cannot be read: ${(error as Error).message}`);
  }
}

function readAt(handle: number, file: string, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let got = 0; got < length; ) {
    const n = readSync(handle, bytes, got, length - got, from + got);
    if (n === 0) throw new DataError(`${file}: ends after ${from + got} bytes`);
    got += n;
  }
  return bytes;
}
