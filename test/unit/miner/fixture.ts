// SPDX-License-Identifier: Apache-2.0
// A small real job for tests of the daemons: an MLP 784-8-10 on MNIST, six steps in three segments (the last one short).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeDataset, openDataset } from '../../../miner/data/dataset.ts';
import { Bench, type BenchOptions, NO_CONTROL } from '../../../miner/work/bench.ts';
import type { CommitRoots, RoundContext } from '../../../miner/work/context.ts';
import { runTask } from '../../../miner/work/run.ts';
import type { TrainResult, VerifyResult, VerifyTask } from '../../../miner/work/tasks.ts';
import { evalIndices } from '../../../modules/pogo/seeds.ts';
import type { RoundTerms } from '../../../proto/gen/pogo.v1.ts';
import { bitsOf } from '../../../train/float32.ts';
import { reference } from '../../../train/reference.ts';
import type { TrainSpec } from '../../../train/spec.ts';

export const SPEC: TrainSpec = {
  arithmetic: 'exact8',
  model: { kind: 'mlp', layers: [784, 8, 10], inputExponent: -8 },
  optimizer: { kind: 'sgd', momentum: bitsOf(0.9) },
  schedule: { baseRate: bitsOf(0.05), warmupSteps: 0, totalSteps: 100, floorRatio: bitsOf(0.1) },
  batchSize: 16,
};

export const TERMS: RoundTerms = {
  steps: 7,
  checkpointEvery: 3,
  leafChallenges: 4,
  assignedSteps: 3,
  evalSamples: 64,
  maxCommits: 8,
  minImprovement: 0n,
  zMilli: 2000,
  progressWindow: 10,
  windows: { commit: 5, answer: 5, attest: 5, reveal: 3, dispute: 2 },
  reward: { denom: 'upogo', amount: '50000' },
  verifierBps: 2000,
  runnerUpBps: 0,
};

export const MINER: Uint8Array = new Uint8Array(20).fill(1);
export const VERIFIER: Uint8Array = new Uint8Array(20).fill(2);
export const BEACON: Uint8Array = new Uint8Array(32).fill(9);

export interface Workplace {
  readonly folder: string;
  readonly options: BenchOptions;
  readonly bench: Bench;
  remove(): void;
}

export function workplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'pogo-work-'));
  const options = { artifacts: join(folder, 'artifacts'), states: join(folder, 'states'), data: {} };
  return { folder, options, bench: new Bench(reference, options), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A round on the initial state, which is kept on the bench. */
export async function openRound(bench: Bench): Promise<RoundContext> {
  const { root } = (await runTask(bench, { kind: 'init', spec: SPEC, seed: new Uint8Array(32).fill(3) }, NO_CONTROL)) as { root: Uint8Array };
  return {
    chainId: 'pogo-test-1',
    job: 1n,
    round: 1n,
    spec: SPEC,
    terms: TERMS,
    seed: new Uint8Array(32).fill(4),
    parentRoot: root,
    stepsBefore: 0,
    training: describeDataset(await openDataset('mnist/test')),
    evaluation: describeDataset(await openDataset('mnist/holdout')),
  };
}

export async function train(bench: Bench, context: RoundContext, attack?: string): Promise<TrainResult> {
  const task = { kind: 'train', context, miner: MINER, ...(attack === undefined ? {} : { attack }) } as const;
  return (await runTask(bench, task, NO_CONTROL)) as TrainResult;
}

/** The check that a verifier would make of `result`, all steps executed again unless told. */
export function verifyTask(context: RoundContext, result: TrainResult, changes: Partial<VerifyTask> = {}): VerifyTask {
  const commit: CommitRoots = result;
  return {
    kind: 'verify',
    context,
    commit,
    claimedParentLoss: result.parentLoss,
    claimedLoss: result.loss,
    artifactRoot: result.artifactRoot,
    steps: Array.from({ length: context.terms.steps }, (_, i) => i + 1),
    verifier: VERIFIER,
    samples: evalIndices(BEACON, { job: context.job, round: context.round }, context.terms.evalSamples, Number(context.evaluation.size)),
    ...changes,
  };
}

export async function verify(bench: Bench, task: VerifyTask): Promise<VerifyResult> {
  return (await runTask(bench, task, NO_CONTROL)) as VerifyResult;
}
