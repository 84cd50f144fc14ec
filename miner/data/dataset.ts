// SPDX-License-Identifier: Apache-2.0
// Data sets by name. A job names a set and fixes it by the RFC 6962 root over its samples, one sample a leaf.
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { equalBytes, fromHex, toHex } from '../../core/bytes.ts';
import type { DataSet } from '../../proto/gen/pogo.v1.ts';
import { treeOfLeaves } from '../../train/merkle.ts';
import { ownFolder } from './add.ts';
import { BUILTIN_SETS, builtinFolder } from './builtin.ts';
import { DataError } from './idx.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { MNIST_NAMES, mnistSource } from './mnist.ts';
import { RootBuilder } from './root.ts';
import { openSet, splitName, vocabularyIn } from './set.ts';
import type { Vocabulary } from './vocabulary.ts';
import { PARTS, type PartName } from './windows.ts';

export interface Dataset {
  readonly name: string;
  /** Number of samples. */
  readonly size: number;
  readonly sampleBytes: number;
  /** The encoded sample; a view that must not be written to. RangeError outside 0..size-1. */
  sample(index: number): Uint8Array;
  /** RFC 6962 root over all samples. */
  readonly root: Uint8Array;
}

/** Where a set's bytes come from. */
export interface DatasetSource {
  /** Files that decide the content, for the cached root. */
  readonly files: readonly string[];
  readonly sampleBytes: number;
  /** All samples, one after another. */
  load(): Uint8Array;
}

export interface DataOptions {
  /** Folder for computed roots; none are kept without it. */
  readonly cache?: string;
  /** Folder of the four MNIST files; the installed package's by default. */
  readonly mnist?: string;
  /** Folder of one's own sets (add.ts); POGO_DATA or ~/.pogo/data by default. */
  readonly sets?: string;
  /** Folder of sets made from packages; the project's cache by default. */
  readonly built?: string;
}

/** Names that `openDataset` knows without anything having been added. */
export const DATASET_NAMES: readonly string[] = [...MNIST_NAMES, ...BUILTIN_SETS.flatMap((set) => PARTS.map((part) => `${set}/${part}`))];

/** Opens a set by name. DataError for an unknown name or broken files. Makes a built-in set that is not there yet. */
export async function openDataset(name: string, options: DataOptions = {}): Promise<Dataset> {
  const source = mnistSource(name, options.mnist);
  if (source === undefined) return await openFolder(name, options);
  const bytes = source.load();
  const root = await cachedRoot(name, source, bytes, options.cache);
  return datasetOf(name, bytes, source.sampleBytes, root);
}

interface Found {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly part: PartName;
}

/** Own sets first: a job fixes the root, so a name alone decides nothing. */
async function find(name: string, options: DataOptions): Promise<Found | undefined> {
  const split = splitName(name);
  if (split === undefined) return undefined;
  const folders = [join(options.sets ?? ownFolder(), split.set), await builtinFolder(split.set, options.built)];
  for (const folder of folders) {
    const manifest = folder === undefined ? undefined : readManifest(folder);
    if (folder !== undefined && manifest !== undefined) return { folder, manifest, part: split.part };
  }
  return undefined;
}

async function openFolder(name: string, options: DataOptions): Promise<Dataset> {
  const found = await find(name, options);
  if (found === undefined) {
    throw new DataError(`${name}: no such data set; known are ${DATASET_NAMES.join(', ')}, and what "pogo-miner data add" brings`);
  }
  const { size, sampleBytes, root, read } = openSet(found.folder, found.manifest, found.part);
  const sample = (index: number): Uint8Array => {
    if (!Number.isInteger(index) || index < 0 || index >= size) throw new RangeError(`${name}: there is no sample ${index}`);
    return read(index);
  };
  return { name, size, sampleBytes, sample, root };
}

/** The vocabulary of a text set by name; undefined for a set that is none. DataError for an unknown name. */
export async function vocabularyOf(name: string, options: DataOptions = {}): Promise<Vocabulary | undefined> {
  if (MNIST_NAMES.includes(name)) return undefined;
  const found = await find(name, options);
  if (found === undefined) throw new DataError(`${name}: the set is not here, so its vocabulary is not known; add it with "pogo-miner data add"`);
  return await vocabularyIn(found.folder, found.manifest);
}

/** A set of samples in memory. */
export function datasetOf(name: string, bytes: Uint8Array, sampleBytes: number, root: Uint8Array = treeOfLeaves(bytes, sampleBytes).root): Dataset {
  const size = bytes.length / sampleBytes;
  if (!Number.isInteger(size) || size < 1) throw new DataError(`${name}: ${bytes.length} bytes are no samples of ${sampleBytes}`);
  const sample = (index: number): Uint8Array => {
    if (!Number.isInteger(index) || index < 0 || index >= size) throw new RangeError(`${name}: there is no sample ${index}`);
    return bytes.subarray(index * sampleBytes, (index + 1) * sampleBytes);
  };
  return { name, size, sampleBytes, sample, root };
}

/** The root over the samples as they are, whatever is recorded. */
export function recomputeRoot(dataset: Dataset): Uint8Array {
  const builder = new RootBuilder();
  for (let i = 0; i < dataset.size; i++) builder.add(dataset.sample(i));
  return builder.root();
}

/** Throws DataError unless `dataset` is the one that the chain names. */
export function checkDataset(dataset: Dataset, named: DataSet): void {
  const rule = (field: string, mine: unknown, theirs: unknown): void => {
    if (mine !== theirs) throw new DataError(`${named.name}: ${field} is ${mine} here and ${theirs} in the job`);
  };
  rule('size', BigInt(dataset.size), named.size);
  rule('sample_bytes', dataset.sampleBytes, named.sampleBytes);
  if (!equalBytes(dataset.root, named.root)) rule('root', toHex(dataset.root), toHex(named.root));
}

/** How a job message names `dataset`. */
export function describeDataset(dataset: Dataset): DataSet {
  return { name: dataset.name, root: dataset.root, size: BigInt(dataset.size), sampleBytes: dataset.sampleBytes };
}

/** The root, taken from the cache when its entry is for exactly these files. */
async function cachedRoot(name: string, source: DatasetSource, bytes: Uint8Array, folder: string | undefined): Promise<Uint8Array> {
  const compute = (): Uint8Array => treeOfLeaves(bytes, source.sampleBytes).root;
  if (folder === undefined) return compute();
  const file = join(folder, `${name.replaceAll('/', '-')}.root`);
  const digest = await digestOf(source.files);
  const [kept, root] = readCache(file);
  if (kept === digest && root !== undefined && /^[0-9a-f]{64}$/.test(root)) return fromHex(root);
  const fresh = compute();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}.tmp`, `${digest} ${toHex(fresh)}\n`);
  renameSync(`${file}.${process.pid}.tmp`, file);
  return fresh;
}

function readCache(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}

async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const part of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(part as Uint8Array);
  return hash.digest('hex');
}
