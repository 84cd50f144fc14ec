// SPDX-License-Identifier: Apache-2.0
// The definition of the arithmetic, and the reference backend, the kernel that the chain itself runs. One step, top
// to bottom: operations forward, operations backward, codes, update with the decoded codes. Matrix products are asked
// for by `yield`, so that another engine may compute them (delegate.ts); the reference does it by `contract`.
import type { Evaluation, GradientResult, ModelForm, StepResult, SyncBackend, SyncTrainer } from './backend.ts';
import { decodeCodes, encodeCodes } from './codes.ts';
import { contract, type Product } from './contract.ts';
import { FormatError, InvalidStepError } from './errors.ts';
import { flush } from './float32.ts';
import { type Layout, layoutOf } from './layout.ts';
import { compileNext, encodeSample } from './logits.ts';
import { decodeModel4, encodeModel4 } from './model4.ts';
import { execute } from './ops.ts';
import type { Parts } from './parts.ts';
import { isProduct, type ProductOp, productOutput, productsOf } from './products.ts';
import { compile, type Op, type Program } from './program.ts';
import { codeBitsOf, rowsPerSample, sampleBytes, type TrainSpec } from './spec.ts';
import { allFinite, checkState, emptyState, readState, type StateArrays, viewOfState, writeFloats, writeState } from './state.ts';
import { coefficients, update } from './update.ts';
import { type Workspace, workspaceOf } from './workspace.ts';

/** Samples that `evaluate` puts through at once; they do not influence each other, so the number changes no bit. */
const EVALUATION_SAMPLES = 64;

/** The products of an operation, to be computed into their targets before the computation goes on. */
export interface ProductRequest {
  readonly op: ProductOp['op'];
  readonly products: Iterable<Product>;
}

/** A computation that stops wherever it needs products. */
export type Computation<T> = Generator<ProductRequest, T, void>;

/** One model in training; a `Trainer` whose products are computed by whoever runs its computations. */
export class Training {
  readonly spec: TrainSpec;
  readonly layout: Layout;
  readonly #state: StateArrays;
  readonly #program: Program;
  readonly #gradient: Float32Array;

  constructor(spec: TrainSpec) {
    this.spec = spec;
    this.layout = layoutOf(spec);
    this.#state = emptyState(this.layout.leafCount, this.layout.moments);
    this.#program = compile(spec, spec.batchSize);
    this.#gradient = new Float32Array(this.layout.paddedCount);
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

  *step(samples: Uint8Array, globalStep: number): Computation<StepResult> {
    const { codes, loss } = yield* this.#run(samples);
    this.applyCodes(codes, globalStep);
    return { codes, loss };
  }

  *gradient(samples: Uint8Array): Computation<GradientResult> {
    const { codes, loss, logits } = yield* this.#run(samples);
    const activations = new Uint8Array(logits.byteLength + this.#gradient.byteLength);
    writeFloats(logits, activations, 0);
    writeFloats(this.#gradient, activations, logits.byteLength);
    return { codes, loss, activations };
  }

  applyCodes(codes: Uint8Array, globalStep: number): void {
    const decoded = new Float32Array(this.layout.paddedCount);
    decodeCodes(codes, decoded, codeBitsOf(this.spec));
    update(this.spec, coefficients(this.spec, globalStep), this.#state, decoded);
  }

  *evaluate(samples: Uint8Array, form: ModelForm): Computation<Evaluation> {
    const bytes = sampleBytes(this.spec.model);
    if (samples.length % bytes !== 0) throw new FormatError(`samples: ${samples.length} bytes are no whole number of samples of ${bytes}`);
    const count = samples.length / bytes;
    const theta = form === 'full' ? this.#state.theta : decodeModel4(encodeModel4(this.#state.theta));
    const losses = new Int32Array(count);
    const predicted = new Uint16Array(count);
    const atOnce = Math.min(EVALUATION_SAMPLES, this.spec.batchSize);
    for (let from = 0; from < count; from += atOnce) {
      const to = Math.min(from + atOnce, count);
      const program = compile(this.spec, to - from);
      const w = workspaceOf(this.spec, program, samples.subarray(from * bytes, to * bytes), theta, this.#gradient);
      for (const op of program.forward) yield* run(op, w);
      yield* run(program.backward[0] as Op, w);
      losses.set(sampleLosses(w), from);
      for (let i = from; i < to; i++) predicted[i] = w.predicted[(i - from + 1) * rowsPerSample(this.spec.model) - 1] as number;
    }
    return { losses, predicted };
  }

  *logits(tokens: readonly number[]): Computation<Float32Array> {
    const next = compileNext(this.spec, tokens);
    const { program, head, rows } = next;
    const w = workspaceOf(this.spec, program, encodeSample(next.model.vocab, tokens), this.#state.theta, this.#gradient);
    for (const op of next.body) yield* run(op, w);
    const x = w.buffers[head.x] as Float32Array;
    const last = x.subarray((x.length / rows) * (rows - 1));
    const logits = new Float32Array(next.model.vocab);
    const buffers = w.buffers.map((buffer, i) => (i === head.x ? last : i === head.out ? logits : buffer));
    yield* run(head, { ...w, shapes: next.headShapes, buffers });
    return logits;
  }

  *#run(samples: Uint8Array): Computation<{ codes: Uint8Array; loss: bigint; logits: Float32Array }> {
    const expected = this.spec.batchSize * sampleBytes(this.spec.model);
    if (samples.length !== expected) throw new FormatError(`samples: ${samples.length} bytes, expected ${expected}`);
    const w = workspaceOf(this.spec, this.#program, samples, this.#state.theta, this.#gradient);
    for (const op of this.#program.forward) yield* run(op, w);
    for (const op of this.#program.backward) yield* run(op, w);
    const codes = new Uint8Array(this.layout.codeBytes);
    encodeCodes(this.#gradient, codes, codeBitsOf(this.spec));
    let loss = 0n;
    for (const row of sampleLosses(w)) loss += BigInt(row);
    return { codes, loss, logits: w.buffers[this.#program.logits] as Float32Array };
  }
}

export const reference: SyncBackend = { name: 'reference', kinds: ['mlp', 'cnn', 'gpt'], create: (spec) => new ReferenceTrainer(spec) };

class ReferenceTrainer implements SyncTrainer {
  readonly #training: Training;

  constructor(spec: TrainSpec) {
    this.#training = new Training(spec);
  }

  get spec(): TrainSpec {
    return this.#training.spec;
  }

  get layout(): Layout {
    return this.#training.layout;
  }

  load(state: Parts): void {
    this.#training.load(state);
  }

  state(): Uint8Array {
    return this.#training.state();
  }

  view(): Parts {
    return this.#training.view();
  }

  step(samples: Uint8Array, globalStep: number): StepResult {
    return finish(this.#training.step(samples, globalStep));
  }

  gradient(samples: Uint8Array): GradientResult {
    return finish(this.#training.gradient(samples));
  }

  applyCodes(codes: Uint8Array, globalStep: number): void {
    this.#training.applyCodes(codes, globalStep);
  }

  evaluate(samples: Uint8Array, form: ModelForm): Evaluation {
    return finish(this.#training.evaluate(samples, form));
  }

  logits(tokens: readonly number[]): Float32Array {
    return finish(this.#training.logits(tokens));
  }

  close(): void {}
}

/** Runs a computation to its end. */
function finish<T>(computation: Computation<T>): T {
  for (;;) {
    const next = computation.next();
    if (next.done === true) return next.value;
    for (const product of next.value.products) contract(product);
  }
}

/** Loss of each sample: the mean of its rows' losses, rounded down. */
function sampleLosses(w: Workspace): Int32Array {
  const rows = w.losses.length / w.rows;
  const out = new Int32Array(w.rows);
  for (let s = 0; s < w.rows; s++) {
    let sum = 0;
    for (let r = s * rows; r < (s + 1) * rows; r++) sum += w.losses[r] as number;
    out[s] = (sum - (sum % rows)) / rows;
  }
  return out;
}

/** One operation, its output flushed and refused when not finite. */
function* run(op: Op, w: Workspace): Computation<void> {
  let out: Float32Array;
  if (isProduct(op)) {
    yield { op: op.op, products: productsOf(op, w) };
    out = productOutput(op, w);
  } else out = execute(op, w);
  for (let i = 0; i < out.length; i++) out[i] = flush(out[i] as number);
  if (!allFinite(out)) throw new InvalidStepError(`${op.op}: an output is not finite`);
}
