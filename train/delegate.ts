// SPDX-License-Identifier: Apache-2.0
// Backends that have the matrix products computed elsewhere, in another library or on a GPU. Every other operation is
// the reference's own code, so only products can differ.
import type { Backend, Evaluation, GradientResult, ModelForm, StepResult, Trainer } from './backend.ts';
import { contract, type Product } from './contract.ts';
import { BackendMismatchError } from './errors.ts';
import type { Layout } from './layout.ts';
import type { Parts } from './parts.ts';
import { type Computation, type ProductRequest, Training } from './reference.ts';
import type { TrainSpec } from './spec.ts';
import { validateSpec } from './validate.ts';
import { failedParts, VECTOR_CASES } from './vectors.ts';

/** Computes products. */
export interface ProductEngine {
  readonly name: string;
  /** Computes products of equal sizes into their targets, as `contract` does, bit for bit. */
  compute(products: readonly Product[]): Promise<void>;
}

/** Mantissas of the products that are handed to an engine at once, unless a single product has more. */
const MANTISSAS_AT_ONCE = 2 ** 25;

/** A backend on an engine that has not been compared with the reference. */
export function delegate(engine: ProductEngine): Backend {
  return {
    name: engine.name,
    kinds: ['mlp', 'cnn', 'gpt'],
    create: (spec) => new DelegatingTrainer(validateSpec(spec), (request) => compute(engine, request)),
  };
}

/** The backend on an engine without `firstDifference`. BackendMismatchError names it. */
export async function checkedDelegate(engine: ProductEngine): Promise<Backend> {
  const where = await firstDifference(engine);
  if (where === undefined) return delegate(engine);
  throw new BackendMismatchError(`${engine.name}: differs from the reference; it must not be used (${where})`);
}

/**
 * What is wrong with an engine: the first operation of the vectors, such as `linear of odd`, whose products differ from the
 * reference's in a bit, or a part that is not as recorded; undefined when every product of every vector is right.
 */
export async function firstDifference(engine: ProductEngine): Promise<string | undefined> {
  for (const c of VECTOR_CASES) {
    const trainer = new DelegatingTrainer(c.spec, (request) => compare(engine, request));
    try {
      const [failed] = await failedParts(trainer, c);
      if (failed !== undefined) return failed;
    } catch (error) {
      if (error instanceof Difference) return `${error.message} of ${c.name}`;
      throw error;
    }
  }
  return undefined;
}

/** Leaves the reference's results in the targets, which are parts of one array. */
async function compare(engine: ProductEngine, { op, products }: ProductRequest): Promise<void> {
  const list = [...products];
  const data = list[0]?.out.data;
  if (data === undefined) return;
  const before = data.slice();
  await engine.compute(list);
  const got = bitsOf(data.slice());
  data.set(before);
  for (const product of list) contract(product);
  const expected = bitsOf(data);
  for (let i = 0; i < expected.length; i++) if (got[i] !== expected[i]) throw new Difference(op);
}

class Difference extends Error {}

function bitsOf(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

async function compute(engine: ProductEngine, { products }: ProductRequest): Promise<void> {
  let list: Product[] = [];
  let size = 0;
  for (const product of products) {
    list.push(product);
    size += product.a.mantissas.length + product.b.mantissas.length;
    if (size < MANTISSAS_AT_ONCE) continue;
    await engine.compute(list);
    list = [];
    size = 0;
  }
  if (list.length > 0) await engine.compute(list);
}

class DelegatingTrainer implements Trainer {
  readonly #training: Training;
  readonly #answer: (request: ProductRequest) => Promise<void>;

  constructor(spec: TrainSpec, answer: (request: ProductRequest) => Promise<void>) {
    this.#training = new Training(spec);
    this.#answer = answer;
  }

  get spec(): TrainSpec {
    return this.#training.spec;
  }

  get layout(): Layout {
    return this.#training.layout;
  }

  async load(state: Parts): Promise<void> {
    this.#training.load(state);
  }

  async state(): Promise<Uint8Array> {
    return this.#training.state();
  }

  async view(): Promise<Parts> {
    return this.#training.view();
  }

  step(samples: Uint8Array, globalStep: number): Promise<StepResult> {
    return this.#finish(this.#training.step(samples, globalStep));
  }

  gradient(samples: Uint8Array): Promise<GradientResult> {
    return this.#finish(this.#training.gradient(samples));
  }

  async applyCodes(codes: Uint8Array, globalStep: number): Promise<void> {
    this.#training.applyCodes(codes, globalStep);
  }

  evaluate(samples: Uint8Array, form: ModelForm): Promise<Evaluation> {
    return this.#finish(this.#training.evaluate(samples, form));
  }

  logits(tokens: readonly number[]): Promise<Float32Array> {
    return this.#finish(this.#training.logits(tokens));
  }

  async close(): Promise<void> {}

  async #finish<T>(computation: Computation<T>): Promise<T> {
    for (;;) {
      const next = computation.next();
      if (next.done === true) return next.value;
      await this.#answer(next.value);
    }
  }
}
