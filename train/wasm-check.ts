// SPDX-License-Identifier: Apache-2.0
// Before kernels are used they run a few small networks in lockstep with the reference, operation by operation, so
// that a machine on which one bit differs is told which operation it was.
import { encodeCodes } from './codes.ts';
import { bitsOf, flush } from './float32.ts';
import { initialState } from './init.ts';
import { layoutOf } from './layout.ts';
import { execute, type Workspace } from './ops.ts';
import { philox } from './philox.ts';
import { compile, type DenseOp } from './program.ts';
import { reference } from './reference.ts';
import { classCount, type MlpTrainSpec, type OptimizerSpec, sampleBytes, type TrainSpec } from './spec.ts';
import { thetaOf } from './state.ts';
import type { CompiledKernels } from './wasm-module.ts';
import { runOp } from './wasm-ops.ts';
import { WasmTrainer } from './wasm-trainer.ts';

const SGD: OptimizerSpec = { kind: 'sgd', momentum: bitsOf(0.9) };
const ADAMW: OptimizerSpec = { kind: 'adamw', beta1: bitsOf(0.9), beta2: bitsOf(0.999), epsilon: bitsOf(1e-8), weightDecay: bitsOf(0.01) };

function small(layers: readonly number[], batchSize: number, optimizer: OptimizerSpec): MlpTrainSpec {
  const schedule = { baseRate: bitsOf(0.05), warmupSteps: 1, totalSteps: 9, floorRatio: 0 };
  return { arithmetic: 'exact8', model: { kind: 'mlp', layers, inputExponent: -8 }, optimizer, schedule, batchSize };
}

/** Whole tiles, ragged ones, more than one chunk along features and along samples, both optimisers. */
const NETWORKS: readonly MlpTrainSpec[] = [
  small([48, 32, 16], 32, SGD),
  small([37, 19, 11, 5], 13, ADAMW),
  small([1100, 6, 3], 5, SGD),
  small([5, 4, 2], 1040, ADAMW),
];

/** The first operation on which these kernels and the reference disagree, or undefined. */
export function firstDifference(kernels: CompiledKernels): string | undefined {
  for (const spec of NETWORKS) {
    const trainer = new WasmTrainer(spec, kernels);
    trainer.load(initialState(spec, new Uint8Array(32).fill(7)));
    const fault = differingOp(spec, trainer) ?? differingStep(spec, trainer);
    trainer.close();
    if (fault !== undefined) return `${fault} of ${spec.model.layers.join('-')}, batch ${spec.batchSize}`;
  }
  return undefined;
}

/** Samples whose columns differ in magnitude, as pixels do; some are 0 and 255. */
function samplesOf(spec: TrainSpec, draw: number): Uint8Array {
  const bytes = sampleBytes(spec.model);
  const classes = classCount(spec.model);
  const out = new Uint8Array(spec.batchSize * bytes);
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    philox([1, 2], Uint32Array.of(i, draw, 0, 0), words);
    for (let j = 0; j < 4 && i + j < out.length; j++) {
      const at = (i + j) % bytes;
      const word = words[j] as number;
      out[i + j] = at === bytes - 1 ? word % classes : (word & 255) >> (at % 9);
    }
  }
  return out;
}

function differingOp(spec: TrainSpec, trainer: WasmTrainer): string | undefined {
  const { plan } = trainer;
  const samples = samplesOf(spec, 0);
  new Uint8Array(trainer.memory.buffer).set(samples, plan.samples);
  const program = compile(spec, spec.batchSize);
  const layout = layoutOf(spec);
  const w: Workspace = {
    rows: spec.batchSize,
    shapes: program.buffers,
    buffers: program.buffers.map(({ rows, cols }) => new Float32Array(rows * cols)),
    samples,
    sampleBytes: sampleBytes(spec.model),
    theta: thetaOf(layout, trainer.state()),
    gradient: new Float32Array(layout.paddedCount),
    losses: new Int32Array(spec.batchSize),
    predicted: new Uint16Array(spec.batchSize),
  };
  const c = trainer.context(spec.batchSize);
  for (const op of [...program.forward, ...program.backward] as DenseOp[]) {
    const expected = execute(op, w);
    for (let i = 0; i < expected.length; i++) expected[i] = flush(expected[i] as number);
    runOp(op, c);
    if (op.op !== 'input' && !equal(expected, outputOf(op, trainer, spec.batchSize))) return op.op;
    if (op.op === 'crossEntropy' && !equal(w.losses, new Int32Array(trainer.memory.buffer, plan.losses, w.rows))) return op.op;
  }
  const codes = new Uint8Array(layout.codeBytes);
  encodeCodes(w.gradient, codes);
  return equal(codes, trainer.gradient(samples).codes) ? undefined : 'codes';
}

/** What an operation wrote, in the reference's order. */
function outputOf(op: Exclude<DenseOp, { op: 'input' }>, trainer: WasmTrainer, rows: number): Float32Array {
  const { plan } = trainer;
  if (op.op === 'linearWeightGrad') return trainer.floats(plan.gradient + 4 * op.w.offset, op.w.count);
  if (op.op === 'biasGrad') return trainer.floats(plan.gradient + 4 * op.b.offset, op.b.count);
  const cols = plan.program.buffers[op.out]?.cols ?? 0;
  const stored = trainer.floats(plan.buffers[op.out] as number, cols * plan.ld);
  return Float32Array.from({ length: rows * cols }, (_, i) => stored[(i % cols) * plan.ld + Math.floor(i / cols)] as number);
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
