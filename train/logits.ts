// SPDX-License-Identifier: Apache-2.0
// The forward pass for the token that comes next: the tokens so far as one sample of exactly their number, so nothing is padded,
// and of the last product only the row that is asked for, since rows do not influence each other there.
import { FormatError } from './errors.ts';
import { compileGpt } from './networks.ts';
import type { BufferShape, Op, Program } from './program.ts';
import { type GptSpec, type TrainSpec, tokenBytes } from './spec.ts';

/** A forward pass up to the head, and the head, which reads one row. */
export interface NextToken {
  readonly model: GptSpec;
  /** Positions. */
  readonly rows: number;
  /** Compiled for one sample of `rows` tokens; the same buffers as of the whole context, smaller. */
  readonly program: Program;
  readonly body: readonly Op[];
  readonly head: Extract<Op, { op: 'linear' }>;
  /** Shapes of the buffers while the head runs. */
  readonly headShapes: readonly BufferShape[];
}

/** The pass over `tokens`. FormatError for a network that writes no text, or tokens against the rules. */
export function compileNext(spec: TrainSpec, tokens: readonly number[]): NextToken {
  const { model } = spec;
  if (model.kind !== 'gpt') throw new FormatError(`model: a ${model.kind} writes no text, a gpt does`);
  const rows = tokens.length;
  if (rows < 1 || rows > model.context) throw new FormatError(`tokens: must be 1 to ${model.context} of them, got ${rows}`);
  for (const token of tokens) {
    if (!Number.isInteger(token) || token < 0 || token >= model.vocab) throw new FormatError(`tokens: ${token} is not below ${model.vocab}`);
  }
  const program = compileGpt(spec, { ...model, context: rows }, 1);
  const body = program.forward.slice(0, -1);
  const head = program.forward.at(-1);
  if (head?.op !== 'linear' || head.out !== program.logits) throw new Error('a gpt must end with its head');
  const headShapes = program.buffers.map((shape, buffer) => (buffer === head.x || buffer === head.out ? { ...shape, rows: 1 } : shape));
  return { model, rows, program, body, head, headShapes };
}

/** A sample of these inputs; its last label is token 0 and unused. */
export function encodeSample(vocab: number, tokens: readonly number[]): Uint8Array {
  const bytes = tokenBytes(vocab);
  const sample = new Uint8Array((tokens.length + 1) * bytes);
  tokens.forEach((token, i) => {
    if (bytes === 2) sample[2 * i] = token >> 8;
    sample[bytes * (i + 1) - 1] = token & 255;
  });
  return sample;
}
