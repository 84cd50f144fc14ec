// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf, type Tensor } from '../../../train/layout.ts';
import { reference } from '../../../train/reference.ts';
import { classCount, type ModelSpec, rowsPerSample, type TrainSpec } from '../../../train/spec.ts';
import { thetaOf } from '../../../train/state.ts';
import { validateSpec } from '../../../train/validate.ts';
import { vectorSamples } from '../../../train/vectors.ts';
import { lossInBinary64 } from '../../vectors/train/binary64.ts';
import { SGD } from '../../vectors/train/specs.ts';

function specOf(model: ModelSpec, batchSize: number): TrainSpec {
  const schedule = { baseRate: bitsOf(0.1), warmupSteps: 0, totalSteps: 10, floorRatio: 0 };
  return validateSpec({ arithmetic: 'exact8', model, optimizer: SGD, schedule, batchSize });
}

/** Relative error of a tensor's gradient against central differences in binary64, at every `stride`-th element. */
function relativeError(
  spec: TrainSpec,
  theta: Float64Array,
  batch: Uint8Array,
  o: { tensor: Tensor; gradient: Float32Array; stride: number },
): number {
  let difference = 0;
  let size = 0;
  for (let i = o.tensor.offset; i < o.tensor.offset + o.tensor.count; i += o.stride) {
    const at = theta[i] as number;
    theta[i] = at + 1e-5;
    const up = lossInBinary64(spec, theta, batch);
    theta[i] = at - 1e-5;
    const slope = (up - lossInBinary64(spec, theta, batch)) / 2e-5;
    theta[i] = at;
    difference += (slope - (o.gradient[i] as number)) ** 2;
    size += slope ** 2;
  }
  return Math.sqrt(difference / size);
}

const cases: readonly (readonly [string, ModelSpec, number, number])[] = [
  ['mlp', { kind: 'mlp', layers: [11, 9, 6, 4], inputExponent: -8 }, 12, 1],
  [
    'cnn',
    {
      kind: 'cnn',
      height: 7,
      width: 6,
      channels: 2,
      convolutions: [
        { filters: 5, kernel: 3, stride: 1 },
        { filters: 4, kernel: 4, stride: 2 },
      ],
      hidden: [8],
      classes: 3,
      inputExponent: -8,
    },
    6,
    1,
  ],
  ['gpt', { kind: 'gpt', vocab: 11, context: 6, width: 8, layers: 2, heads: 2, tied: false }, 5, 5],
  ['gpt with a tied head', { kind: 'gpt', vocab: 300, context: 5, width: 8, layers: 1, heads: 1, tied: true }, 6, 5],
];

/** The tensors, queries, keys and values apart: the gradient of the values is much the largest. */
function partsOf(spec: TrainSpec): Tensor[] {
  return layoutOf(spec).tensors.flatMap((tensor) => {
    if (!tensor.name.endsWith('qkv.weight')) return [tensor];
    const count = tensor.count / 3;
    return ['q', 'k', 'v'].map((name, i) => ({ ...tensor, name: `${tensor.name} ${name}`, count, offset: tensor.offset + i * count }));
  });
}

/** Relative error of each tensor's gradient for one seed; matrices grow by `gain` so that attention is far from uniform. */
function errorsOf(spec: TrainSpec, seed: number, gain: number): number[] {
  const { model, batchSize } = spec;
  const layout = layoutOf(spec);
  const state = initialState(spec, new Uint8Array(32).fill(seed));
  const view = new DataView(state.buffer);
  for (let i = 0; i < state.length; i += 4) {
    const value = view.getFloat32(i, true);
    if (value !== 1) view.setFloat32(i, value * gain, true);
  }
  for (const tensor of layout.tensors) {
    // Biases that leave no unit near its kink, where quantisation would switch it: alternately on and off.
    if (tensor.name.endsWith('.bias')) for (let i = 0; i < tensor.count; i++) view.setFloat32(tensor.leaf * 8192 + 4 * i, i % 2 === 0 ? 4 : -4, true);
  }
  const batch = vectorSamples({ name: '', spec, steps: 1, inputs: 'random' }, batchSize);
  const trainer = reference.create(spec);
  trainer.load(state);
  const { activations, loss } = trainer.gradient(batch);
  const theta = Float64Array.from(thetaOf(layout, state));
  const exact = lossInBinary64(spec, theta, batch);
  assert.ok(Math.abs(Number(loss) / 65536 / batchSize - exact) < 0.03 * (1 + exact));
  const gradient = new Float32Array(activations.slice(batchSize * rowsPerSample(model) * classCount(model) * 4).buffer);
  return partsOf(spec).map((tensor) => relativeError(spec, theta, batch, { tensor, gradient, stride: Math.ceil(tensor.count / 40) }));
}

// A unit whose input lies within the quantisation error of zero may be on in one arithmetic and off in the other,
// and moves the gradients of its tensors by tenths: hence the median of several seeds.
for (const [name, model, batchSize, gain] of cases) {
  test(`gradients of a ${name} agree with finite differences in binary64`, () => {
    const spec = specOf(model, batchSize);
    const seeds = [1, 2, 3, 4, 5].map((seed) => errorsOf(spec, seed, gain));
    partsOf(spec).forEach((tensor, t) => {
      const errors = seeds.map((e) => e[t] as number).sort((a, b) => a - b);
      assert.ok((errors[2] as number) < 0.06, `${tensor.name}: ${errors.map((e) => e.toFixed(3)).join(' ')}`);
    });
  });
}
