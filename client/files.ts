// SPDX-License-Identifier: Apache-2.0
// Small files written whole: to a neighbour, synced, then renamed, so that a crash leaves the old or the new one.
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './errors.ts';

export interface WriteOptions {
  /** 0o600 for secrets; 0o644 unless told. */
  readonly mode?: number;
}

function writeSynced(path: string, text: string, mode: number): void {
  const fd = openSync(path, 'w', mode);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  chmodSync(path, mode);
}

/** Writes `text` to `path`, with its folders. Throws UsageError with the path and why it cannot be written. */
export function writeFile(path: string, text: string, options: WriteOptions = {}): void {
  const mode = options.mode ?? 0o644;
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 });
    writeSynced(beside, text, mode);
    renameSync(beside, path);
  } catch (error) {
    if (existsSync(beside)) rmSync(beside);
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path}: cannot be written: ${code === 'ENOSPC' ? 'the disk is full' : message.replace(/, \w+ '.*$/, '')}`);
  }
}

/** Text of a file; throws UsageError with the path and what is wrong with it. */
export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${what}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}: ${path}`);
  }
}

/** Value of a JSON file; throws UsageError with the path when it is none. */
export function readJson(path: string, what: string): unknown {
  const text = readText(path, what);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`${what}: ${path} is no JSON: ${(error as Error).message}`);
  }
}
