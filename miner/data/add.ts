// SPDX-License-Identifier: Apache-2.0
// One's own data: a text file, a folder of them, or a CSV file becomes a set that jobs can name.
import { copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { LIMITS } from '../../train/spec.ts';
import { bpeVocabulary } from './bpe.ts';
import { learnPairs, tokenizerJson } from './bpe-train.ts';
import { isBuiltin } from './builtin.ts';
import { chunksOf, filesAt, sourceOf } from './files.ts';
import { DataError } from './idx.ts';
import type { Manifest } from './manifest.ts';
import { MNIST_NAMES } from './mnist.ts';
import { buildSet, checkName, tokenizerFile } from './set.ts';
import { writeTable } from './table.ts';
import { type TextPlan, writeText } from './text.ts';
import { BYTES, charactersOf, characterVocabulary } from './vocabulary.ts';

/** Folder of one's own sets: POGO_DATA, or `data` in the home of the keys. */
export function ownFolder(): string {
  const told = process.env['POGO_DATA'];
  return told === undefined || told === '' ? join(homedir(), '.pogo', 'data') : told;
}

export interface AddOptions {
  /** Name of the set; that of the file without its ending by default. */
  readonly name?: string;
  /** `byte`, `character` (the default), `bpe:N` for N tokens learned from the text, or the path of a tokenizer.json. */
  readonly vocabulary?: string;
  /** Tokens that the model sees, 64 by default; for texts. */
  readonly context?: number;
  /** Tokens from one sample to the next, the context by default. */
  readonly stride?: number;
  /** Column of the label, the last one by default; for tables. */
  readonly label?: string;
}

/** A name for a set from that of a file. */
function nameOf(path: string): string {
  const base = basename(path, extname(path)).toLowerCase();
  return base.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
}

/** Makes a set in `parent`. DataError names what is wrong; nothing is left behind then. */
export async function addSet(path: string, options: AddOptions = {}, parent: string = ownFolder()): Promise<Manifest> {
  const name = options.name ?? nameOf(path);
  checkName(name);
  if (isBuiltin(name) || MNIST_NAMES.some((known) => known.startsWith(`${name}/`))) throw new DataError(`name: "${name}" is that of a built-in set`);
  if (existsSync(join(parent, name))) throw new DataError(`name: there is a set "${name}" in ${parent}; remove it first or choose another name`);
  const files = filesAt(path);
  const isTable = extname(path).toLowerCase() === '.csv' && statSync(path).isFile();
  const [foreign] = isTable ? (['vocabulary', 'context', 'stride'] as const).filter((key) => options[key] !== undefined) : [];
  if (foreign !== undefined) throw new DataError(`${foreign}: is for texts, ${path} is a table`);
  if (!isTable && options.label !== undefined) throw new DataError(`label: is for tables, ${path} is a text`);
  return await buildSet(parent, name, async (parts, folder) => {
    if (isTable) return { ...writeTable(path, options.label, parts), source: sourceOf(files) };
    const plan = await planOf(files, options, folder);
    return { ...writeText(textChunks(files), plan, parts, folder), source: sourceOf(files) };
  });
}

async function planOf(files: readonly string[], { vocabulary = 'character', context = 64, stride }: AddOptions, folder: string): Promise<TextPlan> {
  inRange(context, 'context', LIMITS.context);
  if (stride !== undefined) inRange(stride, 'stride', context);
  const base = { context, ...(stride === undefined ? {} : { stride }) };
  if (vocabulary === 'byte') return { ...base, vocabulary: BYTES, kept: { kind: 'byte' } };
  if (vocabulary === 'character') {
    const characters = charactersOf(textChunks(files));
    return { ...base, vocabulary: characterVocabulary(characters), kept: { kind: 'character', characters: characters.join('') } };
  }
  const [, size] = /^bpe:(\d{1,9})$/.exec(vocabulary) ?? [];
  if (size === undefined && !vocabulary.endsWith('.json')) {
    throw new DataError(`vocabulary: expected byte, character, bpe:N or the path of a tokenizer.json, got "${vocabulary}"`);
  }
  const file = tokenizerFile(folder);
  if (size !== undefined) writeFileSync(file, tokenizerJson(learnPairs(textChunks(files), Number(size))));
  const bpe = await bpeVocabulary(size === undefined ? vocabulary : file);
  if (size === undefined) copyFileSync(vocabulary, file);
  return { ...base, vocabulary: bpe, kept: { kind: 'bpe', size: bpe.size } };
}

function inRange(value: number, name: string, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) throw new DataError(`${name}: must be an integer from 1 to ${most}, got ${value}`);
}

/** The texts of all files, a line end between two. */
function* textChunks(files: readonly string[]): Generator<Uint8Array> {
  for (const [i, file] of files.entries()) {
    if (i > 0) yield Uint8Array.of(10);
    yield* chunksOf(file);
  }
}
