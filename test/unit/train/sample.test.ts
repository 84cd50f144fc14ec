// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import type { Trainer } from '../../../train/backend.ts';
import { contract } from '../../../train/contract.ts';
import { delegate, type ProductEngine } from '../../../train/delegate.ts';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { reference } from '../../../train/reference.ts';
import { logitsBy, type SampleOptions, sampleTokens, writeTokens } from '../../../train/sample.ts';
import { type GptSpec, sampleBytes, type TrainSpec } from '../../../train/spec.ts';
import { validateSpec } from '../../../train/validate.ts';
import { VECTOR_CASES } from '../../../train/vectors.ts';
import { wasmBackend } from '../../../train/wasm.ts';
import { ADAMW, mlpSpec } from '../../vectors/train/specs.ts';

const GPT: GptSpec = { kind: 'gpt', vocab: 11, context: 6, width: 8, layers: 2, heads: 2, tied: false };

const plain: ProductEngine = {
  name: 'plain',
  compute: async (products) => {
    for (const product of products) contract(product);
  },
};

function specOf(model: object, batchSize = 2): TrainSpec {
  const schedule = { baseRate: bitsOf(0.02), warmupSteps: 0, totalSteps: 100, floorRatio: bitsOf(0.5) };
  return validateSpec({ arithmetic: 'exact8', model, optimizer: ADAMW, schedule, batchSize });
}

/** A model that has learnt to count: samples are runs of consecutive tokens. */
function counter(): { readonly spec: TrainSpec; readonly state: Uint8Array } {
  const spec = specOf(GPT, 11);
  const trainer = reference.create(spec);
  trainer.load(initialState(spec, new Uint8Array(32).fill(1)));
  const samples = Uint8Array.from({ length: 11 * 7 }, (_, i) => (Math.floor(i / 7) + (i % 7)) % 11);
  for (let step = 1; step <= 100; step++) trainer.step(samples, step);
  return { spec, state: trainer.state() };
}

const COUNTER = counter();
const OPTIONS: SampleOptions = { prompt: [3], count: 20, temperature: 0, seed: 'a' };
const sample = (changes: Partial<SampleOptions> = {}): number[] => [...sampleTokens(COUNTER.spec, COUNTER.state, { ...OPTIONS, ...changes })];

test('a model that was taught to count goes on counting, beyond its context too', () => {
  assert.deepEqual(
    sample(),
    Array.from({ length: 20 }, (_, i) => (4 + i) % 11),
  );
});

test('the logits after a full context are those of the network itself', () => {
  const spec = specOf(GPT, 1);
  const state = initialState(spec, new Uint8Array(32).fill(2));
  const tokens = [1, 10, 0, 7, 7, 3];
  const trainer = reference.create(spec);
  trainer.load(state);
  const { activations } = trainer.gradient(Uint8Array.from([...tokens, 0]));
  const logits = new Float32Array(activations.buffer.slice(0, 6 * 11 * 4));
  assert.deepEqual(trainer.logits(tokens), logits.slice(5 * 11));
  const { predicted } = trainer.evaluate(Uint8Array.from([...tokens, 0]), 'full');
  assert.deepEqual([...sampleTokens(spec, state, { ...OPTIONS, prompt: tokens, count: 1 })], [...predicted]);
});

test('draws follow from seed and number alone and are pinned', () => {
  const drawn = sample({ temperature: 3, count: 64 });
  assert.deepEqual(sample({ temperature: 3, count: 64 }), drawn);
  assert.deepEqual(sample({ temperature: 3, count: 10 }), drawn.slice(0, 10));
  assert.notDeepEqual(sample({ temperature: 3, count: 64, seed: 'b' }), drawn);
  assert.equal(toHex(sha256(Uint8Array.from(drawn))).slice(0, 16), '5e96a92f9c261554');
});

test('every token is drawn in proportion to its softmax', () => {
  const spec = specOf({ ...GPT, vocab: 3, context: 1, layers: 1 }, 1);
  const state = initialState(spec, new Uint8Array(32).fill(2));
  const trainer = reference.create(spec);
  trainer.load(state);
  const logits = trainer.logits([0]);
  const counts = [0, 0, 0];
  // Each draw starts anew, so that all are draws of one distribution.
  for (let i = 0; i < 3000; i++) {
    const [token] = sampleTokens(spec, state, { prompt: [0], count: 1, temperature: 0.05, seed: `${i}` });
    counts[token as number] = (counts[token as number] ?? 0) + 1;
  }
  const weights = [...logits].map((x) => Math.exp(x / 0.05));
  const total = weights.reduce((a, b) => a + b);
  counts.forEach((count, i) => {
    const expected = (3000 * (weights[i] as number)) / total;
    assert.ok(Math.abs(count - expected) < 5 * Math.sqrt(expected) + 30, `token ${i}: ${count} of about ${expected.toFixed(0)}`);
  });
});

test('tokens of two bytes are read as they are written', () => {
  const spec = specOf({ ...GPT, vocab: 700, context: 3 }, 1);
  assert.equal(sampleBytes(spec.model), 8);
  const state = initialState(spec, new Uint8Array(32).fill(2));
  const trainer = reference.create(spec);
  trainer.load(state);
  const { predicted } = trainer.evaluate(Uint8Array.of(2, 1, 0, 5, 1, 255, 0, 0), 'full');
  assert.deepEqual([...sampleTokens(spec, state, { ...OPTIONS, prompt: [513, 5, 511], count: 1 })], [...predicted]);
});

test('a text is the same by whatever trainer its logits come from', async () => {
  const options = { ...OPTIONS, temperature: 2, count: 30 };
  const expected = sample(options);
  const { spec, state } = COUNTER;
  const without = reference.create(spec) as Trainer;
  Object.defineProperty(without, 'logits', { value: undefined });
  const trainers: readonly Trainer[] = [reference.create(spec), wasmBackend().create(spec), await delegate(plain).create(spec), without];
  for (const [i, trainer] of trainers.entries()) {
    await trainer.load(state);
    const tokens: number[] = [];
    for await (const token of writeTokens(spec.model, await logitsBy(trainer), options)) tokens.push(token);
    assert.deepEqual(tokens, expected, `trainer ${i}`);
  }
});

test('kernels give the logits of any number of tokens, between steps and beside them', () => {
  for (const { spec } of VECTOR_CASES) {
    const { model } = spec;
    if (model.kind !== 'gpt' || model.context > 100) continue;
    const { vocab } = model;
    const state = initialState(spec, new Uint8Array(32).fill(5));
    const trainers = [reference.create(spec), wasmBackend().create(spec), wasmBackend({ threads: 2 }).create(spec)] as const;
    const [first, ...others] = trainers;
    const samples = new Uint8Array(spec.batchSize * sampleBytes(model)).fill(1);
    for (const trainer of trainers) trainer.load(state);
    for (let count = 1; count <= model.context; count++) {
      const tokens: number[] = Array.from({ length: count }, (_, i) => (7 * i + count) % vocab);
      const expected = first.logits(tokens);
      for (const trainer of others) assert.deepEqual(trainer.logits(tokens), expected, `${count} tokens`);
      if (count % 5 === 0) for (const trainer of trainers) trainer.step(samples, count);
    }
    for (const trainer of others) assert.deepEqual(trainer.state(), first.state());
    for (const trainer of trainers) {
      assert.throws(() => trainer.logits([]), /tokens: must be 1 to \d+ of them, got 0/);
      assert.throws(() => trainer.logits(Array.from({ length: model.context + 1 }, () => 0)), /tokens: must be 1 to/);
      assert.throws(() => trainer.logits([model.vocab]), /tokens: \d+ is not below/);
      trainer.close();
    }
  }
});

const REFUSED: readonly (readonly [changes: Partial<SampleOptions>, message: RegExp])[] = [
  [{ prompt: [] }, /prompt: must have a token/],
  [{ prompt: [11] }, /prompt: token 11 is not below 11/],
  [{ prompt: [1.5] }, /prompt: token 1\.5 is not below 11/],
  [{ count: -1 }, /count: must be a whole number/],
  [{ temperature: -1 }, /temperature: must be 0 or from 2\^-10 to 2\^10/],
  [{ temperature: Number.NaN }, /temperature: must be 0/],
  [{ temperature: 2000 }, /temperature: must be 0/],
];

for (const [changes, message] of REFUSED) {
  test(`refuses ${Object.entries(changes)[0]?.join(' ')}, naming the rule`, () => {
    assert.throws(() => sample(changes), message);
  });
}

test('refuses a network that writes no text', () => {
  const spec = mlpSpec([3, 2]);
  assert.throws(() => [...sampleTokens(spec, initialState(spec, new Uint8Array(32)), OPTIONS)], /model: a mlp writes no text/);
});
