// SPDX-License-Identifier: Apache-2.0
// Tokens: reading them from samples, embeddings, and their gradients as contractions with one-hot matrices.
import { CHUNK } from './contract.ts';
import { FormatError } from './errors.ts';
import { flush, pow2 } from './float32.ts';
import type { TokenShape } from './program.ts';
import { colsOf, quantise } from './quantise.ts';

const f = Math.fround;

/** Token number `at` (0..context) of a sample. FormatError when it is outside the vocabulary. */
export function tokenAt({ vocab, context, bytes }: TokenShape, samples: Uint8Array, sample: number, at: number): number {
  const from = (sample * (context + 1) + at) * bytes;
  const high = samples[from] as number;
  const token = bytes === 1 ? high : (high << 8) | (samples[from + 1] as number);
  if (token >= vocab) throw new FormatError(`token: ${token} in sample ${sample} of the batch is not below ${vocab}`);
  return token;
}

/** Input tokens (shift 0) or labels (shift 1) of all rows. */
export function tokensOf(shape: TokenShape, samples: Uint8Array, rows: number, shift: 0 | 1): Uint16Array {
  const out = new Uint16Array(rows);
  for (let r = 0; r < rows; r++) out[r] = tokenAt(shape, samples, Math.floor(r / shape.context), (r % shape.context) + shift);
  return out;
}

/** out[r, c] = f(e[token of r, c] + p[position of r, c]) */
export function embed(tokens: Uint16Array, context: number, e: Float32Array, p: Float32Array, out: Float32Array): void {
  const width = out.length / tokens.length;
  tokens.forEach((token, r) => {
    const position = r % context;
    for (let c = 0; c < width; c++) out[r * width + c] = f((e[token * width + c] as number) + (p[position * width + c] as number));
  });
}

/**
 * out[v, c] = sum over the rows r with index[r] = v of Q14(dy)[r, c], scales per column of dy: the contraction with a
 * one-hot matrix, in its chunks of 1,024 rows. Chunks without row v add +0. `accumulate`: out = f(out + flush(sum)).
 */
export function scatter(index: Uint16Array, dy: Float32Array, out: Float32Array, accumulate: boolean): void {
  const rows = index.length;
  const width = dy.length / rows;
  const q = quantise(colsOf(dy, rows, width), 14);
  const sums = new Float32Array(out.length);
  const totals = new Int32Array(out.length);
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(from + CHUNK, rows);
    for (let r = from; r < to; r++) {
      const at = (index[r] as number) * width;
      for (let c = 0; c < width; c++) totals[at + c] = (totals[at + c] as number) + (q.mantissas[c * rows + r] as number);
    }
    for (let r = from; r < to; r++) {
      const at = (index[r] as number) * width;
      for (let c = 0; c < width; c++) {
        sums[at + c] = f((sums[at + c] as number) + f(f(totals[at + c] as number) * pow2(q.exponents[c] as number)));
        totals[at + c] = 0;
      }
    }
  }
  for (let i = 0; i < out.length; i++) out[i] = accumulate ? f((out[i] as number) + flush(sums[i] as number)) : (sums[i] as number);
}
