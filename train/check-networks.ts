// SPDX-License-Identifier: Apache-2.0
// Small networks, and samples for them, on which a backend's kernels are compared with the reference operation by operation.
import { philox } from './philox.ts';
import { classCount, type ModelSpec, type OptimizerSpec, sampleBytes, type TrainSpec, tokenBytes } from './spec.ts';

/** Floats as binary32 bits: momentum 0.9; 0.9, 0.999, 1e-8, 0.01. */
export const SGD: OptimizerSpec = { kind: 'sgd', momentum: 0x3f666666 };
export const ADAMW: OptimizerSpec = { kind: 'adamw', beta1: 0x3f666666, beta2: 0x3f7fbe77, epsilon: 0x322bcc77, weightDecay: 0x3c23d70a };

export function small(model: ModelSpec, batchSize: number, optimizer: OptimizerSpec): TrainSpec {
  const schedule = { baseRate: 0x3d4ccccd, warmupSteps: 1, totalSteps: 9, floorRatio: 0 };
  return { arithmetic: 'exact8', model, optimizer, schedule, batchSize };
}

export function mlp(layers: readonly number[], batchSize: number, optimizer: OptimizerSpec): TrainSpec {
  return small({ kind: 'mlp', layers, inputExponent: -8 }, batchSize, optimizer);
}

const CONVOLUTIONS = [
  { filters: 5, kernel: 3, stride: 2 },
  { filters: 6, kernel: 2, stride: 1 },
];
export const IMAGES: ModelSpec = {
  kind: 'cnn',
  height: 7,
  width: 6,
  channels: 2,
  convolutions: CONVOLUTIONS,
  hidden: [9],
  classes: 3,
  inputExponent: -8,
};
export const RAGGED: ModelSpec = { kind: 'gpt', vocab: 300, context: 7, width: 15, layers: 1, heads: 3, tied: true };

/** Samples whose columns differ in magnitude, as pixels do; some are 0 and 255. Tokens and labels are in range. */
export function samplesOf(spec: TrainSpec, draw: number): Uint8Array {
  const { model } = spec;
  const bytes = sampleBytes(model);
  const classes = classCount(model);
  const wide = model.kind === 'gpt' && tokenBytes(model.vocab) === 2;
  const out = new Uint8Array(spec.batchSize * bytes);
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i++) {
    philox([1, 2], Uint32Array.of(wide ? i >> 1 : i, draw, 0, 0), words);
    const word = words[0] as number;
    if (wide) out[i] = ((word % classes) >> (i & 1 ? 0 : 8)) & 255;
    else if (model.kind === 'gpt' || i % bytes === bytes - 1) out[i] = word % classes;
    else out[i] = (word & 255) >> ((i % bytes) % 9);
  }
  return out;
}
