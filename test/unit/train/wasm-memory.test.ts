// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpecError } from '../../../train/errors.ts';
import { initialState } from '../../../train/init.ts';
import { LEAF_PARAMETERS, layoutOf } from '../../../train/layout.ts';
import { reference } from '../../../train/reference.ts';
import type { TrainSpec } from '../../../train/spec.ts';
import { failedParts, VECTOR_CASES, vectorSamples } from '../../../train/vectors.ts';
import { wasmBackend } from '../../../train/wasm.ts';
import { planMemory } from '../../../train/wasm-memory.ts';
import { compileKernels } from '../../../train/wasm-module.ts';
import { whyNoNative } from '../../../train/wasm-native.ts';
import { WasmTrainer } from '../../../train/wasm-trainer.ts';

const GIB = 2 ** 30;
/** A case of every kind of network and of each optimiser. */
const CASES = VECTOR_CASES.filter(({ name }) => ['odd', 'adamw', 'cnn', 'gpt-clipped', 'gpt-tied'].includes(name));

for (const native of [false, true]) {
  test(`${native ? 'native' : 'wasm'} kernels give the same bits where addresses are beyond 2 and beyond 3 GiB`, async (t) => {
    const why = native ? whyNoNative() : undefined;
    if (why !== undefined) return t.skip(why);
    const kernels = { ...compileKernels('plain'), native };
    assert.equal(CASES.length, 5);
    // The first place has 2^31 among its buffers, the second is at the end; pages that are never touched take no memory.
    for (const c of CASES) {
      const size = planMemory(c.spec).bytes;
      for (const first of [2 * GIB - Math.floor(size / 128) * 64, 4 * GIB - Math.ceil(size / 64) * 64]) {
        const plan = planMemory(c.spec, 1, first);
        assert.ok(plan.gradient > 1.9 * GIB && plan.bytes > 2 * GIB);
        const trainer = new WasmTrainer(c.spec, kernels, 1, plan);
        assert.deepEqual(await failedParts(trainer, c), []);
        trainer.close();
      }
    }
  });
}

test('evaluating the 4-bit form, which lies where the gradient does, changes no later step', () => {
  for (const c of CASES) {
    const [ours, theirs] = [wasmBackend().create(c.spec), reference.create(c.spec)];
    const state = initialState(c.spec, new Uint8Array(32));
    // A state may have values in its padding, which a 4-bit form has as well.
    const { tensors, stateLeafBytes } = layoutOf(c.spec);
    const padded = tensors.find(({ count }) => count % LEAF_PARAMETERS !== 0);
    if (padded === undefined) throw new Error(`${c.name}: has no padding`);
    new DataView(state.buffer).setFloat32((padded.leaf + padded.leaves) * stateLeafBytes - (stateLeafBytes - 4 * LEAF_PARAMETERS) - 4, 3, true);
    const samples = vectorSamples(c, c.spec.batchSize);
    for (const trainer of [ours, theirs]) {
      trainer.load(state);
      trainer.step(samples, 1);
    }
    assert.deepEqual(ours.evaluate(samples, 'four'), theirs.evaluate(samples, 'four'));
    assert.deepEqual(ours.step(samples, 2), theirs.step(samples, 2));
    assert.deepEqual(ours.state(), theirs.state());
  }
});

test('a trainer in the memory of one that was closed starts from zeros and gives the same bits', async () => {
  const large = wasmBackend().create(gpt(64, 1, 2, 8));
  large.load(initialState(large.spec, new Uint8Array(32).fill(3)));
  new Uint8Array(large.memory.buffer).fill(255);
  large.close();
  large.close();
  for (const c of CASES) {
    const ours = wasmBackend().create(c.spec);
    const beside = wasmBackend().create(c.spec);
    assert.equal(ours.memory, large.memory);
    assert.notEqual(beside.memory, large.memory);
    assert.ok(ours.state().every((byte) => byte === 0));
    assert.deepEqual(await failedParts(ours, c), []);
    beside.close();
    ours.close();
  }
});

function gpt(width: number, layers: number, heads: number, batchSize: number): TrainSpec {
  const c = VECTOR_CASES.find(({ name }) => name === 'gpt') as (typeof VECTOR_CASES)[number];
  return { ...c.spec, model: { kind: 'gpt', vocab: 4096, context: 128, width, layers, heads, tied: false }, batchSize };
}

test('a GPT of 100 million parameters fits, with one copy of parameters, moments and gradient', () => {
  const spec = gpt(768, 14, 12, 4);
  const { count, paddedCount } = layoutOf(spec);
  assert.ok(count > 100_000_000);
  assert.ok(planMemory(spec).bytes < 1.4 * 16 * paddedCount, `${planMemory(spec).bytes} bytes`);
  assert.ok(planMemory(spec, 2).bytes < 2.5 * GIB);
});

test('a model whose parameters, moments and gradient alone take 4 GiB is refused', () => {
  assert.throws(() => planMemory(gpt(1280, 14, 20, 4)), SpecError);
});
