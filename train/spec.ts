// SPDX-License-Identifier: Apache-2.0
// What a job trains and how, as a small message; nothing in it is code. Floating values travel as binary32 bits.

/** Fully connected network: `layers[0]` inputs, hidden layers with ReLU, `layers.at(-1)` classes. */
export interface MlpSpec {
  readonly kind: 'mlp';
  /** Widths, inputs first, classes last: two to sixteen of them. */
  readonly layers: readonly number[];
  /** An input byte p enters as p * 2^inputExponent, exactly; -16..0. */
  readonly inputExponent: number;
}

export type ModelSpec = MlpSpec;

export interface SgdSpec {
  readonly kind: 'sgd';
  /** binary32 bits; 0, or 2^-20 <= momentum < 1. */
  readonly momentum: number;
}

export interface AdamwSpec {
  readonly kind: 'adamw';
  /** binary32 bits; 0, or 2^-20 <= beta1 <= 1 - 2^-12. */
  readonly beta1: number;
  /** binary32 bits; 2^-20 <= beta2 <= 1 - 2^-12. */
  readonly beta2: number;
  /** binary32 bits; 2^-40 <= epsilon <= 1. */
  readonly epsilon: number;
  /** binary32 bits; 0, or 2^-30 <= weightDecay <= 1. */
  readonly weightDecay: number;
}

export type OptimizerSpec = SgdSpec | AdamwSpec;

/** Linear warm-up, then linear decay from `baseRate` to `baseRate * floorRatio` at `totalSteps`; functions of the global step. */
export interface ScheduleSpec {
  /** binary32 bits; 2^-40 <= baseRate <= 16. */
  readonly baseRate: number;
  /** Steps of warm-up, 0..totalSteps - 1. */
  readonly warmupSteps: number;
  /** 1..2^24, so that every step number is exact in binary32. */
  readonly totalSteps: number;
  /** binary32 bits; 0, or 2^-20 <= floorRatio <= 1. */
  readonly floorRatio: number;
}

export interface TrainSpec {
  readonly arithmetic: 'exact8';
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Samples of a step, 1..65,536. */
  readonly batchSize: number;
}

/** Hard limits: what `validateSpec` lets through can be laid out in memory without surprise. */
export const LIMITS = {
  layers: 16,
  width: 65_536,
  batchSize: 65_536,
  parameters: 268_435_456,
  /** Elements of all layer outputs of one step together. */
  activations: 268_435_456,
  totalSteps: 16_777_216,
} as const;

/** Bytes of one encoded sample of the data set: u8 inputs, then for classifiers one label byte. */
export function sampleBytes(model: ModelSpec): number {
  return (model.layers[0] as number) + 1;
}

/** Number of classes (columns of the logits). */
export function classCount(model: ModelSpec): number {
  return model.layers[model.layers.length - 1] as number;
}
