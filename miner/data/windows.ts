// SPDX-License-Identifier: Apache-2.0
// How a text becomes samples. Its tokens are cut into pieces of equal length (the last may be shorter); of each ten
// pieces the last is kept back, so that what rounds are judged on lies between what is trained on, and never overlaps it.
// A sample is a window of context + 1 tokens; windows begin every `stride` tokens of a piece and never leave it.
import { DataError } from './idx.ts';

export const PARTS = ['train', 'holdout', 'test'] as const;
export type PartName = (typeof PARTS)[number];

/** Least number of units (pieces of a text, rows of a table), so that each part has some. */
export const LEAST_UNITS = 40;

/** The part of unit `i`: of each ten the last is kept back, in turn for holdout and test. */
export function partOf(i: number): PartName {
  if (i % 10 !== 9) return 'train';
  return Math.floor(i / 10) % 2 === 0 ? 'holdout' : 'test';
}

export interface Windows {
  readonly context: number;
  readonly stride: number;
  /** Tokens of a piece. */
  readonly piece: number;
}

/** Longest piece: some pages of a book in characters. */
const MOST_PIECE = 8192;

/**
 * Windows over a text of `total` tokens: pieces of at most 8,192 tokens, fewer when the text would have less than 40
 * pieces, of a length that whole strides fill. DataError for a text that is too short.
 */
export function windowsOf(total: number, context: number, stride: number = context): Windows {
  const least = LEAST_UNITS * (context + 1);
  if (total < least) throw new DataError(`the text has ${total} tokens, a context of ${context} takes at least ${least}`);
  const most = Math.max(context + 1, Math.min(MOST_PIECE, Math.floor(total / LEAST_UNITS)));
  return { context, stride, piece: context + 1 + stride * Math.floor((most - context - 1) / stride) };
}

/** Windows in `tokens` consecutive tokens. */
export function windowCount({ context, stride }: Windows, tokens: number): number {
  return tokens < context + 1 ? 0 : Math.floor((tokens - context - 1) / stride) + 1;
}

/** Samples in a part of `tokens` tokens: whole pieces and perhaps a shorter one behind them. */
export function sampleCount(windows: Windows, tokens: number): number {
  const pieces = Math.floor(tokens / windows.piece);
  return pieces * windowCount(windows, windows.piece) + windowCount(windows, tokens - pieces * windows.piece);
}

/** First token of a sample in its part. */
export function sampleStart(windows: Windows, index: number): number {
  const each = windowCount(windows, windows.piece);
  const piece = Math.floor(index / each);
  return piece * windows.piece + (index - piece * each) * windows.stride;
}
