// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merkleRoot } from '../../../core/merkle.ts';
import type { Trainer } from '../../../train/backend.ts';
import { encodeCodes } from '../../../train/codes.ts';
import { inlineCommitter } from '../../../train/commit.ts';
import { layoutOf } from '../../../train/layout.ts';
import { applyLeaf, quantiseLeaf4 } from '../../../train/leaf.ts';
import type { Parts } from '../../../train/parts.ts';
import { wholeOf } from '../../../train/parts.ts';
import { decodeRecord } from '../../../train/record.ts';
import { reference } from '../../../train/reference.ts';
import { type ReplayInput, replayRound } from '../../../train/replay.ts';
import { codeTree, runRound, type StepProgress, stateTree } from '../../../train/round.ts';
import { batchDigest, minerSeed, sampleIndices } from '../../../train/samples.ts';
import { input, spec, train } from '../../helpers/round.ts';

const layout = layoutOf(spec);
const { steps, result } = await train();
const states = new Map<number, Parts>([[0, input.parentState], ...steps.flatMap((s) => (s.state === undefined ? [] : [[s.step, s.state] as const]))]);

function replayInput(change: Partial<ReplayInput> = {}): ReplayInput {
  return {
    records: steps.map((s) => s.record),
    parentState: input.parentState,
    stepsBefore: input.stepsBefore,
    checkpointEvery: input.checkpointEvery,
    parentRoot: stateTree(spec, input.parentState).root,
    finalRoot: result.finalRoot,
    model4Root: result.model4Root,
    codes: (step) => (steps[step - 1] as StepProgress).codes,
    ...change,
  };
}

test('a round commits codes at every step, states at checkpoints and at its end', () => {
  assert.deepEqual(
    steps.filter((s) => s.state !== undefined).map((s) => s.step),
    [3, 6, 7],
  );
  assert.deepEqual(result.traceRoot, merkleRoot(result.records));
  assert.deepEqual(result.finalRoot, steps.at(-1)?.record.stateRoot);
  assert.equal(
    result.loss,
    steps.reduce((a, s) => a + s.record.loss, 0n),
  );
  const seed = minerSeed(input.roundSeed, input.binding);
  for (const s of steps) {
    assert.deepEqual(decodeRecord(s.recordBytes), s.record);
    assert.deepEqual(s.record.batchDigest, batchDigest(sampleIndices(seed, s.step, 8, 50)));
    assert.deepEqual(s.record.codeRoot, codeTree(spec, s.codes).root);
  }
});

test('each leaf of each segment follows by the function that the chain calls', () => {
  const checkpoints = [0, 3, 6, 7];
  for (let segment = 0; segment < 3; segment++) {
    const from = checkpoints[segment] as number;
    const to = checkpoints[segment + 1] as number;
    for (let leaf = 0; leaf < layout.leafCount; leaf++) {
      const at = (n: number): Uint8Array => (states.get(n) as Uint8Array).subarray(leaf * 8192, (leaf + 1) * 8192);
      const codes = steps.slice(from, to).map((s) => s.codes.subarray(leaf * 528, (leaf + 1) * 528));
      assert.deepEqual(applyLeaf(spec, at(from), codes, input.stepsBefore + from + 1), at(to).slice());
      if (to === 7) assert.deepEqual(quantiseLeaf4(spec, at(7)), result.model4.slice(leaf * 528, (leaf + 1) * 528));
    }
  }
});

test('an honest round replays', async () => {
  const replay = await replayRound(reference.create(spec), replayInput());
  assert.equal(replay.fault, undefined);
  assert.deepEqual(wholeOf(replay.state, layout.stateLeafBytes), result.finalState);
});

/** The reference, of whose state nobody may have a copy. */
function withoutCopies(): Trainer {
  const trainer = reference.create(spec);
  trainer.state = () => assert.fail('the state was copied');
  return trainer;
}

test('states that are committed and replayed where they lie have the same roots, and are never copied', async () => {
  const trainer = withoutCopies();
  const round = runRound(trainer, input, { ...inlineCommitter(layout), inPlace: true });
  const records: Uint8Array[] = [];
  let next = await round.next();
  for (; !next.done; next = await round.next()) {
    assert.equal(next.value.state, undefined);
    records.push(next.value.recordBytes);
  }
  const { finalState, ...others } = next.value;
  assert.deepEqual(wholeOf(finalState, layout.stateLeafBytes), result.finalState);
  assert.deepEqual(others, (({ finalState: _, ...rest }) => rest)(result));
  assert.deepEqual(records, result.records);
  assert.equal((await replayRound(withoutCopies(), replayInput())).fault, undefined);
});

test('a false leaf at a checkpoint is found with segment and leaf', async () => {
  const forged = (states.get(6) as Uint8Array).slice();
  forged[2 * 8192 + 5] = (forged[2 * 8192 + 5] as number) ^ 1;
  const records = steps.map((s) => (s.step === 6 ? { ...s.record, stateRoot: stateTree(spec, forged).root } : s.record));
  const replay = await replayRound(reference.create(spec), replayInput({ records, state: (step) => (step === 6 ? forged : states.get(step)) }));
  assert.deepEqual(replay.fault, { kind: 'state-root', step: 6, segment: 1, leaf: 2 });
});

test('false codes, roots and records are named', async () => {
  const other = new Uint8Array(layout.codeBytes);
  encodeCodes(new Float32Array(layout.paddedCount).fill(0.25), other, 4);
  const invalid = other.slice();
  invalid[1] = 8;
  const kinds: readonly (readonly [Partial<ReplayInput>, string])[] = [
    [{ codes: () => other }, 'code-root'],
    [{ codes: () => other.subarray(1) }, 'codes'],
    [{ codes: () => invalid, records: steps.map((s) => ({ ...s.record, codeRoot: codeTree(spec, invalid).root })) }, 'codes'],
    [{ codes: () => other, records: steps.map((s) => ({ ...s.record, codeRoot: codeTree(spec, other).root })) }, 'state-root'],
    [{ parentRoot: result.finalRoot }, 'parent-root'],
    [{ finalRoot: result.traceRoot }, 'final-root'],
    [{ model4Root: result.traceRoot }, 'model4-root'],
    [{ records: steps.slice(1).map((s) => s.record) }, 'record'],
    [{ checkpointEvery: 2 }, 'record'],
  ];
  for (const [change, kind] of kinds) {
    const { fault } = await replayRound(reference.create(spec), replayInput(change));
    assert.equal(fault?.kind, kind);
  }
});
