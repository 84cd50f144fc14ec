// SPDX-License-Identifier: Apache-2.0
// Replays all updates of a round from its codes and compares every root that the trace commits: cheap beside
// training, and it leaves no false leaf unseen.
import { equalBytes } from '../core/bytes.ts';
import { currentState, type Trainer } from './backend.ts';
import { InvalidCodesError, InvalidStepError } from './errors.ts';
import { encodeModel4Parts } from './model4.ts';
import { inParts, type Parts } from './parts.ts';
import type { StepRecord } from './record.ts';
import { codeTree, isCheckpoint, model4Tree, stateTree } from './round.ts';
import { thetaParts } from './state.ts';

export interface ReplayInput {
  /** Decoded records of steps 1..T in order; their binding and batch digests are the caller's to check. */
  readonly records: readonly StepRecord[];
  readonly parentState: Parts;
  readonly stepsBefore: number;
  readonly checkpointEvery: number;
  /** The committed roots. */
  readonly parentRoot: Uint8Array;
  readonly finalRoot: Uint8Array;
  readonly model4Root: Uint8Array;
  /** Codes of a step. */
  codes(step: number): Uint8Array | Promise<Uint8Array>;
  /** The miner's own state bytes at a checkpoint, if published: names the wrong leaf. */
  state?(step: number): Parts | undefined | Promise<Parts | undefined>;
}

/** The first thing that is wrong. `segment` counts checkpoints from 0; `leaf` is known when the miner's bytes are. */
export type ReplayFault =
  | { readonly kind: 'parent-root' | 'final-root' | 'model4-root' }
  | { readonly kind: 'record' | 'code-root' | 'codes' | 'step'; readonly step: number; readonly detail: string }
  | { readonly kind: 'state-root'; readonly step: number; readonly segment: number; readonly leaf: number | undefined };

export interface ReplayResult {
  readonly fault: ReplayFault | undefined;
  /** The true state after the last step that replayed, as it lies in the trainer: to be read before anything else is asked of it. */
  readonly state: Parts;
}

/** Replays the round on `trainer`; its state afterwards is the result's. */
export async function replayRound(trainer: Trainer, input: ReplayInput): Promise<ReplayResult> {
  const { spec, layout } = trainer;
  await trainer.load(input.parentState);
  const result = async (fault: ReplayFault | undefined): Promise<ReplayResult> => ({ fault, state: await currentState(trainer) });
  if (!equalBytes(stateTree(spec, input.parentState).root, input.parentRoot)) return result({ kind: 'parent-root' });
  let last = input.parentRoot;
  let segment = 0;
  for (let step = 1; step <= input.records.length; step++) {
    const record = input.records[step - 1] as StepRecord;
    const committed = record.stateRoot;
    const due = isCheckpoint(step, input.records.length, input.checkpointEvery);
    if (record.step !== step) return result({ kind: 'record', step, detail: `step is ${record.step}` });
    if (due !== (committed !== undefined)) return result({ kind: 'record', step, detail: 'a state root stands at checkpoints and only there' });
    const fault = await replayStep(trainer, record, await input.codes(step), input.stepsBefore + step);
    if (fault !== undefined) return result(fault);
    if (committed === undefined) continue;
    const state = await currentState(trainer);
    if (!equalBytes(stateTree(spec, state).root, committed)) {
      const leaf = firstDifference(state, await input.state?.(step), layout.stateLeafBytes);
      return { fault: { kind: 'state-root', step, segment, leaf }, state };
    }
    last = committed;
    segment++;
  }
  if (!equalBytes(last, input.finalRoot)) return result({ kind: 'final-root' });
  const model4 = encodeModel4Parts(thetaParts(layout, await currentState(trainer)), layout.paddedCount);
  return result(equalBytes(model4Tree(model4).root, input.model4Root) ? undefined : { kind: 'model4-root' });
}

async function replayStep(trainer: Trainer, record: StepRecord, codes: Uint8Array, globalStep: number): Promise<ReplayFault | undefined> {
  const { step } = record;
  if (codes.length !== trainer.layout.codeBytes) {
    return { kind: 'codes', step, detail: `${codes.length} bytes, expected ${trainer.layout.codeBytes}` };
  }
  if (!equalBytes(codeTree(trainer.spec, codes).root, record.codeRoot)) return { kind: 'code-root', step, detail: 'codes do not hash to the root' };
  try {
    await trainer.applyCodes(codes, globalStep);
  } catch (error) {
    if (error instanceof InvalidCodesError) return { kind: 'codes', step, detail: error.message };
    if (error instanceof InvalidStepError) return { kind: 'step', step, detail: error.message };
    throw error;
  }
  return undefined;
}

/** First leaf in which two states differ; undefined without a second one, or when its length is another. */
function firstDifference(state: Parts, other: Parts | undefined, leafBytes: number): number | undefined {
  if (other === undefined || other.length !== state.length) return undefined;
  let leaf = 0;
  let at = 0;
  for (const part of inParts(state, leafBytes)) {
    const theirs = other.subarray(at, at + part.length);
    for (let from = 0; from < part.length; from += leafBytes, leaf++) {
      if (!equalBytes(part.subarray(from, from + leafBytes), theirs.subarray(from, from + leafBytes))) return leaf;
    }
    at += part.length;
  }
  return undefined;
}
