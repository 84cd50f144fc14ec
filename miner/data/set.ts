// SPDX-License-Identifier: Apache-2.0
// A data set as a folder: three files of samples and a manifest, set.json, that says what they are. Text sets hold
// tokens (windows.ts makes samples of them), the others samples one after another.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../core/bytes.ts';
import { tokenBytes } from '../../train/spec.ts';
import { bpeVocabulary } from './bpe.ts';
import { DataError } from './idx.ts';
import { type Manifest, readManifest, type TextManifest } from './manifest.ts';
import { type PartReader, type PartRecord, readPart } from './part.ts';
import { BYTES, characterVocabulary, type Vocabulary } from './vocabulary.ts';
import { PARTS, type PartName, sampleCount, sampleStart, type Windows } from './windows.ts';

/** Names of sets: they are folders and stand in job messages. */
const NAME = /^[a-z0-9][a-z0-9-]{0,47}$/;

/** Throws DataError unless `name` can name a set. */
export function checkName(name: string): void {
  if (!NAME.test(name)) throw new DataError(`name: "${name}" must be 1 to 48 lower-case letters, digits or "-", the first none of the last`);
}

/** Splits SET/PART; undefined for anything else. */
export function splitName(name: string): { readonly set: string; readonly part: PartName } | undefined {
  const [set = '', part = '', ...more] = name.split('/');
  return more.length === 0 && NAME.test(set) && (PARTS as readonly string[]).includes(part) ? { set, part: part as PartName } : undefined;
}

const partFile = (folder: string, part: PartName): string => join(folder, `${part}.bin`);
export const tokenizerFile = (folder: string): string => join(folder, 'tokenizer.json');

/** Sets in a folder of sets, by name. */
export function listSets(parent: string): Manifest[] {
  if (!existsSync(parent)) return [];
  const names = readdirSync(parent).filter((name) => NAME.test(name));
  return names.sort((a, b) => (a < b ? -1 : 1)).flatMap((name) => readManifest(join(parent, name)) ?? []);
}

/** What a builder makes in the folder that it is given. */
export type SetContent = Pick<Manifest, 'sample_bytes' | 'parts' | 'text' | 'table' | 'source'>;
export type BuildSet = (files: (part: PartName) => string, folder: string) => Promise<SetContent> | SetContent;

/** Builds a set in a folder of its own, which gets its name only when it is complete. */
export async function buildSet(parent: string, name: string, build: BuildSet): Promise<Manifest> {
  checkName(name);
  const folder = join(parent, `.${name}.${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const content = await build((part) => partFile(folder, part), folder);
    const made: Manifest = { format: 1, name, ...content };
    writeFileSync(join(folder, 'set.json'), `${JSON.stringify(made, null, 2)}\n`, { flush: true });
    renameSync(folder, join(parent, name));
    return made;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Samples of one part, and their root as recorded. */
export interface OpenedPart {
  readonly size: number;
  readonly sampleBytes: number;
  readonly root: Uint8Array;
  /** Sample `index`, 0..size - 1. */
  read(index: number): Uint8Array;
}

/** Opens a part. DataError when its file is not the recorded one. */
export function openSet(folder: string, { parts, sample_bytes: bytes, text: texts }: Manifest, part: PartName): OpenedPart {
  const record = parts[part];
  const reader = readPart(partFile(folder, part), record);
  const { size, read } = texts === undefined ? plain(record, bytes, reader) : windowed(record, bytes, reader, texts);
  if (size !== record.size) throw new DataError(`${folder}: part ${part} has ${size} samples, its manifest says ${record.size}`);
  return { size, sampleBytes: bytes, root: fromHex(record.root), read };
}

type Samples = Pick<OpenedPart, 'size' | 'read'>;

function plain(record: PartRecord, bytes: number, reader: PartReader): Samples {
  return { size: record.bytes / bytes, read: (index) => reader(index * bytes, bytes) };
}

function windowed(record: PartRecord, bytes: number, reader: PartReader, { vocab, context, stride, piece }: TextManifest): Samples {
  const windows: Windows = { context, stride, piece };
  const each = tokenBytes(vocab);
  return { size: sampleCount(windows, record.bytes / each), read: (index) => reader(sampleStart(windows, index) * each, bytes) };
}

/** The vocabulary of a text set; undefined for another one. */
export async function vocabularyIn(folder: string, { text: texts }: Manifest): Promise<Vocabulary | undefined> {
  if (texts === undefined) return undefined;
  const { vocabulary: kept } = texts;
  if (kept.kind === 'byte') return BYTES;
  if (kept.kind === 'character') return characterVocabulary([...kept.characters]);
  return await bpeVocabulary(tokenizerFile(folder));
}
