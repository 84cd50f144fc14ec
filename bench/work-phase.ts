// SPDX-License-Identifier: Apache-2.0
// One phase of `work` in a process of its own: a daemon's worker thread does it, as it would for a chain.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { ArtifactReader } from '../miner/artifact/reader.ts';
import { ArtifactStore } from '../miner/artifact/store.ts';
import { openDataset } from '../miner/data/dataset.ts';
import { useNativeHash } from '../miner/native.ts';
import { type RoundContext, shapeOfRound } from '../miner/work/context.ts';
import type { Results, Task, TrainResult } from '../miner/work/tasks.ts';
import { startWorkbench } from '../miner/work/workbench.ts';
import { evalIndices } from '../modules/pogo/seeds.ts';
import { Verdict } from '../proto/gen/pogo.v1.ts';
import { equalParts } from '../train/parts.ts';
import { gatherSamples } from '../train/round.ts';
import { minerSeed, sampleIndices } from '../train/samples.ts';
import { nativeBackend, wasmBackend } from '../train/wasm.ts';
import { peakKiB } from './memory-peak.ts';

const [folder = '', phase, backend] = process.argv.slice(2);
const { context, seed } = deserialize(readFileSync(join(folder, 'round'))) as { context: RoundContext; seed: Uint8Array };
const folders = { artifacts: join(folder, 'artifacts'), states: join(folder, 'states') };
const miner = new Uint8Array(20).fill(1);
const { spec, terms } = context;

async function work<K extends Task['kind']>(task: Extract<Task, { readonly kind: K }>): Promise<Results[K]> {
  const workbench = await startWorkbench(backend === 'native' ? 'native' : 'wasm', { ...folders, data: {} });
  try {
    return await workbench.run<K>(task);
  } finally {
    await workbench.close();
  }
}

function trained(): TrainResult {
  return deserialize(readFileSync(join(folder, 'trained'))) as TrainResult;
}

/** Mean loss of a sample in nats. */
const nats = (loss: bigint): number => Number((Number(loss) / 65536 / terms.evalSamples).toFixed(4));

async function train(): Promise<object> {
  const result = await work({ kind: 'train', context, miner });
  writeFileSync(join(folder, 'trained'), serialize(result));
  const { artifactSize, parentLoss, loss, stepsPerSecond } = result;
  return { artifact_bytes: artifactSize, loss_before: nats(parentLoss), loss: nats(loss), seconds_per_step: 1 / stepsPerSecond };
}

/** Goes on from the first checkpoint to the second, and compares codes and state with the published ones. */
async function resume(): Promise<object> {
  useNativeHash();
  const trainer = (backend === 'native' ? nativeBackend() : wasmBackend()).create(spec);
  const dataset = await openDataset(context.training.name);
  const file = new ArtifactStore(folders.artifacts).get(trained().artifactRoot)?.file ?? '';
  const reader = ArtifactReader.open(file, shapeOfRound(context));
  const { chainId, job, round } = context;
  const samplesSeed = minerSeed(context.seed, { chainId, job, round, miner });
  const [from, to] = [terms.checkpointEvery, Math.min(2 * terms.checkpointEvery, terms.steps)];
  trainer.load(reader.state(from));
  let same = true;
  for (let step = from + 1; step <= to; step++) {
    const indices = sampleIndices(samplesSeed, step, spec.batchSize, dataset.size);
    const { codes } = trainer.step(gatherSamples(spec, dataset, indices), context.stepsBefore + step);
    same &&= equalParts(codes, reader.codesInPlace(step), trainer.layout.codeLeafBytes);
  }
  same &&= equalParts(trainer.view(), reader.state(to), trainer.layout.stateLeafBytes);
  reader.close();
  await trainer.close();
  if (!same) throw new Error('bench: training that went on from a checkpoint differs');
  return { steps: to - from, same_bits: same };
}

async function verify(): Promise<object> {
  const result = trained();
  const samples = evalIndices(
    new Uint8Array(32).fill(9),
    { job: context.job, round: context.round },
    terms.evalSamples,
    Number(context.evaluation.size),
  );
  const claims = { claimedParentLoss: result.parentLoss, claimedLoss: result.loss };
  const task = { kind: 'verify', context, commit: result, ...claims, artifactRoot: result.artifactRoot, steps: [terms.steps], samples } as const;
  const { report, detail } = await work({ ...task, verifier: new Uint8Array(20).fill(2) });
  if (report.verdict !== Verdict.VERDICT_POSITIVE) throw new Error(`bench: the check says no: ${detail}`);
  return { loss: nats(report.loss), four_bit_loss: nats(report.code4Loss) };
}

const started = performance.now();
const actions: Readonly<Record<string, () => Promise<object>>> = {
  init: async () => {
    await work({ kind: 'init', spec, seed });
    return {};
  },
  train,
  resume,
  verify,
};
const found = await actions[phase ?? '']?.();
const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
process.stdout.write(`${JSON.stringify({ ...found, seconds, peak_mib: Math.ceil(peakKiB() / 1024) })}\n`);
