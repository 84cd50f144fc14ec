// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SyncTrainer } from '../../../train/backend.ts';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { reference } from '../../../train/reference.ts';
import { classCount, type ModelSpec, type OptimizerSpec, sampleBytes, type TrainSpec, tokenBytes } from '../../../train/spec.ts';
import { validateSpec } from '../../../train/validate.ts';
import { wasmBackend } from '../../../train/wasm.ts';
import { ADAMW, SGD } from '../../vectors/train/specs.ts';

const width = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 16, 31, 64, 97));
const mlp: fc.Arbitrary<ModelSpec> = fc
  .record({ inputs: width, hidden: fc.array(width, { maxLength: 2 }), classes: fc.integer({ min: 2, max: 40 }), e: fc.integer({ min: -16, max: 0 }) })
  .map(({ inputs, hidden, classes, e }) => ({ kind: 'mlp', layers: [inputs, ...hidden, classes], inputExponent: e }));
const cnn: fc.Arbitrary<ModelSpec> = fc
  .record({
    size: fc.integer({ min: 3, max: 9 }),
    channels: fc.integer({ min: 1, max: 3 }),
    filters: fc.integer({ min: 1, max: 18 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    depth: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ size, channels, filters, kernel, stride, depth }) => {
    // An even kernel shrinks the image, so the second one is odd and always fits.
    const convolutions = Array.from({ length: depth }, (_, l) => ({ filters, kernel: l > 0 && kernel === 2 ? 3 : kernel, stride }));
    return { kind: 'cnn', height: size, width: size + 1, channels, convolutions, hidden: [5], classes: 3, inputExponent: -8 };
  });
const gpt: fc.Arbitrary<ModelSpec> = fc
  .record({
    vocab: fc.constantFrom(2, 17, 256, 300),
    context: fc.constantFrom(1, 4, 7, 16, 33),
    heads: fc.integer({ min: 1, max: 3 }),
    d: fc.constantFrom(1, 5, 16),
    layers: fc.integer({ min: 0, max: 2 }),
    tied: fc.boolean(),
  })
  .map(({ vocab, context, heads, d, layers, tied }) => ({ kind: 'gpt', vocab, context, width: heads * d, layers: Math.max(layers, 1), heads, tied }));
const optimizer: fc.Arbitrary<OptimizerSpec> = fc.constantFrom<OptimizerSpec>(
  SGD,
  ADAMW,
  { ...SGD, clip: bitsOf(0.01) },
  { kind: 'sgd', momentum: 0 },
);

function specOf(model: ModelSpec, kind: OptimizerSpec, batchSize: number): TrainSpec {
  const schedule = { baseRate: bitsOf(0.05), warmupSteps: 1, totalSteps: 5, floorRatio: 0 };
  return validateSpec({ arithmetic: 'exact8', model, optimizer: kind, schedule, batchSize });
}

/** Samples from random words; the pattern says what inputs look like. */
function samplesOf(spec: TrainSpec, words: readonly number[], pattern: 'noise' | 'zero' | 'full' | 'sparse'): Uint8Array {
  const { model } = spec;
  const bytes = sampleBytes(model);
  const classes = classCount(model);
  const wide = model.kind === 'gpt' && tokenBytes(model.vocab) === 2;
  return Uint8Array.from({ length: spec.batchSize * bytes }, (_, i) => {
    const word = Math.imul((words[i % words.length] as number) + (wide ? i >> 1 : i), 2654435761) >>> 8;
    if (wide) return ((word % classes) >> (i & 1 ? 0 : 8)) & 255;
    if (model.kind === 'gpt' || i % bytes === bytes - 1) return word % classes;
    return pattern === 'zero' ? 0 : pattern === 'full' ? 255 : pattern === 'sparse' ? (word & 3 ? 0 : (word >> 4) & 255) : word & 255;
  });
}

/** What a run gives, or the name of the error that ends it. */
function run(trainer: SyncTrainer, state: Uint8Array, batches: readonly Uint8Array[]): unknown[] {
  const out: unknown[] = [];
  try {
    trainer.load(state);
    batches.forEach((samples, i) => {
      out.push(trainer.gradient(samples), trainer.step(samples, i + 1), trainer.state());
      out.push(trainer.evaluate(samples, 'four'), trainer.evaluate(samples, 'full'));
    });
  } catch (error) {
    out.push((error as Error).name);
  }
  trainer.close();
  return out;
}

const pattern = fc.constantFrom<'noise' | 'zero' | 'full' | 'sparse'>('noise', 'zero', 'full', 'sparse');
const word = fc.integer({ min: 0, max: 0xffffff });

for (const [name, model] of [
  ['mlp', mlp],
  ['cnn', cnn],
  ['gpt', gpt],
] as const) {
  test(`any ${name} trains to the same bits on wasm and on the reference`, () => {
    const batch = fc.oneof(fc.constantFrom(1, 16), fc.integer({ min: 1, max: 37 }));
    fc.assert(
      fc.property(model, optimizer, batch, pattern, fc.array(word, { minLength: 3, maxLength: 9 }), (m, o, batchSize, p, words) => {
        const spec = specOf(m, o, name === 'mlp' ? batchSize : Math.min(batchSize, 5));
        const state = initialState(spec, new Uint8Array(32).fill(words[0] as number));
        const batches = [samplesOf(spec, words, p), samplesOf(spec, words.slice(1), p)];
        assert.deepEqual(run(wasmBackend().create(spec), state, batches), run(reference.create(spec), state, batches));
      }),
      { numRuns: name === 'gpt' ? 25 : 50 },
    );
  });
}

test('any valid state, however large or small its values, leads to the same bits or the same refusal', () => {
  const exponent = fc.oneof(fc.integer({ min: -60, max: 127 }), fc.constantFrom(-60, 49, 50, 51, 56, 57, 58, 62, 63));
  const value = fc.oneof(
    fc.constant(0),
    fc.tuple(exponent, word, fc.boolean()).map(([e, f, s]) => (s ? -1 : 1) * 2 ** e * (1 + f / 2 ** 24)),
  );
  const values = fc.array(value, { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(mlp, fc.constantFrom(SGD, ADAMW), values, fc.array(word, { minLength: 3, maxLength: 5 }), (m, o, drawn, words) => {
      const spec = specOf(m, o, 3);
      const { stateBytes, stateLeafBytes } = layoutOf(spec);
      const state = new Uint8Array(stateBytes);
      const floats = new Float32Array(state.buffer);
      for (let i = 0; i < floats.length; i++) {
        const moment = Math.floor((i % (stateLeafBytes / 4)) / 1024);
        const x = Math.fround(drawn[(i * 7) % drawn.length] as number);
        floats[i] = moment === 2 ? Math.abs(x) : x;
      }
      const batches = [samplesOf(spec, words, 'noise'), samplesOf(spec, words.slice(1), 'noise')];
      assert.deepEqual(run(wasmBackend().create(spec), state, batches), run(reference.create(spec), state, batches));
    }),
    { numRuns: 80 },
  );
});
