// SPDX-License-Identifier: Apache-2.0
// The vectors that a backend must meet bit for bit before it may mine: generated runs on small networks and their
// digests by the reference (test/vectors/train/generate.ts prints them).
import { concatBytes, toHex, u64be } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import type { Backend, Trainer } from './backend.ts';
import { initialState } from './init.ts';
import { philox } from './philox.ts';
import { logitsBy } from './sample.ts';
import { type CnnSpec, classCount, type GptSpec, type ModelSpec, type OptimizerSpec, sampleBytes, type TrainSpec, tokenBytes } from './spec.ts';
import { writeFloats } from './state.ts';
import { EXPECTED } from './vectors.data.ts';

export interface VectorCase {
  readonly name: string;
  readonly spec: TrainSpec;
  readonly steps: number;
  /** Every input byte of a sample: drawn, all zero, or all 255. */
  readonly inputs: 'random' | 'zero' | 'full';
}

/** First eight bytes of SHA-256, hexadecimal, of each part of a run. */
export interface VectorResult {
  readonly losses: string;
  readonly codes: string;
  readonly activations: string;
  readonly evaluation: string;
  readonly state: string;
  /** Of a language model: of the token after one, some and a whole context of tokens. */
  readonly logits?: string;
}

/** Floats as binary32 bits: momentum 0.9. */
const SGD: OptimizerSpec = { kind: 'sgd', momentum: 0x3f666666 };
/** 0.9, 0.999, 1e-8, 0.01. */
const ADAMW: OptimizerSpec = { kind: 'adamw', beta1: 0x3f666666, beta2: 0x3f7fbe77, epsilon: 0x322bcc77, weightDecay: 0x3c23d70a };

interface Vector {
  readonly name: string;
  readonly model: ModelSpec;
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec;
  readonly inputs?: VectorCase['inputs'];
  readonly codeBits?: 5;
}

function vector({ name, model, batchSize, optimizer, inputs = 'random', ...codes }: Vector): VectorCase {
  // Base rate 0.1 or 0.001, floor 0.1.
  const schedule = { baseRate: optimizer.kind === 'sgd' ? 0x3dcccccd : 0x3a83126f, warmupSteps: 2, totalSteps: 6, floorRatio: 0x3dcccccd };
  return { name, spec: { arithmetic: 'exact8', model, optimizer, schedule, batchSize, ...codes }, steps: 4, inputs };
}

/** An mlp trained by sgd. */
function mlp(name: string, layers: readonly number[], batchSize: number, inputs: VectorCase['inputs'] = 'random'): VectorCase {
  return vector({ name, model: { kind: 'mlp', layers, inputExponent: -8 }, batchSize, optimizer: SGD, inputs });
}

const CNN: CnnSpec = {
  kind: 'cnn',
  height: 9,
  width: 11,
  channels: 3,
  convolutions: [
    { filters: 5, kernel: 3, stride: 1 },
    { filters: 7, kernel: 4, stride: 2 },
  ],
  hidden: [12],
  classes: 4,
  inputExponent: -8,
};

const STRIDED: CnnSpec = { ...CNN, hidden: [], convolutions: [{ filters: 3, kernel: 5, stride: 3 }] };
const GPT: GptSpec = { kind: 'gpt', vocab: 97, context: 16, width: 32, layers: 2, heads: 4, tied: false };
const TIED: GptSpec = { kind: 'gpt', vocab: 300, context: 13, width: 15, layers: 1, heads: 3, tied: true };
const LONG: GptSpec = { kind: 'gpt', vocab: 5, context: 1030, width: 4, layers: 1, heads: 2, tied: false };

export const VECTOR_CASES: readonly VectorCase[] = [
  mlp('smallest', [1, 2], 1),
  mlp('odd', [3, 5, 2], 7),
  mlp('primes', [17, 13, 11, 3], 19),
  mlp('sixteens', [16, 32, 16], 16),
  mlp('long-row', [2053, 5, 3], 3),
  mlp('long-batch', [4, 3, 2], 1031),
  mlp('wide', [31, 1031, 256], 5),
  mlp('demo', [784, 128, 10], 64),
  mlp('zeros', [9, 7, 4], 6, 'zero'),
  mlp('largest', [1025, 7, 4], 6, 'full'),
  vector({ name: 'adamw', model: { kind: 'mlp', layers: [37, 29, 10], inputExponent: -8 }, batchSize: 13, optimizer: ADAMW }),
  vector({ name: 'cnn', model: CNN, batchSize: 9, optimizer: SGD }),
  vector({ name: 'cnn-strided', model: STRIDED, batchSize: 4, optimizer: ADAMW }),
  vector({ name: 'five-bits', model: { kind: 'mlp', layers: [37, 29, 10], inputExponent: -8 }, batchSize: 13, optimizer: ADAMW, codeBits: 5 }),
  vector({ name: 'cnn-five-bits', model: CNN, batchSize: 9, optimizer: SGD, codeBits: 5 }),
  vector({ name: 'gpt', model: GPT, batchSize: 4, optimizer: ADAMW }),
  vector({ name: 'gpt-clipped', model: GPT, batchSize: 2, optimizer: { ...ADAMW, clip: 0x3e800000 } }),
  vector({ name: 'gpt-tied', model: TIED, batchSize: 3, optimizer: ADAMW }),
  vector({ name: 'gpt-long', model: LONG, batchSize: 1, optimizer: SGD }),
];

/** `count` samples for a case, reproducible; labels and tokens below the number of classes. */
export function vectorSamples(c: VectorCase, count: number): Uint8Array {
  const { model } = c.spec;
  const bytes = sampleBytes(model);
  const classes = classCount(model);
  const out = new Uint8Array(count * bytes);
  const words = new Uint32Array(4);
  const wide = model.kind === 'gpt' && tokenBytes(model.vocab) === 2;
  for (let i = 0; i < out.length; i++) {
    philox([1, 2], Uint32Array.of(wide ? i >> 1 : i, 0, 0, 0), words);
    const word = words[0] as number;
    if (wide) out[i] = ((word % classes) >> (i & 1 ? 0 : 8)) & 255;
    else if (model.kind === 'gpt' || i % bytes === bytes - 1) out[i] = word % classes;
    else if (c.inputs === 'full') out[i] = 255;
    else if (c.inputs === 'random') out[i] = word >>> 24 > 96 ? (word >>> 8) & 255 : 0;
  }
  return out;
}

/** Runs a case on a trainer made for its spec. */
export async function runVector(trainer: Trainer, c: VectorCase): Promise<VectorResult> {
  const { batchSize, model } = c.spec;
  const samples = vectorSamples(c, batchSize * c.steps);
  const bytes = batchSize * sampleBytes(model);
  await trainer.load(initialState(c.spec, new Uint8Array(32).fill(7)));
  const losses: Uint8Array[] = [];
  const codes: Uint8Array[] = [];
  let activations = new Uint8Array(0);
  for (let step = 1; step <= c.steps; step++) {
    const batch = samples.subarray((step - 1) * bytes, step * bytes);
    if (step === c.steps) activations = new Uint8Array((await trainer.gradient(batch)).activations);
    const result = await trainer.step(batch, step);
    losses.push(u64be(result.loss));
    codes.push(result.codes);
  }
  const evaluation: Uint8Array[] = [];
  for (const form of ['full', 'four'] as const) {
    const result = await trainer.evaluate(samples.subarray(0, bytes), form);
    for (const loss of result.losses) evaluation.push(u64be(BigInt(loss)));
    for (const predicted of result.predicted) evaluation.push(u64be(BigInt(predicted)));
  }
  return {
    losses: digest(losses),
    codes: digest(codes),
    activations: digest([activations]),
    evaluation: digest(evaluation),
    state: digest([await trainer.state()]),
    ...(model.kind === 'gpt' ? { logits: digest(await vectorLogits(trainer, model)) } : {}),
  };
}

async function vectorLogits(trainer: Trainer, { vocab, context }: GptSpec): Promise<Uint8Array[]> {
  const next = await logitsBy(trainer);
  const out: Uint8Array[] = [];
  for (const count of [1, Math.floor(context / 2) + 1, context]) {
    const logits = await next(Array.from({ length: count }, (_, i) => (i * i + 3 * count) % vocab));
    const bytes = new Uint8Array(logits.byteLength);
    writeFloats(logits, bytes, 0);
    out.push(bytes);
  }
  return out;
}

function digest(parts: readonly Uint8Array[]): string {
  return toHex(sha256(concatBytes(...parts)).subarray(0, 8));
}

/** The parts of a case in which a trainer made for its spec differs, such as `odd.codes`. */
export async function failedParts(trainer: Trainer, c: VectorCase): Promise<string[]> {
  const got = await runVector(trainer, c);
  const expected = EXPECTED[c.name];
  const parts = ['losses', 'codes', 'activations', 'evaluation', 'state', 'logits'] as const;
  return parts.filter((part) => got[part] !== expected?.[part]).map((part) => `${c.name}.${part}`);
}

/** The parts of all cases of the backend's kinds in which it differs; empty when it may mine. */
export async function failedVectors(backend: Backend): Promise<string[]> {
  const failed: string[] = [];
  for (const c of VECTOR_CASES) {
    if (!backend.kinds.includes(c.spec.model.kind)) continue;
    const trainer = await backend.create(c.spec);
    failed.push(...(await failedParts(trainer, c)));
    await trainer.close();
  }
  return failed;
}
