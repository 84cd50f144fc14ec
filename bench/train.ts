// SPDX-License-Identifier: Apache-2.0
// Training steps per second, as a miner makes them: prescribed samples, exact step, root over the codes of every
// step, root over the state at every tenth.
//   node bench/train.ts --model mlp --backend wasm --threads 1 --seconds 5 [--no-commit] [--json]
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { useSha256 } from '../core/hash.ts';
import { mnistSource } from '../miner/data/mnist.ts';
import { openEngine } from '../miner/work/backends.ts';
import type { Trainer } from '../train/backend.ts';
import { delegate } from '../train/delegate.ts';
import { bitsOf } from '../train/float32.ts';
import { initialState } from '../train/init.ts';
import { philox } from '../train/philox.ts';
import { reference } from '../train/reference.ts';
import { codeTree, type Dataset, gatherSamples, stateTree } from '../train/round.ts';
import { batchDigest, sampleIndices } from '../train/samples.ts';
import { type ModelSpec, type OptimizerSpec, sampleBytes, type TrainSpec } from '../train/spec.ts';
import { validateSpec } from '../train/validate.ts';
import { nativeBackend, wasmBackend } from '../train/wasm.ts';

const CHECKPOINT_EVERY = 10;
/** Shortest time that makes one sample of the median. */
const WINDOW_MS = 200;

const SGD: OptimizerSpec = { kind: 'sgd', momentum: bitsOf(0.9) };
const ADAMW: OptimizerSpec = { kind: 'adamw', beta1: bitsOf(0.9), beta2: bitsOf(0.99), epsilon: bitsOf(1e-8), weightDecay: bitsOf(0.1) };
const VOCAB = 72;

interface Workload {
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  readonly batch: number;
}

const WORKLOADS: Readonly<Record<string, Workload>> = {
  mlp: { model: { kind: 'mlp', layers: [784, 128, 10], inputExponent: -8 }, optimizer: SGD, batch: 64 },
  'mlp-256': { model: { kind: 'mlp', layers: [784, 256, 10], inputExponent: -8 }, optimizer: SGD, batch: 64 },
  gpt: { model: { kind: 'gpt', vocab: VOCAB, context: 64, width: 128, layers: 3, heads: 4, tied: false }, optimizer: ADAMW, batch: 16 },
  'gpt-large': { model: { kind: 'gpt', vocab: VOCAB, context: 128, width: 256, layers: 4, heads: 4, tied: false }, optimizer: ADAMW, batch: 16 },
};

interface Result {
  readonly model: string;
  readonly backend: string;
  readonly threads: number;
  readonly parameters: number;
  readonly batch: number;
  readonly steps: number;
  /** Median and best of windows of at least 200 ms. */
  readonly steps_per_second: number;
  readonly best: number;
  /** Part of the time that went into roots over codes and states. */
  readonly commitments: number;
  readonly loss: number;
}

function specOf({ model, optimizer, batch }: Workload): TrainSpec {
  const schedule = { baseRate: bitsOf(optimizer.kind === 'sgd' ? 0.05 : 0.001), warmupSteps: 0, totalSteps: 2 ** 20, floorRatio: bitsOf(0.1) };
  return validateSpec({ arithmetic: 'exact8', model, optimizer, schedule, batchSize: batch });
}

/** Text of a made-up language: each token follows from the one before it with three chances in four. Speed depends on shapes alone. */
function text(bytes: number): Dataset {
  const tokens = new Uint8Array(1 << 20);
  const words = new Uint32Array(4);
  for (let i = 1; i < tokens.length; i++) {
    philox([1, 2], Uint32Array.of(i, 0, 0, 0), words);
    const word = words[0] as number;
    tokens[i] = (word & 3) === 0 ? (word >>> 8) % VOCAB : ((tokens[i - 1] as number) * 5 + 7) % VOCAB;
  }
  return { size: tokens.length - bytes, sample: (i) => tokens.subarray(i, i + bytes) };
}

function mnist(): Dataset {
  const source = mnistSource('mnist/train');
  if (source === undefined) throw new Error('bench: the MNIST package is not installed');
  const bytes = source.load();
  const n = source.sampleBytes;
  return { size: bytes.length / n, sample: (i) => bytes.subarray(i * n, (i + 1) * n) };
}

interface Opened {
  readonly trainer: Trainer;
  close(): Promise<void>;
}

async function openTrainer(name: string, spec: TrainSpec, threads: number): Promise<Opened> {
  const own = (trainer: Trainer): Opened => ({ trainer, close: async () => await trainer.close() });
  if (name === 'wasm') return own(wasmBackend({ threads }).create(spec));
  if (name === 'native') return own(nativeBackend({ threads }).create(spec));
  if (name !== 'reference' && name !== 'tfjs' && name !== 'webgpu') {
    throw new Error(`bench: --backend ${name} is not one of reference, wasm, native, tfjs, webgpu`);
  }
  if (threads !== 1) throw new Error(`bench: --threads must be 1 for ${name}`);
  if (name === 'reference') return own(reference.create(spec));
  const engine = await openEngine(name);
  return { trainer: await delegate(engine).create(spec), close: async () => engine.close() };
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
    const first = t.steps;
    while (performance.now() - start < WINDOW_MS || t.steps % CHECKPOINT_EVERY !== 0) {
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
    t.rates.push(((t.steps - first) / elapsed) * 1000);
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
  const workload = Object.hasOwn(WORKLOADS, values.model) ? WORKLOADS[values.model] : undefined;
  if (workload === undefined) throw new Error(`bench: --model ${values.model} is not one of ${Object.keys(WORKLOADS).join(', ')}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error('bench: --seconds must be a number above 0');
  const threads = Number(values.threads);
  useSha256((data) => new Uint8Array(hash('sha256', data, 'buffer')));
  const spec = specOf(workload);
  const { trainer, close } = await openTrainer(values.backend, spec, threads);
  await trainer.load(initialState(spec, new Uint8Array(32).fill(1)));
  const data = spec.model.kind === 'gpt' ? text(sampleBytes(spec.model)) : mnist();
  if (data.sample(0).length !== sampleBytes(spec.model)) throw new Error('bench: data and model do not fit');
  const commit = !values['no-commit'];
  await measure(trainer, data, Math.min(1, seconds / 4), commit);
  const t = await measure(trainer, data, seconds, commit);
  await close();
  const sorted = t.rates.sort((a, b) => a - b);
  const rounded = (x: number, digits: number): number => Number(x.toFixed(digits));
  return {
    json: values.json,
    result: {
      model: values.model,
      backend: values.backend,
      threads,
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
