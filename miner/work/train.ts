// SPDX-License-Identifier: Apache-2.0
// A miner's round: train, hash and write the artifact as the steps come, measure what will be claimed.
import { claimIndices } from '../../modules/pogo/seeds.ts';
import type { Trainer } from '../../train/backend.ts';
import type { Parts } from '../../train/parts.ts';
import { type RoundInput, type RoundResult, runRound } from '../../train/round.ts';
import type { Stored } from '../artifact/store.ts';
import { attackedTrainer } from '../attacks/trainers.ts';
import type { Dataset } from '../data/dataset.ts';
import { type Bench, measure, sum, type TaskControl } from './bench.ts';
import { beginArtifact, wantsThread } from './commit.ts';
import { type RoundContext, shapeOfRound } from './context.ts';
import type { TrainResult, TrainTask } from './tasks.ts';

export async function train(bench: Bench, task: TrainTask, control: TaskControl): Promise<TrainResult> {
  const { context } = task;
  const { spec } = context;
  const dataset = await bench.dataset(context.training);
  const evaluation = await bench.dataset(context.evaluation);
  const own = await bench.trainer(spec);
  const parentState = bench.state(spec, context.parentRoot);
  try {
    return await trainFrom(bench, task, control, { own, dataset, evaluation, parentState });
  } finally {
    parentState.close();
  }
}

interface Start {
  readonly own: Trainer;
  readonly dataset: Dataset;
  readonly evaluation: Dataset;
  readonly parentState: Parts;
}

async function trainFrom(bench: Bench, task: TrainTask, control: TaskControl, start: Start): Promise<TrainResult> {
  const { context, miner } = task;
  const { spec, terms } = context;
  const { own, dataset, evaluation, parentState } = start;
  const trainer = attackedTrainer(task.attack, own, terms.steps);
  const binding = { chainId: context.chainId, job: context.job, round: context.round, miner };
  const input = { binding, roundSeed: context.seed, parentState, stepsBefore: context.stepsBefore, dataset };
  const started = performance.now();
  const { result, artifact } = await writeRound(
    bench,
    trainer,
    { ...input, steps: terms.steps, checkpointEvery: terms.checkpointEvery },
    context,
    control,
  );
  const seconds = (performance.now() - started) / 1000;
  const claims = claimIndices(context.seed, terms.evalSamples, evaluation.size);
  // The final state lies in the trainer, so whatever needs it comes before the parent's is loaded.
  bench.states.put(spec, result.finalRoot, result.finalState);
  const loss = sum((await measure(own, result.finalState, evaluation, claims)).losses);
  const parentLoss = sum((await measure(own, parentState, evaluation, claims)).losses);
  return {
    miner,
    traceRoot: result.traceRoot,
    stateRoot: result.finalRoot,
    code4Root: result.model4Root,
    artifactRoot: artifact.root,
    artifactSize: artifact.size,
    parentLoss,
    loss,
    stepsPerSecond: terms.steps / seconds,
  };
}

async function writeRound(
  bench: Bench,
  trainer: Trainer,
  input: RoundInput,
  context: RoundContext,
  control: TaskControl,
): Promise<{ readonly result: RoundResult; readonly artifact: Stored }> {
  const shape = shapeOfRound(context);
  const commit = await beginArtifact(bench.artifacts, shape, trainer.layout, wantsThread(shape) ? bench.commitThread() : undefined);
  try {
    const steps = runRound(trainer, input, commit);
    for (;;) {
      const next = await steps.next();
      if (next.done === true) return { result: next.value, artifact: await commit.finish(next.value.model4, next.value.records) };
      control.check();
      control.progress({ step: next.value.step, steps: input.steps });
    }
  } catch (error) {
    await commit.abort();
    throw error;
  }
}
