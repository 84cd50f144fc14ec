// SPDX-License-Identifier: Apache-2.0
// One model in training in one WebAssembly memory, synchronously: the calling thread works and waits for the others.
import type { Evaluation, GradientResult, ModelForm, StepResult, SyncTrainer } from './backend.ts';
import { tokensOf } from './embed.ts';
import { FormatError, InvalidCodesError } from './errors.ts';
import { type Layout, LEAF_PARAMETERS, layoutOf } from './layout.ts';
import { compileNext } from './logits.ts';
import { decodeModel4, encodeModel4 } from './model4.ts';
import type { Parts } from './parts.ts';
import { classCount, rowsPerSample, sampleBytes, type TrainSpec, tokenBytes } from './spec.ts';
import { checkState, readState, type StateArrays, viewOfState, writeState } from './state.ts';
import { type Coefficients, coefficientsOf } from './update.ts';
import type { OpContext } from './wasm-context.ts';
import type { WasmMemory } from './wasm-host.ts';
import { runNext } from './wasm-logits.ts';
import { createMemory, giveBack, type Lane, type MemoryPlan, planMemory } from './wasm-memory.ts';
import { type CompiledKernels, instantiate, type Kernels } from './wasm-module.ts';
import { execute, PASS } from './wasm-passes.ts';
import { ALONE, startThreads, type Threads } from './wasm-threads.ts';

/** Parameters whose 4-bit form is decoded at once: whole leaves. */
const DECODED_AT_ONCE = 256 * LEAF_PARAMETERS;

export class WasmTrainer implements SyncTrainer {
  readonly spec: TrainSpec;
  readonly layout: Layout;
  readonly plan: MemoryPlan;
  readonly memory: WasmMemory;
  readonly #kernels: Kernels;
  readonly #bytes: Uint8Array;
  readonly #state: StateArrays;
  readonly #sampleBytes: number;
  readonly #coefficients: (globalStep: number) => Coefficients;
  readonly #threads: Threads;
  /** Whether the memory goes to the next trainer: not while threads may use it, and not one of another place, most of which nobody touched. */
  #isSpare: boolean;

  /** `plan`: another place for everything, of a trainer without further threads. */
  constructor(spec: TrainSpec, compiled: CompiledKernels, threads = 1, plan?: MemoryPlan) {
    this.spec = spec;
    this.layout = layoutOf(spec);
    this.plan = plan ?? planMemory(spec, threads);
    this.#isSpare = threads === 1 && plan === undefined;
    this.memory = createMemory(this.plan, plan !== undefined);
    this.#kernels = instantiate(compiled, this.memory);
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#state = { theta: this.floats(this.plan.theta), moments: this.plan.moments.map((at) => this.floats(at)) };
    this.#sampleBytes = sampleBytes(spec.model);
    this.#coefficients = coefficientsOf(spec);
    this.#threads = threads === 1 ? ALONE : startThreads({ spec, kernels: compiled, memory: this.memory }, threads);
  }

  /** `count` values at an address; without a count as many as parameters. */
  floats(at: number, count: number = this.layout.paddedCount): Float32Array {
    return new Float32Array(this.memory.buffer, at, count);
  }

  /** What operations on the first `samples` samples in memory run on. */
  context(samples: number, theta: number = this.plan.theta): OpContext {
    const { plan, memory } = this;
    return { kernels: this.#kernels, memory, plan, team: this.#threads.team, lane: plan.lanes[0] as Lane, samples, stride: this.#sampleBytes, theta };
  }

  load(state: Parts): void {
    readState(state, this.#state);
    checkState(this.#state);
  }

  state(): Uint8Array {
    return writeState(this.#state);
  }

  view(): Parts {
    return viewOfState(this.#state);
  }

  step(samples: Uint8Array, globalStep: number): StepResult {
    this.#run(this.contextOf(samples), PASS.forward | PASS.backward | PASS.update, globalStep);
    return { codes: this.#codes(), loss: this.#loss() };
  }

  gradient(samples: Uint8Array): GradientResult {
    const { plan, layout } = this;
    const c = this.contextOf(samples);
    this.#run(c, PASS.forward | PASS.backward | PASS.encode);
    const logits = 4 * c.samples * rowsPerSample(this.spec.model) * classCount(this.spec.model);
    const from = plan.buffers[plan.program.logits] as number;
    const activations = new Uint8Array(logits + 4 * layout.paddedCount);
    activations.set(this.#bytes.subarray(from, from + logits));
    activations.set(this.#bytes.subarray(plan.gradient, plan.gradient + 4 * layout.paddedCount), logits);
    return { codes: this.#codes(), loss: this.#loss(), activations };
  }

  applyCodes(codes: Uint8Array, globalStep: number): void {
    if (codes.length !== this.layout.codeBytes) {
      throw new InvalidCodesError(`codes: ${codes.length} bytes, expected ${this.layout.codeBytes}`);
    }
    this.#bytes.set(codes, this.plan.codes);
    this.#run(this.context(0), PASS.apply, globalStep);
  }

  evaluate(samples: Uint8Array, form: ModelForm): Evaluation {
    const bytes = this.#sampleBytes;
    if (samples.length % bytes !== 0) throw new FormatError(`samples: ${samples.length} bytes are no whole number of samples of ${bytes}`);
    const { plan } = this;
    if (form === 'four') this.#decode4();
    const count = samples.length / bytes;
    const losses = new Int32Array(count);
    const predicted = new Uint16Array(count);
    const rows = rowsPerSample(this.spec.model);
    for (let from = 0; from < count; from += plan.capacity) {
      const n = Math.min(plan.capacity, count - from);
      const c = this.context(n, form === 'four' ? plan.theta4 : plan.theta);
      this.#put(samples.subarray(from * bytes, (from + n) * bytes), n);
      this.#run(c, PASS.forward | PASS.losses);
      losses.set(this.#losses(n), from);
      const classes = new Uint16Array(this.memory.buffer, plan.predicted, n * rows);
      for (let i = 0; i < n; i++) predicted[from + i] = classes[(i + 1) * rows - 1] as number;
    }
    return { losses, predicted };
  }

  logits(tokens: readonly number[]): Float32Array {
    return runNext(this.context(1), compileNext(this.spec, tokens), tokens);
  }

  close(): void {
    this.#threads.close();
    if (this.#isSpare) giveBack(this.memory);
    this.#isSpare = false;
  }

  /** A batch in memory, ready for the first operation. FormatError for another length or a label out of range. */
  contextOf(samples: Uint8Array): OpContext {
    const { batchSize } = this.spec;
    const expected = batchSize * this.#sampleBytes;
    if (samples.length !== expected) throw new FormatError(`samples: ${samples.length} bytes, expected ${expected}`);
    this.#put(samples, batchSize);
    return this.context(batchSize);
  }

  /** Samples, and their labels and tokens, into memory. FormatError for one out of range. */
  #put(samples: Uint8Array, count: number): void {
    const { plan, spec } = this;
    const { model } = spec;
    this.#bytes.set(samples, plan.samples);
    const labels = new Uint16Array(this.memory.buffer, plan.labels, count * rowsPerSample(model));
    if (model.kind === 'gpt') {
      const shape = { vocab: model.vocab, context: model.context, bytes: tokenBytes(model.vocab) };
      new Uint16Array(this.memory.buffer, plan.tokens, labels.length).set(tokensOf(shape, samples, labels.length, 0));
      labels.set(tokensOf(shape, samples, labels.length, 1));
      return;
    }
    const classes = classCount(model);
    for (let s = 0; s < count; s++) {
      const label = samples[(s + 1) * this.#sampleBytes - 1] as number;
      if (label >= classes) throw new FormatError(`label: ${label} in sample ${s} of the batch is not below ${classes}`);
      labels[s] = label;
    }
  }

  /** The 4-bit form of the parameters, decoded, into its place. InvalidStateError when there is none. */
  #decode4(): void {
    const { theta } = this.#state;
    const into = this.floats(this.plan.theta4);
    try {
      for (let at = 0; at < theta.length; at += DECODED_AT_ONCE) {
        into.set(decodeModel4(encodeModel4(theta.subarray(at, at + DECODED_AT_ONCE))), at);
      }
    } finally {
      // No operation writes the gradient's padding, and codes are made of it.
      for (const { offset, count, leaves } of this.layout.tensors) into.fill(0, offset + count, offset + leaves * LEAF_PARAMETERS);
    }
  }

  /** Runs passes on all threads. */
  #run(c: OpContext, passes: number, globalStep = 0): void {
    const command = { passes, samples: c.samples, theta: c.theta, globalStep };
    this.#threads.start(command);
    try {
      execute(c, this.#coefficients, command);
    } finally {
      // Also after a refusal: no thread may still write when the caller goes on.
      c.team.wait();
    }
  }

  /** Loss of each sample: the mean of its rows' losses, rounded down. */
  #losses(samples: number): Int32Array {
    const rows = rowsPerSample(this.spec.model);
    const all = new Int32Array(this.memory.buffer, this.plan.losses, samples * rows);
    if (rows === 1) return all;
    const out = new Int32Array(samples);
    for (let s = 0; s < samples; s++) {
      let sum = 0; // at most 2^43
      for (let r = s * rows; r < (s + 1) * rows; r++) sum += all[r] as number;
      out[s] = (sum - (sum % rows)) / rows;
    }
    return out;
  }

  #loss(): bigint {
    let sum = 0; // at most 2^47
    for (const loss of this.#losses(this.spec.batchSize)) sum += loss;
    return BigInt(sum);
  }

  #codes(): Uint8Array {
    return this.#bytes.slice(this.plan.codes, this.plan.codes + this.layout.codeBytes);
  }
}
