// SPDX-License-Identifier: Apache-2.0
// set.json: what the files of a data set are.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from './idx.ts';
import type { PartRecord } from './part.ts';
import type { PartName, Windows } from './windows.ts';

export type PartRecords = Readonly<Record<PartName, PartRecord>>;

export type VocabularyManifest =
  | { readonly kind: 'byte' }
  /** All of them, in the order of their tokens. */
  | { readonly kind: 'character'; readonly characters: string }
  /** tokenizer.json lies beside the manifest. */
  | { readonly kind: 'bpe'; readonly size: number };

export interface TextManifest extends Windows {
  readonly vocabulary: VocabularyManifest;
  /** Tokens of the vocabulary. */
  readonly vocab: number;
}

/** A number scaled to a byte, or one byte per value. */
export type TableInput =
  | { readonly name: string; readonly least: number; readonly greatest: number }
  | { readonly name: string; readonly values: readonly string[] };

export interface TableManifest {
  readonly label: string;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  readonly inputs: readonly TableInput[];
}

export interface Source {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly format: 1;
  readonly name: string;
  readonly sample_bytes: number;
  readonly parts: PartRecords;
  /** Of a text. */
  readonly text?: TextManifest | undefined;
  /** Of a table. */
  readonly table?: TableManifest | undefined;
  readonly source: readonly Source[];
}

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
const shape: z.ZodType<Manifest> = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  sample_bytes: count,
  parts: z.strictObject({ train: part, holdout: part, test: part }),
  text: text.optional(),
  table: table.optional(),
  source: z.array(z.strictObject({ file: z.string(), bytes: z.int().min(0), sha256: digest })),
});

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
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DataError(`${file}: ${issue?.path.join('.')}: ${issue?.message}`);
}
