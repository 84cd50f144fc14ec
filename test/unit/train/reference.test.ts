// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { gradientNorm } from '../../../train/clip.ts';
import { FormatError, InvalidStateError, InvalidStepError } from '../../../train/errors.ts';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { decodeModel4, encodeModel4 } from '../../../train/model4.ts';
import { reference } from '../../../train/reference.ts';
import type { MlpTrainSpec } from '../../../train/spec.ts';
import { thetaOf } from '../../../train/state.ts';
import { validateSpec } from '../../../train/validate.ts';
import { failedVectors } from '../../../train/vectors.ts';
import { mlpSpec } from '../../vectors/train/specs.ts';

test('the reference meets its vectors', async () => {
  assert.deepEqual(await failedVectors(reference), []);
});

function samples(spec: MlpTrainSpec, count: number, seed: number): Uint8Array {
  const bytes = (spec.model.layers[0] as number) + 1;
  const classes = spec.model.layers.at(-1) as number;
  let s = seed;
  return Uint8Array.from({ length: count * bytes }, (_, i) => {
    s = (Math.imul(s, 1664525) + 1013904223) | 0;
    return i % bytes === bytes - 1 ? (s >>> 8) % classes : s >>> 24;
  });
}

/** Mean cross entropy in binary64 of the network with parameters `theta` (padded layout). */
function lossInBinary64(spec: MlpTrainSpec, theta: Float64Array, batch: Uint8Array): number {
  const { layers } = spec.model;
  const { tensors } = layoutOf(spec);
  const bytes = (layers[0] as number) + 1;
  const rows = batch.length / bytes;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    let x = Array.from(batch.subarray(r * bytes, (r + 1) * bytes - 1), (p) => p / 256);
    for (let l = 1; l < layers.length; l++) {
      const w = tensors[2 * l - 2]?.offset ?? 0;
      const b = tensors[2 * l - 1]?.offset ?? 0;
      const y = Array.from({ length: layers[l] as number }, (_, o) =>
        x.reduce((a, v, i) => a + v * (theta[w + o * x.length + i] as number), theta[b + o] as number),
      );
      x = l + 1 < layers.length ? y.map((v) => Math.max(v, 0)) : y;
    }
    const max = Math.max(...x);
    total += max + Math.log(x.reduce((a, v) => a + Math.exp(v - max), 0)) - (x[batch[(r + 1) * bytes - 1] as number] as number);
  }
  return total / rows;
}

test('gradients agree with finite differences in binary64', () => {
  const spec = mlpSpec([11, 9, 6, 4], 12);
  const layout = layoutOf(spec);
  const state = initialState(spec, new Uint8Array(32).fill(2));
  const batch = samples(spec, 12, 5);
  const trainer = reference.create(spec);
  trainer.load(state);
  const { activations, loss } = trainer.gradient(batch);
  const theta = Float64Array.from(thetaOf(layout, state));
  assert.ok(Math.abs(Number(loss) / 65536 / 12 - lossInBinary64(spec, theta, batch)) < 0.02);
  const gradient = new Float32Array(activations.slice(12 * 4 * 4).buffer);
  for (const tensor of layout.tensors) {
    let difference = 0;
    let size = 0;
    for (let i = tensor.offset; i < tensor.offset + tensor.count; i++) {
      const at = theta[i] as number;
      theta[i] = at + 1e-5;
      const up = lossInBinary64(spec, theta, batch);
      theta[i] = at - 1e-5;
      const slope = (up - lossInBinary64(spec, theta, batch)) / 2e-5;
      theta[i] = at;
      difference += (slope - (gradient[i] as number)) ** 2;
      size += slope ** 2;
    }
    assert.ok(Math.sqrt(difference / size) < 0.03, `${tensor.name}: relative error ${Math.sqrt(difference / size)}`);
  }
});

test('a sample has the same loss in any company, and the 4-bit form is the model of decoded codes', () => {
  const spec = mlpSpec([13, 7, 5], 4);
  const layout = layoutOf(spec);
  fc.assert(
    fc.property(fc.nat(100), fc.integer({ min: 1, max: 150 }), (seed, count) => {
      const trainer = reference.create(spec);
      const state = initialState(spec, new Uint8Array(32).fill(seed));
      trainer.load(state);
      const data = samples(spec, count, seed);
      const all = trainer.evaluate(data, 'full');
      const last = trainer.evaluate(data.subarray((count - 1) * 14), 'full');
      assert.equal(last.losses[0], all.losses[count - 1]);
      assert.equal(last.predicted[0], all.predicted[count - 1]);
      const four = trainer.evaluate(data, 'four');
      const theta = decodeModel4(encodeModel4(thetaOf(layout, state)));
      const bytes = state.slice();
      const view = new DataView(bytes.buffer);
      theta.forEach((x, i) => {
        view.setFloat32((i >> 10) * layout.stateLeafBytes + (i & 1023) * 4, x === 0 ? 0 : x, true);
      });
      trainer.load(bytes);
      assert.deepEqual(trainer.evaluate(data, 'full'), four);
    }),
    { numRuns: 10 },
  );
});

test('a gradient leaves the state alone and agrees with the step', () => {
  const spec = mlpSpec([13, 7, 5], 4);
  const trainer = reference.create(spec);
  const state = initialState(spec, new Uint8Array(32).fill(1));
  trainer.load(state);
  const batch = samples(spec, 4, 9);
  const { codes, loss } = trainer.gradient(batch);
  assert.deepEqual(trainer.state(), state);
  assert.deepEqual(trainer.step(batch, 1), { codes, loss });
  const moved = trainer.state();
  assert.notDeepEqual(moved, state);
  trainer.load(state);
  trainer.applyCodes(codes, 1);
  assert.deepEqual(trainer.state(), moved);
});

test('a state that no update can have written is not loaded', () => {
  const spec = mlpSpec([3, 2]);
  const trainer = reference.create(spec);
  const state = initialState(spec, new Uint8Array(32));
  assert.throws(() => trainer.load(state.subarray(4)), InvalidStateError);
  for (const bits of [0x7fc00000, 0xff800000, 0x80000000, 1, 0x217fffff]) {
    const bad = state.slice();
    new DataView(bad.buffer).setUint32(4096 + 8, bits, true);
    assert.throws(() => trainer.load(bad), InvalidStateError, bits.toString(16));
  }
});

test('a step that overflows is invalid, and malformed samples are refused', () => {
  const spec = mlpSpec([3, 2], 2);
  const trainer = reference.create(spec);
  const state = initialState(spec, new Uint8Array(32));
  const batch = samples(spec, 2, 1);
  const huge = state.slice();
  new DataView(huge.buffer).setFloat32(0, 2 ** 60, true);
  trainer.load(huge);
  assert.throws(() => trainer.gradient(batch), InvalidStepError);
  trainer.load(state);
  assert.throws(() => trainer.gradient(batch.subarray(1)), FormatError);
  assert.throws(() => trainer.evaluate(batch.subarray(1), 'full'), FormatError);
  const label = batch.slice();
  label[3] = 2;
  assert.throws(() => trainer.gradient(label), /label: 2/);
});

test('clipping scales the gradient to the limit and leaves a smaller one alone', () => {
  const spec = mlpSpec([13, 7, 5], 4);
  const state = initialState(spec, new Uint8Array(32).fill(1));
  const batch = samples(spec, 4, 9);
  const gradientOf = (clip?: number): Float32Array => {
    const optimizer = clip === undefined ? spec.optimizer : { ...spec.optimizer, clip: bitsOf(clip) };
    const trainer = reference.create(validateSpec({ ...spec, optimizer }));
    trainer.load(state);
    return new Float32Array(trainer.gradient(batch).activations.slice(4 * 5 * 4).buffer);
  };
  const free = gradientOf();
  const norm = Math.hypot(...free);
  assert.ok(Math.abs(gradientNorm(free) / norm - 1) < 0.01);
  assert.deepEqual(gradientOf(2 * norm), free);
  const clipped = gradientOf(norm / 4);
  assert.ok(Math.abs(Math.hypot(...clipped) / norm - 0.25) < 0.003);
  assert.ok(Math.abs((clipped[3] as number) / (free[3] as number) - 0.25) < 0.003);
});
