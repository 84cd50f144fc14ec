// SPDX-License-Identifier: Apache-2.0
// Before kernels are used they run a few small networks in lockstep with the reference, operation by operation, so
// that a machine on which one bit differs is told which operation it was.
import { ADAMW, IMAGES, mlp, RAGGED, SGD, samplesOf, small } from './check-networks.ts';
import { equal, expectedOf, targetOf, written } from './check-operations.ts';
import { encodeCodes } from './codes.ts';
import { initialState } from './init.ts';
import { layoutOf } from './layout.ts';
import { compile, type Op } from './program.ts';
import { reference } from './reference.ts';
import { codeBitsOf, type ModelSpec, type TrainSpec } from './spec.ts';
import { thetaOf } from './state.ts';
import type { CompiledKernels } from './wasm-module.ts';
import { runOp } from './wasm-ops.ts';
import { WasmTrainer } from './wasm-trainer.ts';
import { workspaceOf } from './workspace.ts';

const TEXT: ModelSpec = { kind: 'gpt', vocab: 21, context: 16, width: 32, layers: 1, heads: 2, tied: false };

/** Whole tiles, ragged ones, more than one chunk along features and along samples, every operation, both optimisers. */
const NETWORKS: readonly TrainSpec[] = [
  mlp([48, 32, 16], 32, SGD),
  mlp([37, 19, 11, 5], 13, ADAMW),
  mlp([1100, 6, 3], 5, SGD),
  mlp([5, 4, 2], 1040, ADAMW),
  small(IMAGES, 4, SGD),
  { ...small(IMAGES, 3, ADAMW), codeBits: 5 },
  { ...mlp([9, 70, 3], 5, SGD), codeBits: 5 },
  small(TEXT, 2, ADAMW),
  small(RAGGED, 3, { ...SGD, clip: 0x3c000000 }),
];

/** The first operation on which these kernels and the reference disagree, or undefined. */
export function firstDifference(kernels: CompiledKernels): string | undefined {
  for (const spec of NETWORKS) {
    const trainer = new WasmTrainer(spec, kernels);
    trainer.load(initialState(spec, new Uint8Array(32).fill(7)));
    const fault = differingOp(spec, trainer) ?? differingStep(spec, trainer);
    trainer.close();
    if (fault !== undefined) return `${fault} of ${modelText(spec)}`;
  }
  return undefined;
}

function modelText({ model, batchSize }: TrainSpec): string {
  return `${model.kind}${model.kind === 'mlp' ? ` ${model.layers.join('-')}` : ''}, batch ${batchSize}`;
}

function differingOp(spec: TrainSpec, trainer: WasmTrainer): string | undefined {
  const samples = samplesOf(spec, 0);
  const program = compile(spec, spec.batchSize);
  const layout = layoutOf(spec);
  const w = workspaceOf(spec, program, samples, thetaOf(layout, trainer.state()), new Float32Array(layout.paddedCount));
  const c = trainer.contextOf(samples);
  for (const op of [...program.forward, ...program.backward]) {
    const expected = expectedOf(op, w);
    runOp(op, c);
    const got = outputOf(op, trainer, expected.length);
    if (got !== undefined && !equal(written(op, expected), written(op, got))) return op.op;
    if (!equal(w.losses, new Int32Array(trainer.memory.buffer, trainer.plan.losses, w.losses.length))) return op.op;
  }
  const codes = new Uint8Array(layout.codeBytes);
  encodeCodes(w.gradient, codes, codeBitsOf(spec));
  return equal(codes, trainer.gradient(samples).codes) ? undefined : 'codes';
}

/** What an operation wrote; undefined for the input of an mlp, which stays in bytes. Clipping writes the whole gradient. */
function outputOf(op: Op, trainer: WasmTrainer, count: number): Float32Array | undefined {
  const { plan } = trainer;
  if ('out' in op) return plan.buffers[op.out] === 0 ? undefined : trainer.floats(plan.buffers[op.out] as number, count);
  return trainer.floats(plan.gradient + 4 * (targetOf(op)?.offset ?? 0), count);
}

/** Two steps, an update from codes and an evaluation. */
function differingStep(spec: TrainSpec, trainer: WasmTrainer): string | undefined {
  const twin = reference.create(spec);
  twin.load(trainer.state());
  for (const step of [1, 2]) {
    const samples = samplesOf(spec, step);
    if (!equal(trainer.step(samples, step).codes, twin.step(samples, step).codes)) return 'step';
    if (!equal(trainer.state(), twin.state())) return 'update';
  }
  const { codes } = twin.gradient(samplesOf(spec, 3));
  twin.applyCodes(codes, 3);
  trainer.applyCodes(codes, 3);
  if (!equal(trainer.state(), twin.state())) return 'update from codes';
  const [mine, theirs] = [trainer.evaluate(samplesOf(spec, 4), 'four'), twin.evaluate(samplesOf(spec, 4), 'four')];
  return equal(mine.losses, theirs.losses) && equal(mine.predicted, theirs.predicted) ? undefined : 'evaluation';
}
