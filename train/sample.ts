// SPDX-License-Identifier: Apache-2.0
// Text from a language model, exactly: the same tokens on every machine. The tokens so far, the last `context` of them,
// go through the forward operations of the network (logits.ts); the logits of the last position decide. Temperature 0 takes the largest, the lowest token of equals. Else the table
// entries of softmax (docs/exact-arithmetic.md, section 4) of f(logit * f(1 / temperature)) are integer weights: with
// u the first word of the Philox block with counter (n, 0, 0, 0) for the n-th new token, counted from 0, the token is the
// first whose running sum exceeds floor(u * total / 2^32).
import { utf8 } from '../core/bytes.ts';
import { type Awaitable, currentState, type Trainer } from './backend.ts';
import { DOMAIN, domainHash } from './domains.ts';
import { FormatError, InvalidStepError } from './errors.ts';
import { keyOf, type PhiloxKey, philox } from './philox.ts';
import { reference } from './reference.ts';
import { rowSoftmax } from './softmax.ts';
import type { GptSpec, ModelSpec, TrainSpec } from './spec.ts';
import { allFinite } from './state.ts';

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

/** Logits of the token that follows the given ones. */
export type NextLogits = (tokens: readonly number[]) => Awaitable<Float32Array>;

/** New tokens one by one, by whatever computes the logits. FormatError for options against the rules or a model that is no gpt. */
export async function* writeTokens(model: ModelSpec, next: NextLogits, options: SampleOptions): AsyncGenerator<number> {
  const writer = new Writer(model, options);
  while (writer.left > 0) yield writer.take(await next(writer.inputs()));
}

/** The same by the reference. */
export function* sampleTokens(spec: TrainSpec, state: Uint8Array, options: SampleOptions): Generator<number> {
  const writer = new Writer(spec.model, options);
  const trainer = reference.create(spec);
  trainer.load(state);
  while (writer.left > 0) yield writer.take(trainer.logits(writer.inputs()));
}

/** Logits by a trainer and its present state, which must not change meanwhile; by the reference where it has none. */
export async function logitsBy(trainer: Trainer): Promise<NextLogits> {
  if (trainer.logits !== undefined) return (tokens) => trainer.logits?.(tokens) as Awaitable<Float32Array>;
  const instead = reference.create(trainer.spec);
  instead.load(await currentState(trainer));
  return (tokens) => instead.logits(tokens);
}

/** A text in the making. */
class Writer {
  readonly #model: GptSpec;
  readonly #options: SampleOptions;
  readonly #key: PhiloxKey;
  readonly #tokens: number[];
  #written = 0;

  constructor(model: ModelSpec, options: SampleOptions) {
    if (model.kind !== 'gpt') throw new FormatError(`model: a ${model.kind} writes no text, a gpt does`);
    check(model, options);
    this.#model = model;
    this.#options = options;
    this.#key = keyOf(domainHash(DOMAIN.sampling, utf8(options.seed)));
    this.#tokens = options.prompt.slice(-model.context);
  }

  /** Tokens that are still to be written. */
  get left(): number {
    return this.#options.count - this.#written;
  }

  /** What the network reads next. */
  inputs(): readonly number[] {
    return this.#tokens;
  }

  /** The next token, by its logits. */
  take(logits: Float32Array): number {
    const { vocab, context } = this.#model;
    const greedy = this.#options.temperature === 0;
    const token = greedy ? rowSoftmax(logits, 0, vocab, new Uint32Array(vocab)).argmax : draw(logits, this.#options, this.#key, this.#written);
    this.#written++;
    this.#tokens.push(token);
    if (this.#tokens.length > context) this.#tokens.shift();
    return token;
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
