// SPDX-License-Identifier: Apache-2.0
// A round: T steps from the parent's state, as a generator of progress. The caller stores codes and checkpoint
// states as they come; the roots that a commit needs are the generator's return value.
import { currentState, type Trainer } from './backend.ts';
import { type Committer, inlineCommitter } from './commit.ts';
import { layoutOf, MODEL4_LEAF_BYTES } from './layout.ts';
import { type MerkleTree, treeOf, treeOfLeaves } from './merkle.ts';
import { encodeModel4Parts } from './model4.ts';
import { type Parts, treeOfParts } from './parts.ts';
import { encodeRecord, type StepRecord } from './record.ts';
import { type Binding, batchDigest, minerSeed, sampleIndices } from './samples.ts';
import { sampleBytes, type TrainSpec } from './spec.ts';
import { thetaParts } from './state.ts';

/** A data set's samples by index. */
export interface Dataset {
  readonly size: number;
  /** The encoded sample; the bytes are read before the next call. */
  sample(index: number): Uint8Array;
}

export interface RoundInput {
  readonly binding: Binding;
  /** 32 bytes that the chain set for the round. */
  readonly roundSeed: Uint8Array;
  readonly parentState: Parts;
  /** Finalised steps of the job before this round. */
  readonly stepsBefore: number;
  readonly steps: number;
  /** Every how many steps the state is committed; the last step always is. */
  readonly checkpointEvery: number;
  readonly dataset: Dataset;
}

export interface StepProgress {
  readonly step: number;
  readonly record: StepRecord;
  readonly recordBytes: Uint8Array;
  readonly codes: Uint8Array;
  /** State bytes after the step, at checkpoints only, and only of a committer that takes copies. */
  readonly state?: Uint8Array;
}

export interface RoundResult {
  readonly records: readonly Uint8Array[];
  readonly traceRoot: Uint8Array;
  /** As it lies in the trainer where the committer takes states so: to be read before anything else is asked of the trainer. */
  readonly finalState: Parts;
  readonly finalRoot: Uint8Array;
  /** The 4-bit form of the final model and its root. */
  readonly model4: Uint8Array;
  readonly model4Root: Uint8Array;
  /** Losses summed over all steps, 2^-16 nats. */
  readonly loss: bigint;
}

/** Whether the state after `step` is committed. */
export function isCheckpoint(step: number, steps: number, every: number): boolean {
  return step % every === 0 || step === steps;
}

/** The prescribed samples of a step, one after another. */
export function gatherSamples(spec: TrainSpec, dataset: Dataset, indices: Uint32Array): Uint8Array {
  const bytes = sampleBytes(spec.model);
  const out = new Uint8Array(indices.length * bytes);
  indices.forEach((index, i) => {
    out.set(dataset.sample(index), i * bytes);
  });
  return out;
}

/** Tree over a state's leaves. */
export function stateTree(spec: TrainSpec, state: Parts): MerkleTree {
  return treeOfParts(state, layoutOf(spec).stateLeafBytes);
}

/** Tree over the leaves of a 4-bit model. */
export function model4Tree(model4: Uint8Array): MerkleTree {
  return treeOfLeaves(model4, MODEL4_LEAF_BYTES);
}

/** Tree over the code leaves of one step. */
export function codeTree(spec: TrainSpec, codes: Uint8Array): MerkleTree {
  return treeOfLeaves(codes, layoutOf(spec).codeLeafBytes);
}

/** A step that is trained and put; its roots are to come. */
interface Unrooted {
  readonly base: Omit<StepRecord, 'codeRoot' | 'stateRoot'>;
  readonly codes: Uint8Array;
  /** A copy of the state. */
  readonly state: Uint8Array | undefined;
}

/**
 * Trains a round. Throws what the trainer and the committer throw; nothing of an aborted round is committed.
 * A committer that hashes elsewhere makes progress lag behind training, by its depth at most.
 */
export async function* runRound(
  trainer: Trainer,
  input: RoundInput,
  committer: Committer = inlineCommitter(trainer.layout),
): AsyncGenerator<StepProgress, RoundResult> {
  const { spec, layout } = trainer;
  const seed = minerSeed(input.roundSeed, input.binding);
  await trainer.load(input.parentState);
  const records: Uint8Array[] = [];
  const unrooted: Unrooted[] = [];
  let finalState: Parts = input.parentState;
  let finalRoot: Uint8Array | undefined;
  let total = 0n;
  const oldest = async (): Promise<StepProgress> => {
    const roots = await committer.take();
    const { base, codes, state } = unrooted.shift() as Unrooted;
    const record = { ...base, ...roots };
    const recordBytes = encodeRecord(record);
    records.push(recordBytes);
    finalRoot = roots.stateRoot ?? finalRoot;
    return { step: base.step, record, recordBytes, codes, ...(state === undefined ? {} : { state }) };
  };
  for (let step = 1; step <= input.steps; step++) {
    const indices = sampleIndices(seed, step, spec.batchSize, input.dataset.size);
    const { codes, loss } = await trainer.step(gatherSamples(spec, input.dataset, indices), input.stepsBefore + step);
    total += loss;
    const due = isCheckpoint(step, input.steps, input.checkpointEvery);
    const state = due && committer.inPlace !== true ? await trainer.state() : undefined;
    if (unrooted.length === committer.depth) yield await oldest();
    const committed = state ?? (due ? await currentState(trainer) : undefined);
    finalState = committed ?? finalState;
    await committer.put(codes, committed);
    unrooted.push({ base: { ...input.binding, step, batchDigest: batchDigest(indices), loss }, codes, state });
    while (unrooted.length > 0 && committer.ready()) yield await oldest();
  }
  const model4 = encodeModel4Parts(thetaParts(layout, finalState), layout.paddedCount);
  const model4Root = model4Tree(model4).root;
  while (unrooted.length > 0) yield await oldest();
  finalRoot ??= stateTree(spec, finalState).root;
  return { records, traceRoot: treeOf(records).root, finalState, finalRoot, model4, model4Root, loss: total };
}
