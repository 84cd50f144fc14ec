// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { reference } from '../../../train/reference.ts';
import { nextLogits, type SampleOptions, sampleTokens } from '../../../train/sample.ts';
import { type GptSpec, sampleBytes, type TrainSpec } from '../../../train/spec.ts';
import { thetaOf } from '../../../train/state.ts';
import { validateSpec } from '../../../train/validate.ts';
import { ADAMW, mlpSpec } from '../../vectors/train/specs.ts';

const GPT: GptSpec = { kind: 'gpt', vocab: 11, context: 6, width: 8, layers: 2, heads: 2, tied: false };

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
  const mine = nextLogits(spec, GPT, thetaOf(layoutOf(spec), state), tokens);
  assert.deepEqual(mine, logits.slice(5 * 11));
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
  const logits = nextLogits(spec, spec.model as GptSpec, thetaOf(layoutOf(spec), state), [0]);
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
