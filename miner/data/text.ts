// SPDX-License-Identifier: Apache-2.0
// Text into a set: all tokens into one file, then piece after piece into its part. Nothing is held but one piece.
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tokenBytes } from '../../train/spec.ts';
import type { PartRecords, VocabularyManifest } from './manifest.ts';
import { PartWriter } from './part.ts';
import type { SetContent } from './set.ts';
import type { Vocabulary } from './vocabulary.ts';
import { PARTS, type PartName, partOf, type Windows, windowCount, windowsOf } from './windows.ts';

export interface TextPlan {
  readonly vocabulary: Vocabulary;
  /** How the manifest names it. */
  readonly kept: VocabularyManifest;
  readonly context: number;
  readonly stride?: number;
}

/** Writes the parts of a text set. DataError for a text that is too short or has characters without a token. */
export function writeText(
  chunks: Iterable<Uint8Array>,
  plan: TextPlan,
  files: (part: PartName) => string,
  folder: string,
): Pick<SetContent, 'sample_bytes' | 'parts' | 'text'> {
  const each = tokenBytes(plan.vocabulary.size);
  const all = join(folder, 'all.bin');
  const total = writeTokens(all, plan.vocabulary.encode(chunks), each);
  const windows = windowsOf(total, plan.context, plan.stride);
  const parts = writeParts(all, total, windows, each, files);
  rmSync(all);
  const text = { vocabulary: plan.kept, vocab: plan.vocabulary.size, ...windows };
  return { sample_bytes: (windows.context + 1) * each, parts, text };
}

/** Big-endian tokens of one or two bytes; returns their number. */
function writeTokens(file: string, tokens: Iterable<Uint16Array>, each: 1 | 2): number {
  const handle = openSync(file, 'wx');
  let total = 0;
  try {
    for (const some of tokens) {
      const bytes = each === 1 ? Uint8Array.from(some) : new Uint8Array(some.length * 2);
      if (each === 2) {
        const view = new DataView(bytes.buffer);
        some.forEach((token, i) => {
          view.setUint16(2 * i, token);
        });
      }
      for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
      total += some.length;
    }
  } finally {
    closeSync(handle);
  }
  return total;
}

function writeParts(all: string, total: number, windows: Windows, each: number, files: (part: PartName) => string): PartRecords {
  const { piece, stride, context } = windows;
  const writers = Object.fromEntries(PARTS.map((part) => [part, new PartWriter(files(part))])) as Record<PartName, PartWriter>;
  const handle = openSync(all, 'r');
  const sample = (context + 1) * each;
  try {
    const last = Math.ceil(total / piece) - 1;
    for (let i = 0; i <= last; i++) {
      const tokens = Math.min(piece, total - i * piece);
      const bytes = readWhole(handle, i * piece * each, tokens * each);
      const writer = writers[partOf(i)];
      writer.write(bytes);
      for (let w = 0; w < windowCount(windows, tokens); w++) writer.sample(bytes.subarray(w * stride * each, w * stride * each + sample));
    }
    return Object.fromEntries(PARTS.map((part) => [part, writers[part].finish()])) as Record<PartName, ReturnType<PartWriter['finish']>>;
  } finally {
    closeSync(handle);
  }
}

function readWhole(handle: number, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let got = 0; got < length; ) got += readSync(handle, bytes, got, length - got, from + got);
  return bytes;
}
