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

/**
 * Decoder-only language model: token and position embeddings; per layer RMSNorm, causal attention, RMSNorm and a
 * ReLU-squared block of four times the width; a last RMSNorm and the head. No biases.
 */
export interface GptSpec {
  readonly kind: 'gpt';
  /** Tokens 0..vocab - 1; 2..65,536. */
  readonly vocab: number;
  /** Positions of a sample; 1..4,096. */
  readonly context: number;
  /** A multiple of heads; 1..65,536. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Whether the head's weight is the token embedding. */
  readonly tied: boolean;
}

/** A square convolution with ReLU; zero padding of floor((kernel - 1) / 2) on every side; pooling is by stride. */
export interface ConvolutionSpec {
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
}

/** Image classifier: convolutions, hidden layers with ReLU, classes. */
export interface CnnSpec {
  readonly kind: 'cnn';
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly convolutions: readonly ConvolutionSpec[];
  readonly hidden: readonly number[];
  readonly classes: number;
  /** An input byte p enters as p * 2^inputExponent, exactly; -16..0. */
  readonly inputExponent: number;
}

export type ModelSpec = MlpSpec | GptSpec | CnnSpec;
export type ModelKind = ModelSpec['kind'];

/** Both optimisers: `clip` bounds the norm of the gradient; binary32 bits, 2^-20 <= clip <= 2^20; absent: no bound. */
export interface SgdSpec {
  readonly kind: 'sgd';
  /** binary32 bits; 0, or 2^-20 <= momentum < 1. */
  readonly momentum: number;
  readonly clip?: number;
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
  readonly clip?: number;
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
  /** Absent: 4. */
  readonly codeBits?: 5;
}

/** Bits of a parameter's gradient code (codes.ts). */
export type CodeBits = 4 | 5;

export function codeBitsOf(spec: TrainSpec): CodeBits {
  return spec.codeBits ?? 4;
}

/** A specification of a fully connected network. */
export type MlpTrainSpec = TrainSpec & { readonly model: MlpSpec };

/** Hard limits: what `validateSpec` lets through can be laid out in memory without surprise. */
export const LIMITS = {
  layers: 16,
  /** Layers of a gpt. */
  blocks: 128,
  context: 4096,
  vocab: 65_536,
  kernel: 11,
  width: 65_536,
  batchSize: 65_536,
  parameters: 268_435_456,
  /** Elements of all layer outputs of one step together. */
  activations: 268_435_456,
  totalSteps: 16_777_216,
} as const;

/** Bytes of one token in a sample: big-endian. */
export function tokenBytes(vocab: number): 1 | 2 {
  return vocab <= 256 ? 1 : 2;
}

/**
 * Bytes of one encoded sample of the data set. Classifiers: one byte per input (images row by row, channels last),
 * then the label. Language models: context + 1 tokens, of which all but the first are the labels.
 */
export function sampleBytes(model: ModelSpec): number {
  switch (model.kind) {
    case 'mlp':
      return (model.layers[0] as number) + 1;
    case 'cnn':
      return model.height * model.width * model.channels + 1;
    case 'gpt':
      return (model.context + 1) * tokenBytes(model.vocab);
    default:
      return model satisfies never;
  }
}

/** Number of classes (columns of the logits). */
export function classCount(model: ModelSpec): number {
  switch (model.kind) {
    case 'mlp':
      return model.layers[model.layers.length - 1] as number;
    case 'cnn':
      return model.classes;
    case 'gpt':
      return model.vocab;
    default:
      return model satisfies never;
  }
}

/** Rows of logits per sample: one, or one per position. */
export function rowsPerSample(model: ModelSpec): number {
  return model.kind === 'gpt' ? model.context : 1;
}
