// SPDX-License-Identifier: Apache-2.0
// Choosing a backend by the clock, for each model anew: a GPU wins on large ones and loses on small ones.
import type { Backend, Trainer } from '../../train/backend.ts';
import { type ModelKind, sampleBytes, type TrainSpec } from '../../train/spec.ts';

const KINDS: readonly ModelKind[] = ['mlp', 'cnn', 'gpt'];
/** Milliseconds that a backend is timed for, at least one gradient. */
const TIMED_MS = 150;

/** A backend that takes, for each specification, the fastest of `backends`; undefined of none, the backend itself of one. */
export function fastestOf(backends: readonly Backend[]): Backend | undefined {
  if (backends.length < 2) return backends[0];
  const chosen = new Map<string, Backend>();
  return {
    name: `fastest of ${backends.map(({ name }) => name).join(', ')}`,
    kinds: KINDS.filter((kind) => backends.some(({ kinds }) => kinds.includes(kind))),
    async create(spec) {
      const key = JSON.stringify(spec);
      const backend = chosen.get(key) ?? (await choose(backends, spec));
      chosen.set(key, backend);
      return await backend.create(spec);
    },
  };
}

async function choose(backends: readonly Backend[], spec: TrainSpec): Promise<Backend> {
  let best: { readonly backend: Backend; readonly rate: number } | undefined;
  let failure: unknown;
  for (const backend of backends.filter(({ kinds }) => kinds.includes(spec.model.kind))) {
    try {
      const rate = await rateOf(backend, spec);
      if (best === undefined || rate > best.rate) best = { backend, rate };
    } catch (error) {
      failure = error;
    }
  }
  if (best === undefined) throw failure;
  return best.backend;
}

/** Gradients per second on a model of zeros; speed does not depend on values. */
export async function rateOf(backend: Backend, spec: TrainSpec, milliseconds: number = TIMED_MS): Promise<number> {
  const trainer: Trainer = await backend.create(spec);
  try {
    const samples = new Uint8Array(spec.batchSize * sampleBytes(spec.model));
    await trainer.gradient(samples);
    const start = performance.now();
    let done = 0;
    while (done === 0 || performance.now() - start < milliseconds) {
      await trainer.gradient(samples);
      done++;
    }
    return (done * 1000) / (performance.now() - start);
  } finally {
    await trainer.close();
  }
}
