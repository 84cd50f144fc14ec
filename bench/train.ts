// SPDX-License-Identifier: Apache-2.0
// Training steps per second, as a miner makes them: prescribed samples, exact step, root over the codes of every
// step, root over the state at every tenth, hashed beside the training as a miner does; and what that costs.
//   node bench/train.ts --model mlp --backend wasm --threads 1 --seconds 5 [--no-commit | --inline] [--no-native-hash] [--json]
import { parseArgs } from 'node:util';
import { mnistSource } from '../miner/data/mnist.ts';
import { useNativeHash } from '../miner/native.ts';
import { openEngine } from '../miner/work/backends.ts';
import { inlineRound } from '../miner/work/commit.ts';
import { type CommitRound, startCommitThread } from '../miner/work/commit-thread.ts';
import { currentState, type ModelForm, type StepResult, type Trainer } from '../train/backend.ts';
import { bitsOf } from '../train/float32.ts';
import { initialState } from '../train/init.ts';
import type { Layout } from '../train/layout.ts';
import { useHashMany } from '../train/merkle.ts';
import { philox } from '../train/philox.ts';
import { reference } from '../train/reference.ts';
import { type Dataset, gatherSamples, runRound } from '../train/round.ts';
import { type Binding, minerSeed, sampleIndices } from '../train/samples.ts';
import { type ModelSpec, type OptimizerSpec, sampleBytes, type TrainSpec } from '../train/spec.ts';
import { validateSpec } from '../train/validate.ts';
import { nativeBackend, wasmBackend } from '../train/wasm.ts';
import { firstThatAgrees } from '../train/wasm-hash.ts';
import { variants } from '../train/wasm-module.ts';

const CHECKPOINT_EVERY = 10;
/** Shortest time that makes one sample of the median. */
const WINDOW_MS = 200;
const BINDING: Binding = { chainId: 'bench-1', job: 1n, round: 1n, miner: new Uint8Array(20).fill(1) };
const ROUND_SEED = new Uint8Array(32).fill(9);

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
  /** Median and best of rounds of at least 200 ms, with commitments unless told otherwise. */
  readonly steps_per_second: number;
  readonly best: number;
  /** The same steps without commitments, taken alternately. */
  readonly steps_per_second_without?: number;
  /** Part of the time that commitments cost: median over pairs of rounds of 1 - rate with them / rate without. */
  readonly commitments?: number;
  /** Part of the time that the training thread itself spends on them: copying, waiting, records. */
  readonly commitments_on_thread?: number;
  /** Milliseconds from a round's last step until all its roots are there, part of the rates: median. */
  readonly drain_ms?: number;
  readonly hashing?: string;
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
  return { trainer: await engine.backend.create(spec), close: async () => engine.close() };
}

/** One round: steps, milliseconds from its first step to its last root, those within steps, and those after the last step. */
interface Timing {
  readonly steps: number;
  readonly total: number;
  readonly training: number;
  readonly drain: number;
  readonly loss: number;
}

/** A trainer that adds up the time that its steps take. */
function timed(trainer: Trainer): Trainer & { training: number; last: number } {
  const step = async (samples: Uint8Array, globalStep: number): Promise<StepResult> => {
    const before = performance.now();
    const result = await trainer.step(samples, globalStep);
    own.last = performance.now();
    own.training += own.last - before;
    return result;
  };
  const { spec, layout } = trainer;
  const own = {
    ...{ spec, layout, step, training: 0, last: 0 },
    load: () => undefined,
    state: () => trainer.state(),
    ...(trainer.view === undefined ? {} : { view: () => currentState(trainer) }),
    gradient: (samples: Uint8Array) => trainer.gradient(samples),
    applyCodes: (codes: Uint8Array, globalStep: number) => trainer.applyCodes(codes, globalStep),
    evaluate: (samples: Uint8Array, form: ModelForm) => trainer.evaluate(samples, form),
    close: () => trainer.close(),
  };
  return own;
}

/** Steps alone. */
async function plainRound(trainer: Trainer, data: Dataset, from: number, wanted: number): Promise<Timing> {
  const { spec } = trainer;
  const own = timed(trainer);
  const start = performance.now();
  const seed = minerSeed(ROUND_SEED, BINDING);
  let loss = 0n;
  for (let step = 1; step <= wanted; step++) {
    const indices = sampleIndices(seed, step, spec.batchSize, data.size);
    loss = (await own.step(gatherSamples(spec, data, indices), from + step)).loss;
  }
  return { steps: wanted, total: performance.now() - start, training: own.training, drain: 0, loss: Number(loss) };
}

/** The same as a miner commits it: records, a root over the codes of every step and over the state of every tenth, the 4-bit model. */
async function committedRound(trainer: Trainer, data: Dataset, from: number, wanted: number, begin: () => CommitRound): Promise<Timing> {
  const own = timed(trainer);
  const start = performance.now();
  const round = begin();
  const input = { binding: BINDING, roundSeed: ROUND_SEED, stepsBefore: from, steps: wanted, checkpointEvery: CHECKPOINT_EVERY, dataset: data };
  const run = runRound(own, { ...input, parentState: new Uint8Array(0) }, { ...round, inPlace: true });
  let loss = 0n;
  let next = await run.next();
  for (; !next.done; next = await run.next()) loss = next.value.record.loss;
  const end = performance.now();
  await round.finish();
  return { steps: wanted, total: end - start, training: own.training, drain: end - own.last, loss: Number(loss) };
}

interface Rounds {
  readonly plain: readonly Timing[];
  readonly committed: readonly Timing[];
}

/** Rounds of at least WINDOW_MS for `seconds`: alternately without and with commitments, the order of a pair alternating as well. */
async function measure(trainer: Trainer, data: Dataset, seconds: number, begin: (() => CommitRound) | undefined): Promise<Rounds> {
  const plain: Timing[] = [];
  const committed: Timing[] = [];
  let done = 0;
  const run = async (commit: boolean, steps: number): Promise<void> => {
    const timing =
      commit && begin !== undefined ? await committedRound(trainer, data, done, steps, begin) : await plainRound(trainer, data, done, steps);
    done += steps;
    (commit ? committed : plain).push(timing);
  };
  await run(false, CHECKPOINT_EVERY);
  for (const first of plain.splice(0)) {
    const rounds = Math.ceil((WINDOW_MS * first.steps) / first.total / CHECKPOINT_EVERY);
    for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
      const odd = plain.length % 2 === 1;
      if (begin !== undefined && odd) await run(true, rounds * CHECKPOINT_EVERY);
      await run(false, rounds * CHECKPOINT_EVERY);
      if (begin !== undefined && !odd) await run(true, rounds * CHECKPOINT_EVERY);
    }
  }
  return { plain, committed };
}

const rateOf = ({ steps, total }: Timing): number => (steps * 1000) / total;
const rounded = (x: number, digits: number): number => Number(x.toFixed(digits));

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** What of a committed round the training thread did not spend as in a plain one, over the round's time. */
function onThread(committed: Timing, plain: Timing): number {
  return (committed.total - committed.training - (plain.total - plain.training)) / committed.total;
}

function figures({ plain, committed }: Rounds): Pick<Result, 'steps' | 'steps_per_second' | 'best'> & Partial<Result> {
  const own = committed.length > 0 ? committed : plain;
  const rates = own.map(rateOf);
  const base = {
    steps: own.reduce((n, { steps }) => n + steps, 0),
    steps_per_second: rounded(median(rates), 2),
    best: rounded(Math.max(...rates), 2),
  };
  if (committed.length === 0) return base;
  const pairs = committed.map((c, i) => [c, plain[i] as Timing] as const);
  return {
    ...base,
    steps_per_second_without: rounded(median(plain.map(rateOf)), 2),
    commitments: rounded(median(pairs.map(([c, p]) => 1 - rateOf(c) / rateOf(p))), 4),
    commitments_on_thread: rounded(median(pairs.map(([c, p]) => onThread(c, p))), 4),
    drain_ms: rounded(median(committed.map(({ drain }) => drain)), 2),
  };
}

const OPTIONS = {
  model: { type: 'string', default: 'mlp' },
  backend: { type: 'string', default: 'wasm' },
  threads: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '5' },
  'no-commit': { type: 'boolean', default: false },
  inline: { type: 'boolean', default: false },
  'no-native-hash': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

interface Commitments {
  readonly begin: (() => CommitRound) | undefined;
  readonly hashing: string | undefined;
  close(): Promise<void>;
}

function openCommitments(layout: Layout, how: { readonly none: boolean; readonly inline: boolean; readonly noNative: boolean }): Commitments {
  if (how.none) return { begin: undefined, hashing: undefined, close: async () => undefined };
  const { choice, hashMany } = firstThatAgrees(how.noNative ? [...variants(), 'host'] : ['native', ...variants(), 'host']);
  useHashMany(hashMany);
  if (how.inline) return { begin: () => inlineRound(layout), hashing: `${choice.name}, inline`, close: async () => undefined };
  const thread = startCommitThread(choice);
  return { begin: () => thread.begin(layout), hashing: `${choice.name}, thread`, close: async () => await thread.close() };
}

async function benchTrain(): Promise<{ readonly result: Result; readonly json: boolean }> {
  const { values } = parseArgs({ options: OPTIONS });
  const workload = Object.hasOwn(WORKLOADS, values.model) ? WORKLOADS[values.model] : undefined;
  if (workload === undefined) throw new Error(`bench: --model ${values.model} is not one of ${Object.keys(WORKLOADS).join(', ')}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error('bench: --seconds must be a number above 0');
  const threads = Number(values.threads);
  useNativeHash();
  const spec = specOf(workload);
  const { trainer, close } = await openTrainer(values.backend, spec, threads);
  await trainer.load(initialState(spec, new Uint8Array(32).fill(1)));
  const data = spec.model.kind === 'gpt' ? text(sampleBytes(spec.model)) : mnist();
  if (data.sample(0).length !== sampleBytes(spec.model)) throw new Error('bench: data and model do not fit');
  const how = { none: values['no-commit'], inline: values.inline, noNative: values['no-native-hash'] };
  const commitments = openCommitments(trainer.layout, how);
  await measure(trainer, data, Math.min(1, seconds / 4), commitments.begin);
  const rounds = await measure(trainer, data, seconds, commitments.begin);
  await commitments.close();
  await close();
  const { model, backend } = values;
  const loss = rounded((rounds.plain.at(-1) as Timing).loss / spec.batchSize / 65536, 4);
  const hashing = commitments.hashing === undefined ? {} : { hashing: commitments.hashing };
  return {
    json: values.json,
    result: { model, backend, threads, parameters: trainer.layout.count, batch: spec.batchSize, ...figures(rounds), ...hashing, loss },
  };
}

if (import.meta.main) {
  const { result, json } = await benchTrain();
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(24)} ${value}\n`);
}
