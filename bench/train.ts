// SPDX-License-Identifier: Apache-2.0
// Training steps per second, as a miner makes them: prescribed samples, exact step, root over the codes of every
// step, root over the state at every tenth.
//   node bench/train.ts --model mlp --backend wasm --threads 1 --seconds 5 [--no-commit] [--json]
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { useSha256 } from '../core/hash.ts';
import { mnistSource } from '../miner/data/mnist.ts';
import type { Trainer } from '../train/backend.ts';
import { bitsOf } from '../train/float32.ts';
import { initialState } from '../train/init.ts';
import { useHashMany } from '../train/merkle.ts';
import { reference } from '../train/reference.ts';
import { codeTree, type Dataset, gatherSamples, stateTree } from '../train/round.ts';
import { batchDigest, sampleIndices } from '../train/samples.ts';
import { sampleBytes, type TrainSpec } from '../train/spec.ts';
import { validateSpec } from '../train/validate.ts';
import { wasmBackend } from '../train/wasm.ts';
import { wasmHashMany } from '../train/wasm-hash.ts';

const CHECKPOINT_EVERY = 10;
/** Steps between two readings of the clock that make one sample of the median. */
const WINDOW = 20;

const MODELS: Readonly<Record<string, readonly number[]>> = { mlp: [784, 128, 10], 'mlp-256': [784, 256, 10] };

interface Result {
  readonly model: string;
  readonly backend: string;
  readonly threads: number;
  readonly parameters: number;
  readonly batch: number;
  readonly steps: number;
  /** Median and best of windows of 20 steps. */
  readonly steps_per_second: number;
  readonly best: number;
  /** Part of the time that went into roots over codes and states. */
  readonly commitments: number;
  readonly loss: number;
}

function specOf(layers: readonly number[]): TrainSpec {
  return validateSpec({
    arithmetic: 'exact8',
    model: { kind: 'mlp', layers, inputExponent: -8 },
    optimizer: { kind: 'sgd', momentum: bitsOf(0.9) },
    schedule: { baseRate: bitsOf(0.05), warmupSteps: 0, totalSteps: 2 ** 20, floorRatio: bitsOf(0.1) },
    batchSize: 64,
  });
}

function mnist(): Dataset {
  const source = mnistSource('mnist/train');
  if (source === undefined) throw new Error('bench: the MNIST package is not installed');
  const bytes = source.load();
  const n = source.sampleBytes;
  return { size: bytes.length / n, sample: (i) => bytes.subarray(i * n, (i + 1) * n) };
}

function createTrainer(backend: string, spec: TrainSpec): Trainer {
  if (backend === 'reference') return reference.create(spec);
  if (backend === 'wasm') return wasmBackend().create(spec);
  throw new Error(`bench: --backend ${backend} is not one of reference, wasm`);
}

interface Timing {
  readonly rates: number[];
  steps: number;
  committing: number;
  total: number;
  loss: number;
}

/** Steps for `seconds`, timed in windows; `commit` adds the roots. */
async function measure(trainer: Trainer, data: Dataset, seconds: number, commit: boolean): Promise<Timing> {
  const { spec } = trainer;
  const seed = new Uint8Array(32).fill(9);
  const t: Timing = { rates: [], steps: 0, committing: 0, total: 0, loss: 0 };
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const start = performance.now();
    for (let i = 0; i < WINDOW; i++) {
      const indices = sampleIndices(seed, ++t.steps, spec.batchSize, data.size);
      const { codes, loss } = await trainer.step(gatherSamples(spec, data, indices), t.steps);
      t.loss = Number(loss) / spec.batchSize / 65536;
      if (!commit) continue;
      const before = performance.now();
      batchDigest(indices);
      codeTree(spec, codes);
      if (t.steps % CHECKPOINT_EVERY === 0) stateTree(spec, await trainer.state());
      t.committing += performance.now() - before;
    }
    const elapsed = performance.now() - start;
    t.total += elapsed;
    t.rates.push((WINDOW / elapsed) * 1000);
  }
  return t;
}

async function benchTrain(): Promise<{ readonly result: Result; readonly json: boolean }> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'mlp' },
      backend: { type: 'string', default: 'wasm' },
      threads: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '5' },
      'no-commit': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const layers = Object.hasOwn(MODELS, values.model) ? MODELS[values.model] : undefined;
  if (layers === undefined) throw new Error(`bench: --model ${values.model} is not one of ${Object.keys(MODELS).join(', ')}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error('bench: --seconds must be a number above 0');
  if (values.threads !== '1') throw new Error('bench: --threads must be 1');
  useSha256((data) => new Uint8Array(hash('sha256', data, 'buffer')));
  const many = wasmHashMany();
  if (many !== undefined) useHashMany(many);
  const spec = specOf(layers);
  const trainer = createTrainer(values.backend, spec);
  await trainer.load(initialState(spec, new Uint8Array(32).fill(1)));
  const data = mnist();
  if (data.sample(0).length !== sampleBytes(spec.model)) throw new Error('bench: data and model do not fit');
  const commit = !values['no-commit'];
  await measure(trainer, data, Math.min(1, seconds / 4), commit);
  const t = await measure(trainer, data, seconds, commit);
  await trainer.close();
  const sorted = t.rates.sort((a, b) => a - b);
  const rounded = (x: number, digits: number): number => Number(x.toFixed(digits));
  return {
    json: values.json,
    result: {
      model: values.model,
      backend: values.backend,
      threads: 1,
      parameters: trainer.layout.count,
      batch: spec.batchSize,
      steps: t.steps,
      steps_per_second: rounded(sorted[sorted.length >> 1] ?? 0, 2),
      best: rounded(sorted.at(-1) ?? 0, 2),
      commitments: rounded(t.committing / t.total, 4),
      loss: rounded(t.loss, 4),
    },
  };
}

if (import.meta.main) {
  const { result, json } = await benchTrain();
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(20)} ${value}\n`);
}
