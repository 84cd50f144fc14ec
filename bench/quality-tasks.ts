// SPDX-License-Identifier: Apache-2.0
// What the quality study trains: networks, recipes, data, and for each seed the first state and the order of the data.
import { openDataset, vocabularyOf } from '../miner/data/dataset.ts';
import { bitsOf } from '../train/float32.ts';
import type { Dataset } from '../train/round.ts';
import { gatherSamples } from '../train/round.ts';
import { sampleIndices } from '../train/samples.ts';
import { type CodeBits, type ModelSpec, type OptimizerSpec, sampleBytes, type TrainSpec } from '../train/spec.ts';
import { validateSpec } from '../train/validate.ts';

export const MODELS = ['mlp', 'cnn', 'gpt', 'gpt-large', 'gpt-100m'] as const;
export type ModelName = (typeof MODELS)[number];

export const TEXTS = ['kjv', 'sotu'] as const;
export type Text = (typeof TEXTS)[number];

/** Most samples that a model is judged on. */
const MOST_JUDGED = 4096;

interface Recipe {
  readonly optimizer: OptimizerSpec;
  readonly base: number;
  readonly floor: number;
  readonly warmup: number;
  readonly batch: number;
}

const adamw = (beta2: number): OptimizerSpec => ({ kind: 'adamw', beta1: bitsOf(0.9), beta2: bitsOf(beta2), epsilon: bitsOf(1e-8), weightDecay: 0 });
const CLASSIFIER: Recipe = { optimizer: adamw(0.999), base: 0.001, floor: 0.1, warmup: 20, batch: 64 };
const LANGUAGE: Recipe = { optimizer: adamw(0.95), base: 0.001, floor: 0.1, warmup: 20, batch: 16 };
/** 512 tokens of a step, and a rate for a wide and deep network. */
const LARGE: Recipe = { ...LANGUAGE, base: 0.0003, batch: 4 };

const GPT_SIZES = {
  gpt: { context: 64, width: 128, layers: 3, heads: 4 },
  'gpt-large': { context: 128, width: 256, layers: 4, heads: 4 },
  'gpt-100m': { context: 128, width: 800, layers: 13, heads: 10 },
} as const;

export interface StudyTask {
  readonly model: ModelName;
  /** Name of the data set without its part. */
  readonly data: string;
  readonly spec: TrainSpec;
  readonly training: Dataset;
  /** Parts that the model is judged on, by name, samples one after another. */
  readonly judged: Readonly<Record<string, Uint8Array>>;
}

async function modelOf(name: ModelName, data: string): Promise<ModelSpec> {
  switch (name) {
    case 'mlp':
      return { kind: 'mlp', layers: [784, 256, 10], inputExponent: -8 };
    case 'cnn': {
      const convolutions = [
        { filters: 16, kernel: 5, stride: 2 },
        { filters: 32, kernel: 3, stride: 2 },
      ];
      return { kind: 'cnn', height: 28, width: 28, channels: 1, convolutions, hidden: [64], classes: 10, inputExponent: -8 };
    }
    case 'gpt':
    case 'gpt-large':
    case 'gpt-100m': {
      const vocabulary = await vocabularyOf(`${data}/train`);
      if (vocabulary === undefined) throw new Error(`bench: ${data} is no text`);
      return { kind: 'gpt', vocab: vocabulary.size, ...GPT_SIZES[name], tied: false };
    }
    default:
      return name satisfies never;
  }
}

function dataOf(model: ModelName, text: Text): string {
  if (model === 'mlp') return 'mnist';
  if (model === 'cnn') return 'fashion-mnist';
  return `${text}-char-${model === 'gpt' ? 64 : 128}`;
}

function recipeOf(model: ModelName): Recipe {
  if (model === 'mlp' || model === 'cnn') return CLASSIFIER;
  return model === 'gpt-100m' ? LARGE : LANGUAGE;
}

/** At most `MOST_JUDGED` samples, evenly spread; all of a classifier's. */
async function judged(name: string, spec: TrainSpec): Promise<Uint8Array> {
  const set = await openDataset(name);
  const count = spec.model.kind === 'gpt' ? Math.min(set.size, MOST_JUDGED) : set.size;
  const indices = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * set.size) / count));
  return gatherSamples(spec, set, indices);
}

/** A task of `steps` steps: linear warm-up and decay, the same for every arm. */
export async function studyTask(model: ModelName, text: Text, steps: number, codeBits: CodeBits = 4): Promise<StudyTask> {
  const data = dataOf(model, text);
  const { optimizer, base, floor, warmup, batch } = recipeOf(model);
  const spec = validateSpec({
    arithmetic: 'exact8',
    model: await modelOf(model, data),
    optimizer,
    schedule: { baseRate: bitsOf(base), warmupSteps: Math.min(warmup, steps - 1), totalSteps: steps, floorRatio: bitsOf(floor) },
    batchSize: batch,
    codeBits,
  });
  const training = await openDataset(`${data}/train`);
  if (training.sample(0).length !== sampleBytes(spec.model)) throw new Error('bench: data and model do not fit');
  const parts = spec.model.kind === 'gpt' ? ['holdout'] : ['holdout', 'test'];
  const pairs = await Promise.all(parts.map(async (part) => [part, await judged(`${data}/${part}`, spec)] as const));
  return { model, data, spec, training, judged: Object.fromEntries(pairs) };
}

/** 32 bytes that no other seed or purpose has. */
export function seedBytes(seed: number, purpose: number): Uint8Array {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, seed);
  bytes[31] = purpose;
  return bytes;
}

/** The samples of a step (from 1): drawn as a miner's. */
export function batchOf({ spec, training }: StudyTask, seed: number, step: number): Uint8Array {
  return gatherSamples(spec, training, sampleIndices(seedBytes(seed, 2), step, spec.batchSize, training.size));
}
