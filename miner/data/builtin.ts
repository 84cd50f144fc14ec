// SPDX-License-Identifier: Apache-2.0
// Sets that are made from installed packages when they are first asked for: fashion-mnist, and for each corpus and each
// context CORPUS-char-CONTEXT, CORPUS-byte-CONTEXT and CORPUS-bpeN-CONTEXT, N tokens learned from the corpus. They are kept in the project's cache for all daemons of the machine.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LIMITS } from '../../train/spec.ts';
import { LockError, lock } from '../lock.ts';
import { bpeVocabulary } from './bpe.ts';
import { BPE_SIZES, learnPairs, tokenizerJson } from './bpe-train.ts';
import { CORPORA, type Corpus } from './corpora.ts';
import { writeFashion } from './fashion.ts';
import { sourceOf } from './files.ts';
import { type BuildSet, buildSet, tokenizerFile } from './set.ts';
import { type TextPlan, writeText } from './text.ts';
import { BYTES, charactersOf, characterVocabulary } from './vocabulary.ts';

/** Where built sets are kept unless told otherwise. */
export const BUILT_FOLDER: string = fileURLToPath(new URL('../../.cache/data', import.meta.url));

/** Names to show; every other context can be named as well. */
export const BUILTIN_SETS: readonly string[] = ['fashion-mnist', 'kjv-char-64', 'kjv-char-128', 'sotu-char-64'];

const TEXT = /^([a-z]+)-(byte|char|bpe([1-9]\d{2,4}))-([1-9]\d{0,3})$/;

function builderOf(set: string): BuildSet | undefined {
  if (set === 'fashion-mnist') return (files) => writeFashion(files);
  const [, name, kind = '', learned, context] = TEXT.exec(set) ?? [];
  const corpus = CORPORA.find((c) => c.name === name);
  if (corpus === undefined || Number(context) > LIMITS.context) return undefined;
  const size = learned === undefined ? undefined : Number(learned);
  if (size !== undefined && (size < BPE_SIZES.least || size > BPE_SIZES.most)) return undefined;
  return async (files, folder) => {
    const vocabulary = await vocabularyFor(corpus, size ?? (kind === 'byte' ? 'byte' : 'char'), folder);
    return { ...writeText(corpus.chunks(), { ...vocabulary, context: Number(context) }, files, folder), source: sourceOf(corpus.files()) };
  };
}

/** The vocabulary of a built-in set: bytes, characters, or a number of learned tokens. */
async function vocabularyFor(corpus: Corpus, kind: 'byte' | 'char' | number, folder: string): Promise<Pick<TextPlan, 'vocabulary' | 'kept'>> {
  if (kind === 'byte') return { vocabulary: BYTES, kept: { kind: 'byte' } };
  if (kind === 'char') {
    const characters = charactersOf(corpus.chunks());
    return { vocabulary: characterVocabulary(characters), kept: { kind: 'character', characters: characters.join('') } };
  }
  const file = tokenizerFile(folder);
  writeFileSync(file, tokenizerJson(learnPairs(corpus.chunks(), kind)));
  return { vocabulary: await bpeVocabulary(file), kept: { kind: 'bpe', size: kind } };
}

/** Whether a set of that name can be made here. */
export function isBuiltin(set: string): boolean {
  return builderOf(set) !== undefined;
}

/** The folder of a built-in set, made when it is not there; of several processes that ask one makes it. Undefined for another name. */
export async function builtinFolder(set: string, cache: string = BUILT_FOLDER): Promise<string | undefined> {
  const build = builderOf(set);
  if (build === undefined) return undefined;
  const folder = join(cache, set);
  mkdirSync(cache, { recursive: true });
  for (;;) {
    if (existsSync(join(folder, 'set.json'))) return folder;
    const release = take(join(cache, `.${set}.lock`));
    if (release === undefined) {
      await sleep(100);
      continue;
    }
    try {
      if (!existsSync(join(folder, 'set.json'))) await buildSet(cache, set, build);
    } finally {
      release();
    }
  }
}

function take(file: string): (() => void) | undefined {
  try {
    return lock(file);
  } catch (error) {
    if (error instanceof LockError) return undefined;
    throw error;
  }
}
