// SPDX-License-Identifier: Apache-2.0
// Backends that have the matrix products computed elsewhere, in another library or on a GPU. Every other operation is
// the reference's own code, so only products can differ.
import type { Backend, Evaluation, GradientResult, ModelForm, StepResult, Trainer } from './backend.ts';
import { contract, type Product } from './contract.ts';
import { BackendMismatchError } from './errors.ts';
import { initialState } from './init.ts';
import type { Layout } from './layout.ts';
import { type Computation, type ProductRequest, Training } from './reference.ts';
import type { TrainSpec } from './spec.ts';
import { validateSpec } from './validate.ts';
import { failedVectors, VECTOR_CASES, vectorSamples } from './vectors.ts';

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

/** The backend on an engine that meets all vectors. BackendMismatchError names the operation that differs. */
export async function checkedDelegate(engine: ProductEngine): Promise<Backend> {
  const backend = delegate(engine);
  const failed = await failedVectors(backend);
  if (failed.length === 0) return backend;
  const where = (await differingOperation(engine)) ?? failed[0];
  throw new BackendMismatchError(`${engine.name}: differs from the reference; it must not be used (${where})`);
}

/** The first operation of the vectors, such as `linear of odd`, whose products differ from the reference's in a bit. */
export async function differingOperation(engine: ProductEngine): Promise<string | undefined> {
  for (const { name, spec, ...rest } of VECTOR_CASES) {
    const compare = async ({ op, products }: ProductRequest): Promise<void> => {
      for (const product of products) {
        const { data } = product.out;
        const before = data.slice();
        await engine.compute([product]);
        const got = bytesOf(data).slice();
        data.set(before);
        contract(product);
        if (!bytesOf(data).every((byte, i) => byte === got[i])) throw new Difference(`${op} of ${name}`);
      }
    };
    const trainer = new DelegatingTrainer(spec, compare);
    try {
      await trainer.load(initialState(spec, new Uint8Array(32).fill(7)));
      await trainer.step(vectorSamples({ name, spec, ...rest }, spec.batchSize), 1);
    } catch (error) {
      if (error instanceof Difference) return error.message;
      throw error;
    }
  }
  return undefined;
}

class Difference extends Error {}

function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
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

  async load(state: Uint8Array): Promise<void> {
    this.#training.load(state);
  }

  async state(): Promise<Uint8Array> {
    return this.#training.state();
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

  async close(): Promise<void> {}

  async #finish<T>(computation: Computation<T>): Promise<T> {
    for (;;) {
      const next = computation.next();
      if (next.done === true) return next.value;
      await this.#answer(next.value);
    }
  }
}
