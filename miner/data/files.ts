// SPDX-License-Identifier: Apache-2.0
// A file, or all files below a folder, read in parts.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { DataError } from './idx.ts';

const PART_BYTES = 1 << 20;

/** The bytes of a file in parts of at most a mebibyte. DataError when it cannot be read. */
export function* chunksOf(file: string): Generator<Uint8Array> {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    throw new DataError(`${file}: cannot be read: ${(error as Error).message}`);
  }
  try {
    for (;;) {
      const bytes = new Uint8Array(PART_BYTES);
      const n = readSync(handle, bytes, 0, PART_BYTES, null);
      if (n === 0) return;
      yield bytes.subarray(0, n);
    }
  } finally {
    closeSync(handle);
  }
}

/** `path` itself, or the files below it in the order of their names' code units; hidden ones are left out. DataError for none. */
export function filesAt(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new DataError(`${path}: cannot be read: ${(error as Error).message}`);
  }
  if (!isFolder) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  const names = entries.map((e) => relative(path, join(e.parentPath, e.name))).filter((name) => !/(^|[\\/])\./.test(name));
  if (names.length === 0) throw new DataError(`${path}: has no files`);
  return names.sort((a, b) => (a < b ? -1 : 1)).map((name) => join(path, name));
}

/** Where a set came from, for its manifest. */
export function sourceOf(files: readonly string[]): { readonly file: string; readonly bytes: number; readonly sha256: string }[] {
  return files.map((file) => {
    const hash = createHash('sha256');
    let bytes = 0;
    for (const chunk of chunksOf(file)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { file: basename(file), bytes, sha256: hash.digest('hex') };
  });
}
