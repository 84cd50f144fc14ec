// SPDX-License-Identifier: Apache-2.0
// One model in training on a GPU. Up go samples and a few numbers, down come codes and losses.
import type { Evaluation, GradientResult, ModelForm, StepResult, Trainer } from './backend.ts';
import { decodeCodes } from './codes.ts';
import { tokensOf } from './embed.ts';
import { FormatError, InvalidStateError, InvalidStepError } from './errors.ts';
import { bitsOf } from './float32.ts';
import { type Layout, LEAF_PARAMETERS } from './layout.ts';
import { inParts, type Parts } from './parts.ts';
import { classCount, type GptSpec, rowsPerSample, sampleBytes, type TrainSpec, tokenBytes } from './spec.ts';
import { checkState, emptyState, readState, writeFloats } from './state.ts';
import { EXP_TABLE, LOG_TABLE } from './tables.ts';
import { type Coefficients, coefficientsOf } from './update.ts';
import type { Device } from './webgpu-device.ts';
import { codeBits, type Network, PARTS, type PartName, recordNetwork } from './webgpu-network.ts';
import type { PlanOptions } from './webgpu-plan.ts';
import { type Range, Runner, type Wanted } from './webgpu-runner.ts';
import type { Ref } from './webgpu-shader.ts';
import { COEFFICIENTS } from './webgpu-update.ts';

export class WebgpuTrainer implements Trainer {
  readonly spec: TrainSpec;
  readonly layout: Layout;
  readonly network: Network;
  readonly #runner: Runner;
  /** Rows of logits. */
  readonly #rows: number;
  readonly #sampleBytes: number;
  readonly #coefficients: (globalStep: number) => Coefficients;

  /** BackendUnavailableError names the limit of the device that the network exceeds. */
  static async open(device: Device, spec: TrainSpec, options: PlanOptions): Promise<WebgpuTrainer> {
    const network = recordNetwork(spec, options);
    return new WebgpuTrainer(spec, network, await Runner.open(device, network.plan));
  }

  private constructor(spec: TrainSpec, network: Network, runner: Runner) {
    this.spec = spec;
    this.layout = network.layout;
    this.network = network;
    this.#runner = runner;
    const tables = new Uint32Array(EXP_TABLE.length + LOG_TABLE.length);
    tables.set(EXP_TABLE);
    tables.set(LOG_TABLE, EXP_TABLE.length);
    runner.write(network.inputs.tables, tables);
    this.#rows = spec.batchSize * rowsPerSample(spec.model);
    this.#sampleBytes = sampleBytes(spec.model);
    this.#coefficients = coefficientsOf(spec);
    if (spec.model.kind === 'gpt') {
      const positions = Uint16Array.from({ length: this.#rows }, (_, r) => r % rowsPerSample(spec.model));
      this.#writeRows(positions, rowsPerSample(spec.model), network.inputs.positionStarts, network.inputs.positionRows);
    }
  }

  async load(state: Parts): Promise<void> {
    const { stateLeafBytes, stateBytes, moments } = this.layout;
    if (state.length !== stateBytes) throw new InvalidStateError(`state: ${state.length} bytes, expected ${stateBytes}`);
    let leaf = 0;
    for (const part of inParts(state, stateLeafBytes)) {
      const leaves = part.length / stateLeafBytes;
      const arrays = emptyState(leaves, moments);
      readState(part, arrays);
      checkState(arrays);
      for (const [i, array] of [arrays.theta, ...arrays.moments].entries()) {
        const bits = new Uint32Array(array.buffer, array.byteOffset, array.length);
        this.#runner.write(this.network.state[i] as Ref, bits, 4 * LEAF_PARAMETERS * leaf);
      }
      leaf += leaves;
    }
  }

  async state(): Promise<Uint8Array> {
    const { stateLeafBytes, stateBytes, leafCount } = this.layout;
    const bytes = new Uint8Array(stateBytes);
    for (const [i, ref] of this.network.state.entries()) {
      const [array] = (await this.read([ref])) as [Float32Array];
      for (let leaf = 0; leaf < leafCount; leaf++) {
        const at = leaf * stateLeafBytes + 4 * LEAF_PARAMETERS * i;
        writeFloats(array.subarray(leaf * LEAF_PARAMETERS, (leaf + 1) * LEAF_PARAMETERS), bytes, at);
      }
    }
    return bytes;
  }

  async step(samples: Uint8Array, globalStep: number): Promise<StepResult> {
    this.#putBatch(samples);
    this.#putCoefficients(globalStep);
    const [losses, codes] = await this.#run(['forward', 'backward', 'encode', 'update'], [this.#losses(), this.#codes()]);
    return { codes: codes as Uint8Array, loss: this.#lossOf(losses as Uint8Array) };
  }

  async gradient(samples: Uint8Array): Promise<GradientResult> {
    this.#putBatch(samples);
    const { refs, program, gradient } = this.network;
    const logits = { ref: refs[program.logits] as Ref, words: this.#rows * classCount(this.spec.model) };
    const read = [this.#losses(), this.#codes(), logits, { ref: gradient, words: this.layout.paddedCount }];
    const parts = await this.#run(['forward', 'backward', 'encode'], read);
    const [losses, codes, ...rest] = parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const activations = new Uint8Array(rest[0].length + rest[1].length);
    activations.set(rest[0]);
    activations.set(rest[1], rest[0].length);
    return { codes, loss: this.#lossOf(losses), activations };
  }

  async applyCodes(codes: Uint8Array, globalStep: number): Promise<void> {
    // Refuses what is no encoding.
    decodeCodes(codes, new Float32Array(this.layout.paddedCount), codeBits(this.layout));
    this.#runner.write(this.network.codes, codes);
    this.#putCoefficients(globalStep);
    await this.#run(['update'], []);
  }

  async evaluate(samples: Uint8Array, form: ModelForm): Promise<Evaluation> {
    const bytes = this.#sampleBytes;
    if (samples.length % bytes !== 0) throw new FormatError(`samples: ${samples.length} bytes are no whole number of samples of ${bytes}`);
    const { batchSize, model } = this.spec;
    const all = samples.length / bytes;
    const losses = new Int32Array(all);
    const predicted = new Uint16Array(all);
    const batch = new Uint8Array(batchSize * bytes);
    for (let from = 0; from < all; from += batchSize) {
      const count = Math.min(batchSize, all - from);
      batch.set(samples.subarray(from * bytes, (from + count) * bytes));
      // Samples do not influence each other, so the last one stands for those that are missing.
      for (let s = count; s < batchSize; s++) batch.copyWithin(s * bytes, (count - 1) * bytes, count * bytes);
      this.#putBatch(batch);
      const read = [this.#losses(), { ref: this.network.inputs.predicted, words: this.#rows }];
      const [rowLosses, classes] = await this.#run([form === 'four' ? 'four' : 'forward'], read);
      losses.set(this.#sampleLosses(rowLosses as Uint8Array).subarray(0, count), from);
      const rows = rowsPerSample(model);
      const of = words(classes as Uint8Array);
      for (let s = 0; s < count; s++) predicted[from + s] = of[(s + 1) * rows - 1] as number;
    }
    return { losses, predicted };
  }

  async close(): Promise<void> {
    this.#runner.close();
  }

  /** Values of buffers as the last run left them; one that shares memory may hold anything. */
  async read(refs: readonly Ref[]): Promise<Float32Array[]> {
    const { words: sizes } = this.network.plan;
    const parts = await this.#run(
      [],
      refs.map((ref) => ({ ref, words: sizes[ref] as number })),
    );
    return parts.map((bytes) => new Float32Array(bytes.buffer));
  }

  /** A batch on the device. FormatError for another length, or a label or token out of range. */
  #putBatch(samples: Uint8Array): void {
    const { model, batchSize } = this.spec;
    const expected = batchSize * this.#sampleBytes;
    if (samples.length !== expected) throw new FormatError(`samples: ${samples.length} bytes, expected ${expected}`);
    const { inputs } = this.network;
    if (model.kind === 'gpt') {
      this.#putTokens(samples, model);
      return;
    }
    const classes = classCount(model);
    const labels = new Uint32Array(batchSize);
    for (let s = 0; s < batchSize; s++) {
      const label = samples[(s + 1) * this.#sampleBytes - 1] as number;
      if (label >= classes) throw new FormatError(`label: ${label} in sample ${s} of the batch is not below ${classes}`);
      labels[s] = label;
    }
    const whole = new Uint8Array(4 * Math.ceil(samples.length / 4));
    whole.set(samples);
    this.#runner.write(inputs.samples, whole);
    this.#runner.write(inputs.labels, labels);
  }

  #putTokens(samples: Uint8Array, { vocab, context }: GptSpec): void {
    const { inputs } = this.network;
    const shape = { vocab, context, bytes: tokenBytes(vocab) };
    const tokens = tokensOf(shape, samples, this.#rows, 0);
    this.#runner.write(inputs.samples, Uint32Array.from(tokens));
    this.#runner.write(inputs.labels, Uint32Array.from(tokensOf(shape, samples, this.#rows, 1)));
    this.#writeRows(tokens, vocab, inputs.tokenStarts, inputs.tokenRows);
  }

  /** For each value of `index` below `values` the rows that have it, ascending. */
  #writeRows(index: Uint16Array, values: number, startsRef: Ref, rowsRef: Ref): void {
    const starts = new Uint32Array(values + 1);
    for (const value of index) starts[value + 1] = (starts[value + 1] as number) + 1;
    for (let v = 0; v < values; v++) starts[v + 1] = (starts[v + 1] as number) + (starts[v] as number);
    const next = starts.slice();
    const rows = new Uint32Array(index.length);
    index.forEach((value, r) => {
      const at = next[value] as number;
      rows[at] = r;
      next[value] = at + 1;
    });
    this.#runner.write(startsRef, starts);
    this.#runner.write(rowsRef, rows);
  }

  #putCoefficients(globalStep: number): void {
    const c = this.#coefficients(globalStep);
    this.#runner.write(
      this.network.coefficients,
      Uint32Array.from(COEFFICIENTS, (name) => bitsOf(c[name])),
    );
  }

  #losses(): Wanted {
    return { ref: this.network.inputs.losses, words: this.#rows };
  }

  #codes(): Wanted {
    return { ref: this.network.codes, words: this.layout.codeBytes / 4 };
  }

  /** Runs parts of the step. InvalidStepError, or InvalidStateError without a 4-bit form. */
  async #run(parts: readonly PartName[], wanted: readonly Wanted[]): Promise<readonly Uint8Array[]> {
    const { starts } = this.network;
    const ranges = parts.map((name): Range => [starts[PARTS.indexOf(name)] as number, starts[PARTS.indexOf(name) + 1] as number]);
    const { refused, read } = await this.#runner.run(ranges, wanted);
    if (refused === undefined) return read;
    if (refused === 'model4') throw new InvalidStateError('model4: a parameter is not finite or needs a scale above 2^50');
    throw new InvalidStepError(`${refused}: an output is not finite or needs a scale above 2^50`);
  }

  /** Loss of each sample: the mean of its rows' losses, rounded down. */
  #sampleLosses(bytes: Uint8Array): Int32Array {
    const rows = rowsPerSample(this.spec.model);
    const all = words(bytes);
    const out = new Int32Array(all.length / rows);
    for (let s = 0; s < out.length; s++) {
      let sum = 0; // at most 2^43
      for (let r = s * rows; r < (s + 1) * rows; r++) sum += all[r] as number;
      out[s] = (sum - (sum % rows)) / rows;
    }
    return out;
  }

  #lossOf(bytes: Uint8Array): bigint {
    let sum = 0; // at most 2^47
    for (const loss of this.#sampleLosses(bytes)) sum += loss;
    return BigInt(sum);
  }
}

function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
