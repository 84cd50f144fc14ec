// SPDX-License-Identifier: Apache-2.0
// Text by the language model of a job: prompt to tokens, tokens by the exact sampler, tokens to text as they come.
import { writeTokens } from '../train/sample.ts';
import { type DataOptions, vocabularyOf } from './data/dataset.ts';
import { DataError } from './data/idx.ts';
import { createTextStream, tokensOf, type Vocabulary } from './data/vocabulary.ts';
import type { Model, ModelReader } from './model.ts';
import { present } from './work/context.ts';

export interface WriteOptions {
  readonly prompt: string;
  /** New tokens. */
  readonly tokens: number;
  /** 0 for the most likely token each time. */
  readonly temperature: number;
  readonly seed: string;
}

/** The vocabulary of the text that a job trains on. DataError when it is no text, or its set is not here. */
export async function vocabularyOfJob(model: Model, data: DataOptions = {}): Promise<Vocabulary> {
  const { kind } = model.spec.model;
  if (kind !== 'gpt') throw new DataError(`job ${model.job.id} trains a ${kind}, which writes no text`);
  const { name } = present(model.job.training, 'job.training');
  const vocabulary = await vocabularyOf(name, data);
  if (vocabulary === undefined) throw new DataError(`${name}: is no text here`);
  return vocabulary;
}

/** What the model adds to the prompt, piece by piece, as `reader`'s backend computes it in its own thread. */
export async function* writeText(
  reader: Pick<ModelReader, 'logits'>,
  model: Model,
  vocabulary: Vocabulary,
  options: WriteOptions,
): AsyncGenerator<string> {
  const { temperature, seed, tokens: count } = options;
  const prompt = tokensOf(vocabulary, options.prompt);
  const next = createTextStream(vocabulary);
  const logits = (tokens: readonly number[]): Promise<Float32Array> => reader.logits(model, tokens);
  for await (const token of writeTokens(model.spec.model, logits, { prompt, count, temperature, seed })) yield next(token);
}
