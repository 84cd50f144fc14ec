// SPDX-License-Identifier: Apache-2.0
// A data set as a folder: three files of samples and a manifest, set.json, that says what they are. Text sets hold
// tokens (windows.ts makes samples of them), the others samples one after another.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fromHex } from '../../core/bytes.ts';
import { tokenBytes } from '../../train/spec.ts';
import { bpeVocabulary } from './bpe.ts';
import { DataError } from './idx.ts';
import { type PartReader, type PartRecord, readPart } from './part.ts';
import { BYTES, characterVocabulary, type Vocabulary } from './vocabulary.ts';
import { PARTS, type PartName, sampleCount, sampleStart, type Windows } from './windows.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(1);
const part = z.strictObject({ size: count, bytes: count, sha256: digest, root: digest });
const vocabulary = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('byte') }),
  z.strictObject({ kind: z.literal('character'), characters: z.string().min(2) }),
  z.strictObject({ kind: z.literal('bpe'), size: count }),
]);
const text = z.strictObject({ vocabulary, vocab: count.max(65_536), context: count, stride: count, piece: count });
const input = z.union([
  z.strictObject({ name: z.string(), least: z.number(), greatest: z.number() }),
  z.strictObject({ name: z.string(), values: z.array(z.string()).min(1) }),
]);
const table = z.strictObject({ label: z.string(), classes: z.array(z.string()).min(2).max(256), inputs: z.array(input).min(1) });
const manifest = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  sample_bytes: count,
  parts: z.strictObject({ train: part, holdout: part, test: part }),
  text: text.optional(),
  table: table.optional(),
  source: z.array(z.strictObject({ file: z.string(), bytes: z.int().min(0), sha256: digest })),
});

export type Manifest = Readonly<z.infer<typeof manifest>>;
export type TextManifest = Readonly<z.infer<typeof text>>;
export type TableManifest = Readonly<z.infer<typeof table>>;
export type TableInput = Readonly<z.infer<typeof input>>;
export type VocabularyManifest = Readonly<z.infer<typeof vocabulary>>;
export type PartRecords = Readonly<Record<PartName, PartRecord>>;

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

/** The manifest in a set's folder; undefined without one. DataError for one that is not ours. */
export function readManifest(folder: string): Manifest | undefined {
  const file = join(folder, 'set.json');
  if (!existsSync(file)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new DataError(`${file}: is not JSON: ${(error as Error).message}`);
  }
  const parsed = manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DataError(`${file}: ${issue?.path.join('.')}: ${issue?.message}`);
}

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
