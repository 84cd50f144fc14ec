// SPDX-License-Identifier: Apache-2.0
// Text from a language model, exactly: the same tokens on every machine. The tokens so far, the last `context` of them,
// go through the forward operations of the network as one sample of exactly their number, so nothing is padded; the
// logits of the last position decide. Temperature 0 takes the largest, the lowest token of equals. Else the table
// entries of softmax (docs/exact-arithmetic.md, section 4) of f(logit * f(1 / temperature)) are integer weights: with
// u the first word of the Philox block with counter (n, 0, 0, 0) for the n-th new token, counted from 0, the token is the
// first whose running sum exceeds floor(u * total / 2^32).
import { utf8 } from '../core/bytes.ts';
import { contract } from './contract.ts';
import { DOMAIN, domainHash } from './domains.ts';
import { FormatError, InvalidStepError } from './errors.ts';
import { flush } from './float32.ts';
import { layoutOf } from './layout.ts';
import { compileGpt } from './networks.ts';
import { execute } from './ops.ts';
import { keyOf, type PhiloxKey, philox } from './philox.ts';
import { isProduct, productOutput, productsOf } from './products.ts';
import type { Op } from './program.ts';
import { rowSoftmax } from './softmax.ts';
import { type GptSpec, type TrainSpec, tokenBytes } from './spec.ts';
import { allFinite, thetaOf } from './state.ts';
import type { Workspace } from './workspace.ts';

const f = Math.fround;

export interface SampleOptions {
  /** First tokens; at least one, each below vocab. */
  readonly prompt: readonly number[];
  /** New tokens. */
  readonly count: number;
  /** 0 for the most likely token each time, or a binary32 of at least 2^-10 and at most 2^10. */
  readonly temperature: number;
  /** Any text; decides the draws together with the model. */
  readonly seed: string;
}

/** New tokens one by one. FormatError for options against the rules or a model that is no gpt. */
export function* sampleTokens(spec: TrainSpec, state: Uint8Array, options: SampleOptions): Generator<number> {
  const { model } = spec;
  if (model.kind !== 'gpt') throw new FormatError(`model: a ${model.kind} writes no text, a gpt does`);
  check(model, options);
  const theta = thetaOf(layoutOf(spec), state);
  const key = keyOf(domainHash(DOMAIN.sampling, utf8(options.seed)));
  const tokens = [...options.prompt];
  for (let n = 0; n < options.count; n++) {
    const logits = nextLogits(spec, model, theta, tokens.slice(-model.context));
    const token = options.temperature === 0 ? rowSoftmax(logits, 0, model.vocab, new Uint32Array(model.vocab)).argmax : draw(logits, options, key, n);
    tokens.push(token);
    yield token;
  }
}

function check(model: GptSpec, { prompt, count, temperature }: SampleOptions): void {
  if (prompt.length === 0) throw new FormatError('prompt: must have a token');
  for (const token of prompt) {
    if (!Number.isInteger(token) || token < 0 || token >= model.vocab) throw new FormatError(`prompt: token ${token} is not below ${model.vocab}`);
  }
  if (!Number.isInteger(count) || count < 0) throw new FormatError('count: must be a whole number');
  if (temperature !== 0 && !(temperature >= 2 ** -10 && temperature <= 2 ** 10)) {
    throw new FormatError('temperature: must be 0 or from 2^-10 to 2^10');
  }
}

/** Logits of the token after `tokens` (1..context of them); vocab binary32. InvalidStepError when one is not finite. */
export function nextLogits(spec: TrainSpec, model: GptSpec, theta: Float32Array, tokens: readonly number[]): Float32Array {
  const rows = tokens.length;
  // The same tensors, of which the first `rows` positions are read.
  const program = compileGpt(spec, { ...model, context: rows }, 1);
  const workspace: Workspace = {
    rows: 1,
    shapes: program.buffers,
    buffers: program.buffers.map((shape) => new Float32Array(shape.rows * shape.cols)),
    samples: encodeSample(model.vocab, tokens),
    sampleBytes: (rows + 1) * tokenBytes(model.vocab),
    theta,
    gradient: new Float32Array(0),
    losses: new Int32Array(rows),
    predicted: new Uint16Array(rows),
  };
  for (const op of program.forward) {
    const out = run(op, workspace);
    for (let i = 0; i < out.length; i++) out[i] = flush(out[i] as number);
    if (!allFinite(out)) throw new InvalidStepError(`${op.op}: an output is not finite`);
  }
  const logits = workspace.buffers[program.logits] as Float32Array;
  return logits.slice((rows - 1) * model.vocab, rows * model.vocab);
}

function run(op: Op, w: Workspace): Float32Array {
  if (!isProduct(op)) return execute(op, w);
  for (const product of productsOf(op, w)) contract(product);
  return productOutput(op, w);
}

/** A sample of these inputs; its last label is token 0 and unused. */
function encodeSample(vocab: number, tokens: readonly number[]): Uint8Array {
  const bytes = tokenBytes(vocab);
  const sample = new Uint8Array((tokens.length + 1) * bytes);
  tokens.forEach((token, i) => {
    if (bytes === 2) sample[2 * i] = token >> 8;
    sample[bytes * (i + 1) - 1] = token & 255;
  });
  return sample;
}

function draw(logits: Float32Array, { temperature }: SampleOptions, key: PhiloxKey, n: number): number {
  const inverse = f(1 / f(temperature));
  const scaled = logits.map((x) => f(x * inverse));
  if (!allFinite(scaled)) throw new InvalidStepError('temperature: a scaled logit is not finite');
  const weights = new Uint32Array(scaled.length);
  rowSoftmax(scaled, 0, scaled.length, weights);
  let total = 0n;
  for (const weight of weights) total += BigInt(weight);
  const words = new Uint32Array(4);
  philox(key, Uint32Array.of(n, 0, 0, 0), words);
  // Rounded down, so it is below the total and some running sum exceeds it.
  let left = (BigInt(words[0] as number) * total) >> 32n;
  for (let token = 0; token < weights.length; token++) {
    left -= BigInt(weights[token] as number);
    if (left < 0n) return token;
  }
  throw new FormatError('weights: all are zero');
}
