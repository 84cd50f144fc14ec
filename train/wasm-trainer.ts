// SPDX-License-Identifier: Apache-2.0
// One model in training in one WebAssembly memory, synchronously, on the calling thread.
import type { Evaluation, GradientResult, ModelForm, StepResult, SyncTrainer } from './backend.ts';
import { FormatError, InvalidCodesError, InvalidStepError } from './errors.ts';
import { type Layout, layoutOf } from './layout.ts';
import { decodeModel4, encodeModel4 } from './model4.ts';
import type { Op } from './program.ts';
import { classCount, sampleBytes, type TrainSpec } from './spec.ts';
import { checkState, readState, type StateArrays, writeState } from './state.ts';
import { coefficients } from './update.ts';
import type { WasmMemory } from './wasm-host.ts';
import { createMemory, type MemoryPlan, planMemory } from './wasm-memory.ts';
import { type CompiledKernels, instantiate, type Kernels } from './wasm-module.ts';
import { type OpContext, runOp } from './wasm-ops.ts';

const INFINITE = 0x7f800000;
const FAULTS = ['', 'an exponent byte is outside 70..180', 'negative zero', 'an exponent byte above 70 without a code of step 7'];

export class WasmTrainer implements SyncTrainer {
  readonly spec: TrainSpec;
  readonly layout: Layout;
  readonly plan: MemoryPlan;
  readonly kernels: Kernels;
  readonly memory: WasmMemory;
  readonly #bytes: Uint8Array;
  readonly #state: StateArrays;
  readonly #sampleBytes: number;

  constructor(spec: TrainSpec, compiled: CompiledKernels) {
    this.spec = spec;
    this.layout = layoutOf(spec);
    this.plan = planMemory(spec);
    this.memory = createMemory(this.plan);
    this.kernels = instantiate(compiled, this.memory);
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#state = { theta: this.floats(this.plan.theta), moments: this.plan.moments.map((at) => this.floats(at)) };
    this.#sampleBytes = sampleBytes(spec.model);
  }

  /** `count` values at an address; without a count as many as parameters. */
  floats(at: number, count: number = this.layout.paddedCount): Float32Array {
    return new Float32Array(this.memory.buffer, at, count);
  }

  /** What operations on the first `rows` samples in memory run on. */
  context(rows: number, theta: number = this.plan.theta): OpContext {
    return { kernels: this.kernels, plan: this.plan, rows, stride: this.#sampleBytes, theta };
  }

  load(state: Uint8Array): void {
    readState(state, this.#state);
    checkState(this.#state);
  }

  state(): Uint8Array {
    return writeState(this.#state);
  }

  step(samples: Uint8Array, globalStep: number): StepResult {
    const loss = this.#backpropagate(samples);
    this.#update(this.plan.gradient, globalStep);
    return { codes: this.#codes(), loss };
  }

  gradient(samples: Uint8Array): GradientResult {
    const { plan, layout, kernels } = this;
    const loss = this.#backpropagate(samples);
    if (kernels.update.encode(plan.gradient, layout.paddedCount, plan.codes, plan.scratch) < 0) throw notFinite();
    const logits = this.spec.batchSize * classCount(this.spec.model);
    kernels.pass.transpose(plan.buffers[plan.program.logits] as number, plan.ld, classCount(this.spec.model), this.spec.batchSize, plan.temporary);
    const activations = new Uint8Array(4 * (logits + layout.paddedCount));
    activations.set(this.#bytes.subarray(plan.temporary, plan.temporary + 4 * logits));
    activations.set(this.#bytes.subarray(plan.gradient, plan.gradient + 4 * layout.paddedCount), 4 * logits);
    return { codes: this.#codes(), loss, activations };
  }

  applyCodes(codes: Uint8Array, globalStep: number): void {
    if (codes.length !== this.layout.codeBytes) {
      throw new InvalidCodesError(`codes: ${codes.length} bytes, expected ${this.layout.codeBytes}`);
    }
    this.#bytes.set(codes, this.plan.codes);
    this.#update(0, globalStep);
  }

  evaluate(samples: Uint8Array, form: ModelForm): Evaluation {
    const bytes = this.#sampleBytes;
    if (samples.length % bytes !== 0) throw new FormatError(`samples: ${samples.length} bytes are no whole number of samples of ${bytes}`);
    const { plan } = this;
    if (form === 'four') this.floats(plan.theta4).set(decodeModel4(encodeModel4(this.#state.theta)));
    const count = samples.length / bytes;
    const losses = new Int32Array(count);
    const predicted = new Uint16Array(count);
    for (let from = 0; from < count; from += plan.capacity) {
      const rows = Math.min(plan.capacity, count - from);
      const c = this.context(rows, form === 'four' ? plan.theta4 : plan.theta);
      this.#bytes.set(samples.subarray(from * bytes, (from + rows) * bytes), plan.samples);
      for (const op of plan.program.forward) runOp(op, c);
      runOp(plan.program.backward[0] as Op, c);
      losses.set(new Int32Array(this.memory.buffer, plan.losses, rows), from);
      predicted.set(new Uint16Array(this.memory.buffer, plan.predicted, rows), from);
    }
    return { losses, predicted };
  }

  close(): void {}

  #backpropagate(samples: Uint8Array): bigint {
    const { plan } = this;
    const rows = this.spec.batchSize;
    const expected = rows * this.#sampleBytes;
    if (samples.length !== expected) throw new FormatError(`samples: ${samples.length} bytes, expected ${expected}`);
    this.#bytes.set(samples, plan.samples);
    const c = this.context(rows);
    for (const op of plan.program.forward) runOp(op, c);
    for (const op of plan.program.backward) runOp(op, c);
    let loss = 0;
    for (const row of new Int32Array(this.memory.buffer, plan.losses, rows)) loss += row; // at most 2^47
    return BigInt(loss);
  }

  /** From the gradient at an address, or from the codes in memory for address 0. */
  #update(gradient: number, globalStep: number): void {
    const { plan, layout } = this;
    const c = coefficients(this.spec, globalStep);
    const [m, v] = plan.moments as readonly [number, number];
    const n = layout.paddedCount;
    let result: number;
    if (this.spec.optimizer.kind === 'sgd') {
      result = this.kernels.update.sgd(gradient, plan.codes, plan.theta, m, n, c.rate, c.momentum, plan.scratch);
    } else {
      this.floats(plan.scratch + 512, 8).set([c.beta1, c.gain1, c.beta2, c.gain2, c.epsilon, c.keep, c.stepSize, c.rootScale]);
      result = this.kernels.update.adamw(gradient, plan.codes, plan.theta, m, v, n, plan.scratch + 512, plan.scratch);
    }
    if (result === -1) throw notFinite();
    if (result < 0) throw new InvalidCodesError(`codes: ${FAULTS[-1 - result]}`);
    if (result >= INFINITE) throw new InvalidStepError('update: the new state is not finite');
  }

  #codes(): Uint8Array {
    return this.#bytes.slice(this.plan.codes, this.plan.codes + this.layout.codeBytes);
  }
}

function notFinite(): InvalidStepError {
  return new InvalidStepError('codes: a gradient is not finite');
}
