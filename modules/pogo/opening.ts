// SPDX-License-Identifier: Apache-2.0
// The decision about one opened leaf. Everything is first checked against what the commit fixed before any challenge
// was known; only then do contents count. What does not verify is `malformed` and proves nothing about the miner:
// anyone can send it. What verifies and contradicts is a `fault`: the miner committed to it.
import { equalBytes } from '../../core/bytes.ts';
import { verifyPath } from '../../core/merkle.ts';
import { Fault, type LeafOpening, type OpenedLeaf, type OpenedRecord } from '../../proto/gen/pogo.v1.ts';
import { FormatError, InvalidCodesError, InvalidStateError, InvalidStepError } from '../../train/errors.ts';
import { type Layout, layoutOf } from '../../train/layout.ts';
import { applyLeaf, quantiseLeaf4 } from '../../train/leaf.ts';
import { decodeRecord, type StepRecord } from '../../train/record.ts';
import { isCheckpoint } from '../../train/round.ts';
import { type Binding, batchDigest, minerSeed, sampleIndices } from '../../train/samples.ts';
import type { TrainSpec } from '../../train/spec.ts';
import { type Steps, segmentCount, segmentSteps } from './segments.ts';

export interface OpeningContext {
  /** Whose commit, in which round: what every record must repeat. */
  readonly binding: Binding;
  readonly spec: TrainSpec;
  readonly terms: Steps;
  readonly roundSeed: Uint8Array;
  /** Samples in the training set. */
  readonly samples: number;
  /** State root of the round's parent, and the job's finalised steps before the round. */
  readonly parentRoot: Uint8Array;
  readonly stepsBefore: number;
  readonly traceRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly code4Root: Uint8Array;
}

export type OpeningResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'malformed'; readonly message: string }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly message: string };

/** Ends a check early; never leaves this file. */
class Stop extends Error {
  readonly result: OpeningResult;
  constructor(result: OpeningResult) {
    super('stop');
    this.result = result;
  }
}

function malformed(message: string): never {
  throw new Stop({ kind: 'malformed', message });
}

function fault(kind: Fault, message: string): never {
  throw new Stop({ kind: 'fault', fault: kind, message });
}

/** Decides one opening. Never throws for bad input. */
export function checkOpening(ctx: OpeningContext, opening: LeafOpening): OpeningResult {
  try {
    check(ctx, opening);
    return { kind: 'ok' };
  } catch (error) {
    if (error instanceof Stop) return error.result;
    throw error;
  }
}

function check(ctx: OpeningContext, opening: LeafOpening): void {
  const layout = layoutOf(ctx.spec);
  const { segment, leaf } = opening;
  const segments = segmentCount(ctx.terms);
  if (segment >= segments) malformed(`segment: ${segment} is not below ${segments}`);
  if (leaf >= layout.leafCount) malformed(`leaf: ${leaf} is not below ${layout.leafCount}`);
  const { first, last } = segmentSteps(ctx.terms, segment);
  const count = last - first + 1;
  if (opening.records.length !== count) malformed(`records: ${opening.records.length} given, segment ${segment} has ${count} steps`);
  if (opening.codes.length !== count) malformed(`codes: ${opening.codes.length} given, segment ${segment} has ${count} steps`);
  if ((opening.before === undefined) !== (segment === 0)) malformed('before: expected exactly when the segment is not the first');
  if ((opening.code4Leaf === undefined) !== segment < segments - 1) malformed('code4_leaf: expected exactly in the last segment');

  const records = openRecords(ctx, opening, first);
  const oldRoot = records.before === undefined ? ctx.parentRoot : (records.before.stateRoot as Uint8Array);
  const newRoot = (records.steps[count - 1] as StepRecord).stateRoot as Uint8Array;
  if (segment === segments - 1 && !equalBytes(newRoot, ctx.stateRoot))
    fault(Fault.FAULT_WRONG_LEAF, "the last record's state root is not the commit's");

  const oldLeaf = openLeaf(opening.oldLeaf, oldRoot, leaf, layout, 'old_leaf');
  const codes = opening.codes.map((c, i) => openLeaf(c, (records.steps[i] as StepRecord).codeRoot, leaf, layout, `codes[${i}]`));
  const newLeaf = openLeaf(opening.newLeaf, newRoot, leaf, layout, 'new_leaf');
  const code4 = opening.code4Leaf === undefined ? undefined : openLeaf(opening.code4Leaf, ctx.code4Root, leaf, layout, 'code4_leaf');

  const expected = recompute(ctx.spec, oldLeaf, codes, ctx.stepsBefore + first);
  if (!equalBytes(expected, newLeaf)) fault(Fault.FAULT_WRONG_LEAF, `leaf ${leaf} after step ${last} does not follow from its codes`);
  if (code4 !== undefined) checkCode4(ctx.spec, newLeaf, code4);
}

interface OpenRecords {
  readonly before: StepRecord | undefined;
  readonly steps: readonly StepRecord[];
}

/** All paths first, so that a fault is only found among records that the trace root holds. */
function openRecords(ctx: OpeningContext, opening: LeafOpening, first: number): OpenRecords {
  const { steps } = ctx.terms;
  const all = opening.before === undefined ? opening.records : [opening.before, ...opening.records];
  const start = opening.before === undefined ? first : first - 1;
  all.forEach((opened, i) => {
    checkPath(ctx.traceRoot, opened, start + i, steps);
  });
  const seed = minerSeed(ctx.roundSeed, ctx.binding);
  const decoded = all.map((opened, i) => readRecord(ctx, seed, opened, start + i));
  return opening.before === undefined ? { before: undefined, steps: decoded } : { before: decoded[0], steps: decoded.slice(1) };
}

function checkPath(root: Uint8Array, opened: OpenedRecord, step: number, steps: number): void {
  if (!verifyPath(root, opened.record, step - 1, steps, opened.path)) malformed(`record of step ${step}: its path does not lead to the trace root`);
}

/** A committed record must be one, bind this miner's work, name the prescribed batch and hold a state root at checkpoints only. */
function readRecord(ctx: OpeningContext, seed: Uint8Array, opened: OpenedRecord, step: number): StepRecord {
  let record: StepRecord;
  try {
    record = decodeRecord(opened.record);
  } catch (error) {
    if (error instanceof FormatError) fault(Fault.FAULT_FOREIGN_BINDING, `record of step ${step}: ${error.message}`);
    throw error;
  }
  const { binding } = ctx;
  const own =
    record.chainId === binding.chainId && record.job === binding.job && record.round === binding.round && equalBytes(record.miner, binding.miner);
  if (!own) fault(Fault.FAULT_FOREIGN_BINDING, `record of step ${step}: it binds another chain, job, round or miner`);
  if (record.step !== step) fault(Fault.FAULT_FOREIGN_BINDING, `record of step ${step}: it names step ${record.step}`);
  const digest = batchDigest(sampleIndices(seed, step, ctx.spec.batchSize, ctx.samples));
  if (!equalBytes(record.batchDigest, digest)) fault(Fault.FAULT_FOREIGN_BINDING, `record of step ${step}: it names another batch`);
  const due = isCheckpoint(step, ctx.terms.steps, ctx.terms.checkpointEvery);
  if (due !== (record.stateRoot !== undefined))
    fault(Fault.FAULT_WRONG_LEAF, `record of step ${step}: a state root stands at checkpoints and only there`);
  return record;
}

/** The committed bytes; a wrong length is the committer's and shows in the recomputation. */
function openLeaf(opened: OpenedLeaf | undefined, root: Uint8Array, leaf: number, layout: Layout, field: string): Uint8Array {
  if (opened === undefined) return malformed(`${field}: is required`);
  if (!verifyPath(root, opened.leaf, leaf, layout.leafCount, opened.path)) malformed(`${field}: its path does not lead to the committed root`);
  return opened.leaf;
}

function recompute(spec: TrainSpec, oldLeaf: Uint8Array, codes: readonly Uint8Array[], firstGlobalStep: number): Uint8Array {
  try {
    return applyLeaf(spec, oldLeaf, codes, firstGlobalStep);
  } catch (error) {
    if (error instanceof InvalidStateError) fault(Fault.FAULT_WRONG_LEAF, error.message);
    // No honest gradient has invalid codes or an update that leaves the finite numbers.
    if (error instanceof InvalidCodesError || error instanceof InvalidStepError) fault(Fault.FAULT_WRONG_STEP, error.message);
    throw error;
  }
}

function checkCode4(spec: TrainSpec, newLeaf: Uint8Array, code4: Uint8Array): void {
  let expected: Uint8Array;
  try {
    expected = quantiseLeaf4(spec, newLeaf);
  } catch (error) {
    if (error instanceof InvalidStateError) fault(Fault.FAULT_WRONG_CODE4, error.message);
    throw error;
  }
  if (!equalBytes(expected, code4)) fault(Fault.FAULT_WRONG_CODE4, 'the 4-bit leaf is not the quantisation of the 32-bit one');
}
