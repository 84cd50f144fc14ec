// SPDX-License-Identifier: Apache-2.0
// What runs training steps. All backends give the same bits; `reference.ts` defines them. A backend may be
// asynchronous (threads, a GPU), so callers outside the state machine await every method; the chain uses the
// synchronous reference only.
import type { Layout } from './layout.ts';
import type { Parts } from './parts.ts';
import type { ModelKind, TrainSpec } from './spec.ts';

export type Awaitable<T> = T | Promise<T>;

export interface StepResult {
  /** The 4-bit gradient codes, leafCount * 528 bytes; owned by the caller. */
  readonly codes: Uint8Array;
  /** Sum over the batch of the per-sample losses, in 2^-16 nats. */
  readonly loss: bigint;
}

export interface GradientResult extends StepResult {
  /**
   * Logits (rows * classes), then the gradient before coding in the padded layout (paddedCount), as
   * little-endian binary32: what a verifier digests to show that it ran both passes.
   */
  readonly activations: Uint8Array;
}

export interface Evaluation {
  /** Loss per sample in 2^-16 nats, 0..2^31 - 1; of a language model the mean over its positions, rounded down. */
  readonly losses: Int32Array;
  /** Index of the largest logit per sample (of its last position), the lowest one of equals. */
  readonly predicted: Uint16Array;
}

/** `full`: the binary32 parameters; `four`: their 4-bit linear form (model4.ts), decoded. */
export type ModelForm = 'full' | 'four';

/**
 * One model in training. Samples are `sampleBytes(spec.model)` bytes each, one after another. `globalStep` counts
 * from 1 over the whole job (finalised steps before the round plus the step in the round).
 * After any error the state is unspecified until the next `load`.
 */
export interface Trainer {
  readonly spec: TrainSpec;
  readonly layout: Layout;
  /** Takes a copy of a state in leaf layout. InvalidStateError unless `checkState` (state.ts) accepts it. */
  load(state: Parts): Awaitable<void>;
  /** A copy of the state in leaf layout. */
  state(): Awaitable<Uint8Array>;
  /** The state in leaf layout as it lies here, read in parts of whole leaves: it changes with the next step, load or close. */
  view?(): Awaitable<Parts>;
  /** Gradient of exactly batchSize samples, coded, and the update with the decoded codes. InvalidStepError. */
  step(samples: Uint8Array, globalStep: number): Awaitable<StepResult>;
  /** The same gradient without moving the state. InvalidStepError. */
  gradient(samples: Uint8Array): Awaitable<GradientResult>;
  /** The update alone, from codes. InvalidCodesError, InvalidStepError. */
  applyCodes(codes: Uint8Array, globalStep: number): Awaitable<void>;
  /** Losses and classes of any number of samples. InvalidStepError; InvalidStateError when there is no 4-bit form. */
  evaluate(samples: Uint8Array, form: ModelForm): Awaitable<Evaluation>;
  /**
   * Logits of the token that follows `tokens`, 1 to context of them, by a language model: vocab binary32. FormatError for other
   * tokens or another network, InvalidStepError. `logitsBy` (sample.ts) takes the reference for a trainer without it.
   */
  logits?(tokens: readonly number[]): Awaitable<Float32Array>;
  /** Releases threads and memory; the trainer is unusable afterwards. */
  close(): Awaitable<void>;
}

/** A trainer whose every method returns its value at once. */
export interface SyncTrainer extends Trainer {
  load(state: Parts): void;
  state(): Uint8Array;
  view?(): Parts;
  step(samples: Uint8Array, globalStep: number): StepResult;
  gradient(samples: Uint8Array): GradientResult;
  applyCodes(codes: Uint8Array, globalStep: number): void;
  evaluate(samples: Uint8Array, form: ModelForm): Evaluation;
  logits(tokens: readonly number[]): Float32Array;
  close(): void;
}

/** A trainer's state, to be read before anything else is asked of it: where it lies, or a copy. */
export async function currentState(trainer: Trainer): Promise<Parts> {
  return trainer.view === undefined ? await trainer.state() : await trainer.view();
}

export interface Backend {
  readonly name: string;
  /** The networks that it trains. */
  readonly kinds: readonly ModelKind[];
  /** A trainer for a validated specification; its state is all zeros until `load`. */
  create(spec: TrainSpec): Awaitable<Trainer>;
}

export interface SyncBackend extends Backend {
  create(spec: TrainSpec): SyncTrainer;
}
