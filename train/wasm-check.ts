// SPDX-License-Identifier: Apache-2.0
// Before kernels are used they run a few small networks in lockstep with the reference, operation by operation, so
// that a machine on which one bit differs is told which operation it was.
import { ADAMW, IMAGES, mlp, RAGGED, SGD, samplesOf, small } from './check-networks.ts';
import { encodeCodes } from './codes.ts';
import { flush } from './float32.ts';
import { initialState } from './init.ts';
import { layoutOf, type Tensor } from './layout.ts';
import { execute } from './ops.ts';
import { compile, type Op } from './program.ts';
import { reference } from './reference.ts';
import { codeBitsOf, type ModelSpec, rowsPerSample, sampleBytes, type TrainSpec } from './spec.ts';
import { thetaOf } from './state.ts';
import type { CompiledKernels } from './wasm-module.ts';
import { runOp } from './wasm-ops.ts';
import { WasmTrainer } from './wasm-trainer.ts';
import type { Workspace } from './workspace.ts';

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
  const rows = spec.batchSize * rowsPerSample(spec.model);
  const w: Workspace = {
    rows: spec.batchSize,
    shapes: program.buffers,
    buffers: program.buffers.map((shape) => new Float32Array(shape.rows * shape.cols)),
    samples,
    sampleBytes: sampleBytes(spec.model),
    theta: thetaOf(layout, trainer.state()),
    gradient: new Float32Array(layout.paddedCount),
    losses: new Int32Array(rows),
    predicted: new Uint16Array(rows),
  };
  const c = trainer.contextOf(samples);
  for (const op of [...program.forward, ...program.backward]) {
    const expected = execute(op, w);
    for (let i = 0; i < expected.length; i++) expected[i] = flush(expected[i] as number);
    runOp(op, c);
    const got = outputOf(op, trainer, expected.length);
    if (got !== undefined && !equal(written(op, expected), written(op, got))) return op.op;
    if (!equal(w.losses, new Int32Array(trainer.memory.buffer, trainer.plan.losses, rows))) return op.op;
  }
  const codes = new Uint8Array(layout.codeBytes);
  encodeCodes(w.gradient, codes, codeBitsOf(spec));
  return equal(codes, trainer.gradient(samples).codes) ? undefined : 'codes';
}

/** What an operation wrote; undefined for the input of an mlp, which stays in bytes. */
function outputOf(op: Op, trainer: WasmTrainer, count: number): Float32Array | undefined {
  const { plan } = trainer;
  if ('out' in op) return plan.buffers[op.out] === 0 ? undefined : trainer.floats(plan.buffers[op.out] as number, count);
  if (op.op === 'clip') return trainer.floats(plan.gradient, count);
  return trainer.floats(plan.gradient + 4 * targetOf(op).offset, count);
}

/** The part of its output that an operation writes: a third of the columns for the gradients of q, k and v. */
function written(op: Op, all: Float32Array): Float32Array {
  if (op.op !== 'queryGrad' && op.op !== 'keyGrad' && op.op !== 'mixValueGrad') return all;
  const { width } = op.shape;
  const from = op.op === 'queryGrad' ? 0 : op.op === 'keyGrad' ? width : 2 * width;
  return all.filter((_, i) => i % (3 * width) >= from && i % (3 * width) < from + width);
}

function targetOf(op: Exclude<Op, { out: number } | { op: 'clip' }>): Tensor {
  switch (op.op) {
    case 'linearWeightGrad':
      return op.w;
    case 'biasGrad':
      return op.b;
    case 'embedGrad':
      return op.e;
    case 'positionGrad':
      return op.p;
    default:
      return op.g;
  }
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

/** Bit for bit: binary32 values are compared as what they are in memory. */
function equal<T extends Float32Array | Int32Array | Uint16Array | Uint8Array>(a: T, b: T): boolean {
  const x = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const y = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  return x.length === y.length && x.every((value, i) => value === y[i]);
}
