// SPDX-License-Identifier: Apache-2.0
// A stretch of a file, read in parts: states of large models are never wholly in memory, and no single read takes
// 2 GiB or more.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Parts } from '../../train/parts.ts';

/** A file's bytes for as long as it is not closed, also when the file is removed meanwhile. */
export interface FileParts extends Parts {
  close(): void;
}

/** Bytes `from` to `to` of a file, by default all of it. */
export function openParts(file: string, from = 0, to?: number): FileParts {
  const handle = openSync(file, 'r');
  const length = (to ?? fstatSync(handle).size) - from;
  return {
    length,
    subarray: (first, end) => readAt(handle, from + first, Math.min(end, length) - first),
    close: () => closeSync(handle),
  };
}

/** `length` bytes at `at` of an open file. RangeError when it ends before. */
export function readAt(handle: number, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let got = 0; got < length; ) {
    const n = readSync(handle, bytes, got, Math.min(length - got, 2 ** 30), at + got);
    if (n === 0) throw new RangeError(`the file ends after ${at + got} bytes`);
    got += n;
  }
  return bytes;
}
