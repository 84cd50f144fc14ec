// SPDX-License-Identifier: Apache-2.0
// What a round fixes for everyone who works in it, as plain values that can be handed to another thread.
import type { OpeningContext } from '../../modules/pogo/opening.ts';
import { specFromProto } from '../../modules/pogo/spec.ts';
import type { DataSet, Head, Job, Round, RoundTerms } from '../../proto/gen/pogo.v1.ts';
import { layoutOf } from '../../train/layout.ts';
import type { TrainSpec } from '../../train/spec.ts';
import { type Shape, shapeOf } from '../artifact/format.ts';

export interface RoundContext {
  readonly chainId: string;
  readonly job: bigint;
  readonly round: bigint;
  readonly spec: TrainSpec;
  readonly terms: RoundTerms;
  readonly seed: Uint8Array;
  readonly parentRoot: Uint8Array;
  /** Finalised steps of the job before the round. */
  readonly stepsBefore: number;
  readonly training: DataSet;
  readonly evaluation: DataSet;
}

/** What a commit fixes, besides its artifact. */
export interface CommitRoots {
  /** Address bytes. */
  readonly miner: Uint8Array;
  readonly traceRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly code4Root: Uint8Array;
}

/** The answer of a node lacks what every job or round has. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

/** `value`; AnswerError naming what is missing. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AnswerError(`the node's answer lacks ${what}`);
  return value;
}

export function contextOf(chainId: string, job: Job, round: Round): RoundContext {
  const parent: Head = present(round.parent, 'round.parent');
  return {
    chainId,
    job: job.id,
    round: round.number,
    spec: specFromProto(job.spec),
    terms: present(round.terms, 'round.terms'),
    seed: round.seed,
    parentRoot: parent.stateRoot,
    stepsBefore: Number(parent.steps),
    training: present(job.training, 'job.training'),
    evaluation: present(job.evaluation, 'job.evaluation'),
  };
}

export function shapeOfRound({ spec, terms }: RoundContext): Shape {
  return shapeOf(layoutOf(spec), terms.steps, terms.checkpointEvery);
}

/** What decides an opening of that commit. */
export function openingContext(context: RoundContext, commit: CommitRoots): OpeningContext {
  const { chainId, job, round, spec, terms, seed, parentRoot, stepsBefore, training } = context;
  const { miner, traceRoot, stateRoot, code4Root } = commit;
  const binding = { chainId, job, round, miner };
  return { binding, spec, terms, roundSeed: seed, samples: Number(training.size), parentRoot, stepsBefore, traceRoot, stateRoot, code4Root };
}
