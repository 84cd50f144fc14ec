// SPDX-License-Identifier: Apache-2.0
// The IDX file format of the original MNIST distribution (yann.lecun.com/exdb/mnist, "FILE FORMATS"): a big-endian
// magic number (two zero bytes, type 0x08 for u8, number of dimensions), one u32 per dimension, then the bytes.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A file that is not what its name promises. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

export interface IdxHeader {
  readonly dimensions: readonly number[];
  /** Where the first item begins. */
  readonly offset: number;
  /** Bytes of one item along the first dimension. */
  readonly itemBytes: number;
}

/** Items `from` to `to` (exclusive) of an IDX file of bytes, read without the rest. DataError names file and rule. */
export function readIdx(file: string, dimensions: number, from: number, to: number): { readonly header: IdxHeader; readonly bytes: Uint8Array } {
  const handle = open(file);
  try {
    const header = readHeader(handle, file, dimensions);
    const count = header.dimensions[0] as number;
    if (from < 0 || to > count || from > to) throw new DataError(`${file}: holds ${count} items, ${from} to ${to} were asked for`);
    const bytes = readExactly(handle, file, header.offset + from * header.itemBytes, (to - from) * header.itemBytes);
    return { header, bytes };
  } finally {
    closeSync(handle);
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new DataError(`${file}: cannot be read: ${(error as Error).message}`);
  }
}

function readHeader(handle: number, file: string, dimensions: number): IdxHeader {
  const offset = 4 + 4 * dimensions;
  const head = readExactly(handle, file, 0, offset);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.getUint32(0) !== 0x0800 + dimensions) throw new DataError(`${file}: is not an IDX file of bytes in ${dimensions} dimensions`);
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const itemBytes = sizes.slice(1).reduce((a, b) => a * b, 1);
  const expected = offset + (sizes[0] as number) * itemBytes;
  const actual = fstatSync(handle).size;
  if (actual !== expected) throw new DataError(`${file}: has ${actual} bytes, its header says ${expected}`);
  return { dimensions: sizes, offset, itemBytes };
}

function readExactly(handle: number, file: string, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let got = 0;
  while (got < length) {
    const n = readSync(handle, bytes, got, length - got, at + got);
    if (n === 0) throw new DataError(`${file}: ends after ${at + got} bytes`);
    got += n;
  }
  return bytes;
}
