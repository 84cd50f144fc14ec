// SPDX-License-Identifier: Apache-2.0
// A verifier's check of one commit, cheapest first: records, replay of all updates with the assigned steps executed
// again on the way, then the losses. The first thing that is wrong ends it.
import { equalBytes } from '../../core/bytes.ts';
import { stepDigest } from '../../modules/pogo/attestation.ts';
import { claimIndices } from '../../modules/pogo/seeds.ts';
import { segmentOf } from '../../modules/pogo/segments.ts';
import { Fault, type Report, type StepDigest, Verdict } from '../../proto/gen/pogo.v1.ts';
import type { Trainer } from '../../train/backend.ts';
import { FormatError, InvalidStepError } from '../../train/errors.ts';
import { treeOf } from '../../train/merkle.ts';
import { equalParts, type Parts } from '../../train/parts.ts';
import { decodeRecord, type StepRecord } from '../../train/record.ts';
import { replayRound } from '../../train/replay.ts';
import { gatherSamples, model4Tree } from '../../train/round.ts';
import { batchDigest, minerSeed, sampleIndices } from '../../train/samples.ts';
import { ArtifactError } from '../artifact/format.ts';
import { ArtifactReader } from '../artifact/reader.ts';
import { type Bench, MissingArtifactError, measure, sum, type TaskControl } from './bench.ts';
import { type RoundContext, shapeOfRound } from './context.ts';
import { explain, type Finding } from './explain.ts';
import type { VerifyResult, VerifyTask } from './tasks.ts';

interface Check {
  readonly task: VerifyTask;
  readonly trainer: Trainer;
  readonly reader: ArtifactReader;
  readonly parentState: Parts;
  readonly digests: StepDigest[];
  readonly control: TaskControl;
}

export async function verify(bench: Bench, task: VerifyTask, control: TaskControl): Promise<VerifyResult> {
  const { context } = task;
  const trainer = await bench.trainer(context.spec);
  const parentState = bench.state(context.spec, context.parentRoot);
  const digests: StepDigest[] = [];
  let reader: ArtifactReader | undefined;
  try {
    const stored = bench.artifacts.get(task.artifactRoot);
    // Removed since it was brought here: no fault of the miner, who is judged when it is here again.
    if (stored === undefined) throw new MissingArtifactError('the artifact to verify is not kept here');
    reader = ArtifactReader.open(stored.file, shapeOfRound(context));
    const check: Check = { task, trainer, reader, parentState, digests, control };
    const found = await checkUpdates(bench, check);
    if ('detail' in found) return negative(task, digests, found);
    const losses = await measureModels(bench, check, found.state);
    if ('detail' in losses) return negative(task, digests, losses);
    bench.states.put(context.spec, task.commit.stateRoot, found.state);
    return { report: { ...losses, digests }, detail: '' };
  } catch (error) {
    if (!(error instanceof ArtifactError)) throw error;
    return negative(task, digests, { fault: Fault.FAULT_UNAVAILABLE, detail: `artifact: ${error.message}` });
  } finally {
    reader?.close();
    parentState.close();
  }
}

/** A report that says no, without losses. */
export function negativeReport(fault: Fault, step = 0, leaf = 0, digests: readonly StepDigest[] = []): Report {
  const none = { parentLoss: 0n, loss: 0n, code4Loss: 0n, diffSum: 0n, diffSquareSum: '0', samples: 0 };
  return { verdict: Verdict.VERDICT_NEGATIVE, fault, faultStep: step, faultLeaf: leaf, ...none, digests };
}

function negative(task: VerifyTask, digests: readonly StepDigest[], finding: Finding): VerifyResult {
  const { fault, detail, step = 0, leaf = 0 } = finding;
  const report = negativeReport(fault, step, leaf, digests);
  if (finding.provable !== true) return { report, detail };
  return { report, detail, proof: { segment: segmentOf(task.context.terms, Math.max(step, 1)), leaf } };
}

async function checkUpdates(bench: Bench, check: Check): Promise<Finding | { readonly state: Parts }> {
  const { task, reader, parentState } = check;
  const { context, commit } = task;
  const encoded = reader.records();
  if (!equalBytes(treeOf(encoded).root, commit.traceRoot)) throw new ArtifactError('its records are not those of the trace');
  const records = checkRecords(context, commit.miner, encoded);
  if ('detail' in records) return records;
  const again = await reexecution(bench, check, records.records);
  const { fault, state } = await replayRound(check.trainer, {
    records: records.records,
    parentState,
    stepsBefore: context.stepsBefore,
    checkpointEvery: context.terms.checkpointEvery,
    parentRoot: context.parentRoot,
    finalRoot: commit.stateRoot,
    model4Root: commit.code4Root,
    codes: async (step) => {
      check.control.check();
      check.control.progress({ step, steps: context.terms.steps });
      const codes = reader.codes(step);
      await again.run(step, codes);
      return codes;
    },
    state: (step) => reader.state(step),
  });
  // A replay goes on after a false gradient, for only a false leaf can be proven to the chain in one transaction.
  const { layout } = check.trainer;
  if (fault !== undefined) return explain({ context, commit, layout, reader, parentState, state }, fault);
  // Others will take the model from here, so what the replay shows must also be what is published.
  const final = reader.finalState();
  if (!equalParts(final, state, layout.stateLeafBytes)) throw new ArtifactError('its final state is not the committed one');
  const published = model4Tree(reader.model4()).root;
  if (!equalBytes(published, commit.code4Root)) throw new ArtifactError('its 4-bit model is not the committed one');
  return again.finding ?? { state: final };
}

function checkRecords(context: RoundContext, miner: Uint8Array, encoded: readonly Uint8Array[]): Finding | { readonly records: StepRecord[] } {
  const binding = { chainId: context.chainId, job: context.job, round: context.round, miner };
  const seed = minerSeed(context.seed, binding);
  const records: StepRecord[] = [];
  for (const [i, bytes] of encoded.entries()) {
    const step = i + 1;
    const foreign = (detail: string): Finding => ({ fault: Fault.FAULT_FOREIGN_BINDING, detail: `record ${step}: ${detail}`, step, provable: true });
    let record: StepRecord;
    try {
      record = decodeRecord(bytes);
    } catch (error) {
      if (error instanceof FormatError) return foreign(error.message);
      throw error;
    }
    const own = record.chainId === binding.chainId && record.job === binding.job && record.round === binding.round && equalBytes(record.miner, miner);
    if (!own) return foreign('it binds another chain, job, round or miner');
    if (record.step !== step) return foreign(`it names step ${record.step}`);
    const digest = batchDigest(sampleIndices(seed, step, context.spec.batchSize, Number(context.training.size)));
    if (!equalBytes(record.batchDigest, digest)) return foreign('it names another batch');
    records.push(record);
  }
  return { records };
}

interface Reexecution {
  finding: Finding | undefined;
  run(step: number, codes: Uint8Array): Promise<void>;
}

/** Executes assigned steps from the state that the replay has reached before them. */
async function reexecution(bench: Bench, check: Check, records: readonly StepRecord[]): Promise<Reexecution> {
  const { task, trainer } = check;
  const { context, commit } = task;
  const dataset = await bench.dataset(context.training);
  const seed = minerSeed(context.seed, { chainId: context.chainId, job: context.job, round: context.round, miner: commit.miner });
  const wanted = new Set(task.steps);
  const again: Reexecution = {
    finding: undefined,
    run: async (step, codes) => {
      if (!wanted.has(step)) return;
      const indices = sampleIndices(seed, step, context.spec.batchSize, dataset.size);
      const result = await gradient(trainer, gatherSamples(context.spec, dataset, indices));
      const wrong = (fault: Fault, detail: string): void => {
        again.finding ??= { fault, detail: `step ${step}: ${detail}`, step };
      };
      if (result === undefined) return wrong(Fault.FAULT_WRONG_STEP, 'it has no finite result');
      check.digests.push({ step, digest: stepDigest(task.verifier, result.activations) });
      if (!equalBytes(result.codes, codes)) wrong(Fault.FAULT_WRONG_STEP, 'its codes are not the gradient of its batch');
      else if (result.loss !== (records[step - 1] as StepRecord).loss) wrong(Fault.FAULT_FALSE_LOSS, 'its loss is not that of its batch');
    },
  };
  return again;
}

async function gradient(trainer: Trainer, samples: Uint8Array): Promise<{ codes: Uint8Array; loss: bigint; activations: Uint8Array } | undefined> {
  try {
    return await trainer.gradient(samples);
  } catch (error) {
    if (error instanceof InvalidStepError) return undefined;
    throw error;
  }
}

/** Losses: first those that the miner claims, then those on the beacon's samples, which nobody knew before. */
async function measureModels(bench: Bench, check: Check, state: Parts): Promise<Finding | Omit<Report, 'digests'>> {
  const { task, trainer, parentState, control } = check;
  const { context } = task;
  const evaluation = await bench.dataset(context.evaluation);
  const claims = claimIndices(context.seed, context.terms.evalSamples, evaluation.size);
  const both = Uint32Array.of(...claims, ...task.samples);
  control.check();
  const parent = (await measure(trainer, parentState, evaluation, both)).losses;
  control.check();
  const model = (await measure(trainer, state, evaluation, both)).losses;
  const claimed = [sum(parent.subarray(0, claims.length)), sum(model.subarray(0, claims.length))] as const;
  if (claimed[0] !== task.claimedParentLoss || claimed[1] !== task.claimedLoss) {
    const detail = `losses ${task.claimedParentLoss} and ${task.claimedLoss} are claimed, they are ${claimed[0]} and ${claimed[1]}`;
    return { fault: Fault.FAULT_FALSE_LOSS, detail };
  }
  const four = await trainer.evaluate(gatherSamples(context.spec, evaluation, task.samples), 'four');
  const differences = paired(parent.subarray(claims.length), model.subarray(claims.length));
  return {
    verdict: Verdict.VERDICT_POSITIVE,
    fault: Fault.FAULT_UNSPECIFIED,
    faultStep: 0,
    faultLeaf: 0,
    parentLoss: sum(parent.subarray(claims.length)),
    loss: sum(model.subarray(claims.length)),
    code4Loss: sum(four.losses),
    ...differences,
    samples: task.samples.length,
  };
}

function paired(parent: Int32Array, model: Int32Array): { readonly diffSum: bigint; readonly diffSquareSum: string } {
  let diffSum = 0n;
  let squares = 0n;
  for (let i = 0; i < parent.length; i++) {
    const d = BigInt((parent[i] as number) - (model[i] as number));
    diffSum += d;
    squares += d * d;
  }
  return { diffSum, diffSquareSum: squares.toString() };
}
