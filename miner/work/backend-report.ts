// SPDX-License-Identifier: Apache-2.0
// What each backend can do on this machine: whether it runs, meets the vectors, and how fast it is.
import type { Backend } from '../../train/backend.ts';
import { initialState } from '../../train/init.ts';
import { sampleBytes } from '../../train/spec.ts';
import { failedVectors, VECTOR_CASES, type VectorCase, vectorSamples } from '../../train/vectors.ts';
import { BACKENDS, type BackendName, openEngine, selectBackend } from './backends.ts';

export interface BackendReport {
  readonly name: string;
  /** Whether a miner would use it. */
  readonly available: boolean;
  /** Empty when it is available. */
  readonly why_not: string;
  readonly vectors_passed: number;
  readonly vectors_failed: number;
  /** Steps of the MLP 784-128-10 with batches of 64; 0 when it is not available. */
  readonly steps_per_second: number;
}

const MEASURED = 'demo';
const MEASURE_MS = 500;

/** Every backend, one after another. */
export async function reportBackends(): Promise<BackendReport[]> {
  const reports: BackendReport[] = [];
  for (const name of BACKENDS) if (name !== 'auto') reports.push(await reportBackend(name));
  return reports;
}

async function reportBackend(name: Exclude<BackendName, 'auto'>): Promise<BackendReport> {
  try {
    if (name !== 'tfjs' && name !== 'webgpu') return await examine(await selectBackend(name), undefined);
    const engine = await openEngine(name);
    try {
      return await examine(engine.backend, await engine.firstDifference());
    } finally {
      engine.close();
    }
  } catch (error) {
    return { name, available: false, why_not: (error as Error).message, vectors_passed: 0, vectors_failed: 0, steps_per_second: 0 };
  }
}

/** The report on a backend that runs; `difference` is what its own check found. */
export async function examine(backend: Backend, difference: string | undefined): Promise<BackendReport> {
  const cases = VECTOR_CASES.filter(({ spec }) => backend.kinds.includes(spec.model.kind));
  const failed = await failedVectors(backend);
  const names = new Set(failed.map((part) => part.slice(0, part.lastIndexOf('.'))));
  const counts = { name: backend.name, vectors_passed: cases.length - names.size, vectors_failed: names.size };
  const where = difference ?? failed[0];
  if (where !== undefined) return { ...counts, available: false, why_not: `it differs from the reference: ${where}`, steps_per_second: 0 };
  return { ...counts, available: true, why_not: '', steps_per_second: await stepsPerSecond(backend) };
}

async function stepsPerSecond(backend: Backend): Promise<number> {
  const measured = VECTOR_CASES.find(({ name }) => name === MEASURED) as VectorCase;
  const { spec } = measured;
  const samples = vectorSamples(measured, spec.batchSize).subarray(0, spec.batchSize * sampleBytes(spec.model));
  const trainer = await backend.create(spec);
  await trainer.load(initialState(spec, new Uint8Array(32)));
  await trainer.step(samples, 1);
  const start = performance.now();
  let steps = 0;
  while (steps === 0 || performance.now() - start < MEASURE_MS) {
    await trainer.step(samples, steps + 2);
    steps++;
  }
  const rate = (steps * 1000) / (performance.now() - start);
  await trainer.close();
  return Number(rate.toPrecision(4));
}
