// SPDX-License-Identifier: Apache-2.0
// Before a device is used it computes binary32 operations on adverse operands, and runs a few small networks whose every
// buffer is compared with the reference's, so that a device on which one bit differs is told which operation it was.
import { ADAMW, IMAGES, mlp, RAGGED, SGD, samplesOf, small } from './check-networks.ts';
import { equal, expectedOf, targetOf, written } from './check-operations.ts';
import { initialState } from './init.ts';
import { reference } from './reference.ts';
import { type ModelSpec, sampleBytes, type TrainSpec } from './spec.ts';
import { thetaOf } from './state.ts';
import type { WebgpuBackend } from './webgpu.ts';
import { differingFloat } from './webgpu-float-check.ts';
import { LARGE, MEDIUM, type Tiling } from './webgpu-product.ts';
import type { WebgpuTrainer } from './webgpu-trainer.ts';
import { part, workspaceOf } from './workspace.ts';

const TEXT: ModelSpec = { kind: 'gpt', vocab: 21, context: 17, width: 24, layers: 1, heads: 2, tied: false };

/** Ragged tiles, more than one chunk along features and along samples, every operation, both optimisers and both codes. */
const NETWORKS: readonly TrainSpec[] = [
  { ...mlp([37, 19, 11, 5], 13, ADAMW), codeBits: 5 },
  mlp([1100, 70, 3], 5, SGD),
  mlp([5, 4, 2], 1040, ADAMW),
  small(IMAGES, 4, SGD),
  small(TEXT, 5, ADAMW),
  small(RAGGED, 3, { ...SGD, clip: 0x3c000000 }),
];

/** The first operation on which this device and the reference disagree, such as `linear of mlp`, or undefined. */
export async function firstWebgpuDifference(backend: WebgpuBackend): Promise<string | undefined> {
  const float = await differingFloat(backend.opened);
  if (float !== undefined) return float;
  // Networks so small take small tiles; a GPU would take others for large ones.
  const tilings: readonly (Tiling | undefined)[] = backend.software ? [undefined] : [undefined, MEDIUM, LARGE];
  for (const spec of NETWORKS) {
    for (const tiling of tilings) {
      const trainer = await backend.createApart(spec, tiling);
      const fault = await differingTrainer(trainer);
      await trainer.close();
      if (fault !== undefined) return `${fault} of ${spec.model.kind}`;
    }
    const trainer = await backend.create(spec);
    const fault = await differingStep(trainer);
    await trainer.close();
    if (fault !== undefined) return `${fault} of ${spec.model.kind}`;
  }
  return undefined;
}

/** The first operation of a gradient whose result differs, of a trainer whose buffers can all be read. */
export async function differingTrainer(trainer: WebgpuTrainer): Promise<string | undefined> {
  const { spec, layout, network } = trainer;
  const { program, refs, gradient, inputs } = network;
  const state = initialState(spec, new Uint8Array(32).fill(7));
  const samples = samplesOf(spec, 0);
  await trainer.load(state);
  await trainer.gradient(samples);
  const got = await trainer.read([...refs, gradient, inputs.losses, inputs.predicted]);
  const [predicted, losses, grad] = [got.pop(), got.pop(), got.pop()] as [Float32Array, Float32Array, Float32Array];
  const w = workspaceOf(spec, program, samples, thetaOf(layout, state), new Float32Array(layout.paddedCount));
  const ops = [...program.forward, ...program.backward];
  const clipped = ops.some(({ op }) => op === 'clip');
  for (const op of ops) expectedOf(op, w);
  const last = new Map(ops.map((op, i) => [targetOf(op)?.offset ?? -1 - i, i]));
  for (const [i, op] of ops.entries()) {
    if ('out' in op && !equal(written(op, got[op.out] as Float32Array), written(op, w.buffers[op.out] as Float32Array))) return op.op;
    if (op.op === 'clip' && !equal(grad, w.gradient)) return op.op;
    const target = targetOf(op);
    // A tensor that is written twice shows the last writing, and clipping hides what it changes.
    if (target === undefined || clipped || last.get(target.offset) !== i) continue;
    if (!equal(part(grad, target), part(w.gradient, target))) return op.op;
  }
  if (!equal(new Int32Array(losses.buffer), w.losses) || !equal(new Uint32Array(predicted.buffer), Uint32Array.from(w.predicted))) return 'loss';
  return undefined;
}

/** Two steps, an update from codes, evaluations, and a step after them. */
async function differingStep(trainer: WebgpuTrainer): Promise<string | undefined> {
  const { spec } = trainer;
  const twin = reference.create(spec);
  const state = initialState(spec, new Uint8Array(32).fill(8));
  twin.load(state);
  await trainer.load(state);
  for (const step of [1, 2]) {
    const samples = samplesOf(spec, step);
    if (!equal((await trainer.step(samples, step)).codes, twin.step(samples, step).codes)) return 'step';
    if (!equal(await trainer.state(), twin.state())) return 'update';
  }
  const { codes } = twin.gradient(samplesOf(spec, 3));
  twin.applyCodes(codes, 3);
  await trainer.applyCodes(codes, 3);
  if (!equal(await trainer.state(), twin.state())) return 'update from codes';
  for (const form of ['full', 'four'] as const) {
    const samples = samplesOf(spec, 4).subarray(sampleBytes(spec.model));
    const [mine, theirs] = [await trainer.evaluate(samples, form), twin.evaluate(samples, form)];
    if (!equal(mine.losses, theirs.losses) || !equal(mine.predicted, theirs.predicted)) return `evaluation (${form})`;
  }
  const after = samplesOf(spec, 5);
  return equal((await trainer.step(after, 4)).codes, twin.step(after, 4).codes) ? undefined : 'step after an evaluation';
}
