// SPDX-License-Identifier: Apache-2.0
// What the worker thread can be asked to do. Tasks and results are plain values; states and artifacts stay on disk
// and are named by their roots.
import type { LeafOpening, Report } from '../../proto/gen/pogo.v1.ts';
import type { TrainSpec } from '../../train/spec.ts';
import type { CommitRoots, RoundContext } from './context.ts';

/** Derives the initial state from the job's seed and keeps it. */
export interface InitTask {
  readonly kind: 'init';
  readonly spec: TrainSpec;
  readonly seed: Uint8Array;
}
export interface InitResult {
  readonly root: Uint8Array;
}

/** Trains a round from the kept parent state; keeps artifact and final state. */
export interface TrainTask {
  readonly kind: 'train';
  readonly context: RoundContext;
  /** Address bytes. */
  readonly miner: Uint8Array;
  /** Name of an attack (attacks/) that interferes with the trainer; honest without. */
  readonly attack?: string;
}
export interface TrainResult extends CommitRoots {
  readonly artifactRoot: Uint8Array;
  readonly artifactSize: number;
  /** Sums of losses on the claim samples. */
  readonly parentLoss: bigint;
  readonly loss: bigint;
  readonly stepsPerSecond: number;
}

/** Checks a commit whose artifact is here, as far as `steps` says, and measures it. */
export interface VerifyTask {
  readonly kind: 'verify';
  readonly context: RoundContext;
  readonly commit: CommitRoots;
  readonly claimedParentLoss: bigint;
  readonly claimedLoss: bigint;
  readonly artifactRoot: Uint8Array;
  /** Steps to execute again. */
  readonly steps: readonly number[];
  /** Address bytes of whoever checks. */
  readonly verifier: Uint8Array;
  /** Evaluation samples; none are measured when empty. */
  readonly samples: Uint32Array;
}
export interface VerifyResult {
  readonly report: Report;
  /** What is wrong, in words; empty for a positive report. */
  readonly detail: string;
  /** The leaf whose opening proves it, where one can. */
  readonly proof?: { readonly segment: number; readonly leaf: number };
}

/** Opens leaves of an artifact that is here. */
export interface OpenTask {
  readonly kind: 'open';
  readonly context: RoundContext;
  readonly artifactRoot: Uint8Array;
  readonly leaves: readonly { readonly segment: number; readonly leaf: number }[];
}

/** Measures a kept state on a whole data set. */
export interface EvaluateTask {
  readonly kind: 'evaluate';
  readonly spec: TrainSpec;
  readonly stateRoot: Uint8Array;
  readonly dataset: string;
}
export interface EvaluateResult {
  readonly samples: number;
  readonly correct: number;
  /** Sum over samples, 2^-16 nats. */
  readonly loss: bigint;
}

/** Logits of the token that follows `tokens`, by the kept state of a language model. */
export interface LogitsTask {
  readonly kind: 'logits';
  readonly spec: TrainSpec;
  readonly stateRoot: Uint8Array;
  readonly tokens: readonly number[];
}

export type Task = InitTask | TrainTask | VerifyTask | OpenTask | EvaluateTask | LogitsTask;

export interface Results {
  readonly init: InitResult;
  readonly train: TrainResult;
  readonly verify: VerifyResult;
  readonly open: readonly LeafOpening[];
  readonly evaluate: EvaluateResult;
  readonly logits: Float32Array;
}

/** How far a task is. */
export interface Progress {
  readonly step: number;
  readonly steps: number;
}
