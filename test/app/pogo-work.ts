// SPDX-License-Identifier: Apache-2.0
// Real work on a tiny network (4-3-2, six steps in three segments): what a miner commits and opens, and what a verifier
// finds. Trained by the reference, opened by code of its own.
import { stepDigest } from '../../modules/pogo/attestation.ts';
import { segmentCount, segmentSteps } from '../../modules/pogo/segments.ts';
import { Fault, type LeafOpening, type OpenedLeaf, type OpenedRecord, type Report, type RoundTerms, Verdict } from '../../proto/gen/pogo.v1.ts';
import { initialState } from '../../train/init.ts';
import { type Layout, layoutOf } from '../../train/layout.ts';
import { type MerkleTree, pathOf, treeOf, treeOfLeaves } from '../../train/merkle.ts';
import { encodeModel4 } from '../../train/model4.ts';
import { encodeRecord, type StepRecord } from '../../train/record.ts';
import { reference } from '../../train/reference.ts';
import { codeTree, type Dataset, gatherSamples, runRound, stateTree } from '../../train/round.ts';
import { type Binding, minerSeed, sampleIndices } from '../../train/samples.ts';
import type { TrainSpec } from '../../train/spec.ts';
import { thetaOf } from '../../train/state.ts';

export const SPEC: TrainSpec = {
  arithmetic: 'exact8',
  model: { kind: 'mlp', layers: [4, 3, 2], inputExponent: -8 },
  // Momentum 0.9, rate 0.25, floor 0.5.
  optimizer: { kind: 'sgd', momentum: 0x3f666666 },
  schedule: { baseRate: 0x3e800000, warmupSteps: 0, totalSteps: 1000, floorRatio: 0x3f000000 },
  batchSize: 8,
};
export const LAYOUT: Layout = layoutOf(SPEC);

/** Two classes that a small network can tell apart: which half of the sample is brighter. */
function samples(count: number, salt: number): Dataset & { readonly root: Uint8Array } {
  const list = Array.from({ length: count }, (_, i) => {
    const label = (i * 7 + salt) % 2;
    const noise = (j: number): number => (i * 31 + j * 17 + salt * 13) % 60;
    return Uint8Array.of(
      label ? 180 + noise(1) : noise(2),
      label ? 150 + noise(3) : noise(4),
      label ? noise(5) : 170 + noise(6),
      label ? noise(7) : 190 + noise(8),
      label,
    );
  });
  return { size: count, sample: (i) => list[i] as Uint8Array, root: treeOf(list).root };
}

export const TRAINING: Dataset & { readonly root: Uint8Array } = samples(200, 1);
export const EVALUATION: Dataset & { readonly root: Uint8Array } = samples(100, 2);
export const INIT_SEED: Uint8Array = new Uint8Array(32).fill(5);
export const INIT_STATE: Uint8Array = initialState(SPEC, INIT_SEED);

export interface WorkInput {
  readonly binding: Binding;
  readonly roundSeed: Uint8Array;
  readonly parentState: Uint8Array;
  readonly stepsBefore: number;
  readonly terms: RoundTerms;
}

/** Everything that a miner holds after a round; a hostile one changes what it likes, then calls `rebuild`. */
export interface Work {
  readonly input: WorkInput;
  readonly records: StepRecord[];
  readonly codes: Uint8Array[];
  /** By step; 0 is the parent. */
  readonly states: Map<number, Uint8Array>;
  model4: Uint8Array;
}

export interface Roots {
  readonly traceRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly code4Root: Uint8Array;
}

/** Honest work of a round. */
export async function train(input: WorkInput): Promise<Work> {
  const records: StepRecord[] = [];
  const codes: Uint8Array[] = [];
  const states = new Map<number, Uint8Array>([[0, input.parentState]]);
  const { terms } = input;
  const run = runRound(reference.create(SPEC), { ...input, steps: terms.steps, checkpointEvery: terms.checkpointEvery, dataset: TRAINING });
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { input, records, codes, states, model4: next.value.model4 };
    records.push(next.value.record);
    codes.push(next.value.codes);
    if (next.value.state !== undefined) states.set(next.value.step, next.value.state);
  }
}

/** Makes records and model agree with changed codes and states, as a forger would before committing. */
export function rebuild(work: Work): void {
  work.records.forEach((record, i) => {
    const state = work.states.get(i + 1);
    const { stateRoot: _, ...rest } = record;
    work.records[i] = {
      ...rest,
      codeRoot: codeTree(SPEC, work.codes[i] as Uint8Array).root,
      ...(state === undefined ? {} : { stateRoot: stateTree(SPEC, state).root }),
    };
  });
}

export function finalState(work: Work): Uint8Array {
  return work.states.get(work.input.terms.steps) as Uint8Array;
}

export function rootsOf(work: Work): Roots {
  return {
    traceRoot: treeOf(work.records.map(encodeRecord)).root,
    stateRoot: stateTree(SPEC, finalState(work)).root,
    code4Root: codeTree(SPEC, work.model4).root,
  };
}

export function quantised(state: Uint8Array): Uint8Array {
  return encodeModel4(thetaOf(LAYOUT, state));
}

function leafOf(bytes: Uint8Array, leafBytes: number, index: number): OpenedLeaf {
  const tree: MerkleTree = treeOfLeaves(bytes, leafBytes);
  return { leaf: bytes.slice(index * leafBytes, (index + 1) * leafBytes), path: pathOf(tree, index) };
}

/** Opens one leaf of one segment. */
export function open(work: Work, segment: number, leaf: number): LeafOpening {
  const { terms } = work.input;
  const { first, last } = segmentSteps(terms, segment);
  const trace = treeOf(work.records.map(encodeRecord));
  const record = (step: number): OpenedRecord => ({ record: encodeRecord(work.records[step - 1] as StepRecord), path: pathOf(trace, step - 1) });
  const state = (step: number): OpenedLeaf => leafOf(work.states.get(step) as Uint8Array, LAYOUT.stateLeafBytes, leaf);
  const steps = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return {
    segment,
    leaf,
    ...(segment === 0 ? {} : { before: record(first - 1) }),
    records: steps.map(record),
    oldLeaf: state(first - 1),
    codes: steps.map((step) => leafOf(work.codes[step - 1] as Uint8Array, LAYOUT.codeLeafBytes, leaf)),
    newLeaf: state(last),
    ...(segment === segmentCount(terms) - 1 ? { code4Leaf: leafOf(work.model4, LAYOUT.codeLeafBytes, leaf) } : {}),
  };
}

function losses(state: Uint8Array, indices: Uint32Array, form: 'full' | 'four'): bigint[] {
  const trainer = reference.create(SPEC);
  trainer.load(state);
  return [...trainer.evaluate(gatherSamples(SPEC, EVALUATION, indices), form).losses].map(BigInt);
}

const sum = (list: readonly bigint[]): bigint => list.reduce((a, b) => a + b, 0n);

/** The digest that a verifier that ran a step has. */
function digestOf(work: Work, step: number, verifier: Uint8Array): Uint8Array {
  const { input } = work;
  const trainer = reference.create(SPEC);
  trainer.load(input.parentState);
  for (let s = 1; s < step; s++) trainer.applyCodes(work.codes[s - 1] as Uint8Array, input.stepsBefore + s);
  const indices = sampleIndices(minerSeed(input.roundSeed, input.binding), step, SPEC.batchSize, TRAINING.size);
  return stepDigest(verifier, trainer.gradient(gatherSamples(SPEC, TRAINING, indices)).activations);
}

/** A report with true numbers. */
export function reportOf(work: Work, indices: Uint32Array, steps: readonly number[], verifier: Uint8Array): Report {
  const parent = losses(work.input.parentState, indices, 'full');
  const now = losses(finalState(work), indices, 'full');
  const diffs = parent.map((p, i) => p - (now[i] as bigint));
  return {
    verdict: Verdict.VERDICT_POSITIVE,
    fault: Fault.FAULT_UNSPECIFIED,
    faultStep: 0,
    faultLeaf: 0,
    parentLoss: sum(parent),
    loss: sum(now),
    code4Loss: sum(losses(finalState(work), indices, 'four')),
    diffSum: sum(diffs),
    diffSquareSum: sum(diffs.map((d) => d * d)).toString(),
    samples: indices.length,
    digests: steps.map((step) => ({ step, digest: digestOf(work, step, verifier) })),
  };
}

export const NEGATIVE: Report = {
  verdict: Verdict.VERDICT_NEGATIVE,
  fault: Fault.FAULT_UNAVAILABLE,
  faultStep: 0,
  faultLeaf: 0,
  parentLoss: 0n,
  loss: 0n,
  code4Loss: 0n,
  diffSum: 0n,
  diffSquareSum: '0',
  samples: 0,
  digests: [],
};
