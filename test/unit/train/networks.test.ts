// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patches, patchesGrad } from '../../../train/convolution.ts';
import { scatter } from '../../../train/embed.ts';
import { FormatError, SpecError } from '../../../train/errors.ts';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { kernelText } from '../../../train/kernel.ts';
import { layoutOf } from '../../../train/layout.ts';
import { compile } from '../../../train/program.ts';
import { reference } from '../../../train/reference.ts';
import { type CnnSpec, type GptSpec, sampleBytes, type TrainSpec } from '../../../train/spec.ts';
import { geometriesOf } from '../../../train/tensors.ts';
import { validateSpec } from '../../../train/validate.ts';
import { ADAMW } from '../../vectors/train/specs.ts';

const gpt: GptSpec = { kind: 'gpt', vocab: 50, context: 6, width: 12, layers: 2, heads: 3, tied: false };
const cnn: CnnSpec = {
  kind: 'cnn',
  height: 28,
  width: 28,
  channels: 1,
  convolutions: [{ filters: 8, kernel: 5, stride: 2 }],
  hidden: [],
  classes: 10,
  inputExponent: -8,
};

function specOf(model: object, batchSize = 4): TrainSpec {
  const schedule = { baseRate: bitsOf(0.001), warmupSteps: 0, totalSteps: 10, floorRatio: 0 };
  return validateSpec({ arithmetic: 'exact8', model, optimizer: ADAMW, schedule, batchSize });
}

test('the tensors of a gpt stand in the order of their use', () => {
  const layout = layoutOf(specOf(gpt));
  assert.deepEqual(
    layout.tensors.map((t) => t.name),
    [
      'embedding.weight',
      'positions.weight',
      ...[0, 1].flatMap((l) => ['norm1', 'qkv', 'proj', 'norm2', 'up', 'down'].map((name) => `layers.${l}.${name}.weight`)),
      'norm.weight',
      'head.weight',
    ],
  );
  assert.equal(layout.count, 50 * 12 * 2 + 6 * 12 + 2 * (2 * 12 + 12 * 12 * 12) + 12);
  assert.equal(layoutOf(specOf({ ...gpt, tied: true })).tensors.at(-1)?.name, 'norm.weight');
  assert.equal(kernelText(specOf(gpt)).split('\n')[2], 'gpt vocab 50 context 6 width 12 layers 2 heads 3 head own');
});

test('a convolution keeps half the pixels at stride two and reads its weight as PyTorch does', () => {
  const [geometry] = geometriesOf(cnn);
  assert.deepEqual(geometry, { height: 28, width: 28, channels: 1, kernel: 5, stride: 2, pad: 2, outHeight: 14, outWidth: 14 });
  assert.deepEqual(
    layoutOf(specOf(cnn)).tensors.map((t) => t.shape.join('x')),
    ['8x1x5x5', '8', '10x1568', '10'],
  );
  assert.equal(kernelText(specOf(cnn)).split('\n')[2], 'cnn 28x28x1 8/5/2-10 input -8');
});

test('patches hold the pixels under the kernel, and their gradient counts each pixel as often as it was read', () => {
  const geometry = { height: 3, width: 3, channels: 2, kernel: 3, stride: 2, pad: 1, outHeight: 2, outWidth: 2 };
  const image = Float32Array.from({ length: 18 }, (_, i) => i + 1);
  const out = new Float32Array(4 * 18);
  patches(geometry, image, out);
  // Patch (0, 0), channel 1: the kernel's first row and column lie outside.
  assert.deepEqual(Array.from(out.subarray(9, 18)), [0, 0, 0, 0, 2, 4, 0, 8, 10]);
  // Patch (1, 1), channel 0: its last row and column do.
  assert.deepEqual(Array.from(out.subarray(54, 63)), [9, 11, 0, 15, 17, 0, 0, 0, 0]);
  const back = new Float32Array(18);
  patchesGrad(geometry, new Float32Array(72).fill(1), back);
  assert.deepEqual(Array.from(back), [1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 2, 2, 1, 1, 2, 2, 1, 1]);
});

test('the gradient of an embedding sums the rows of each token, over more than one chunk', () => {
  const rows = 2500;
  const index = Uint16Array.from({ length: rows }, (_, r) => (r % 3 === 0 ? 0 : 2));
  const dy = Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? 1 : -0.5));
  const out = new Float32Array(8).fill(100);
  scatter(index, dy, out, false);
  assert.deepEqual(Array.from(out), [834, -417, 0, 0, 1666, -833, 0, 0]);
  scatter(index, dy, out, true);
  assert.deepEqual(Array.from(out), [1668, -834, 0, 0, 3332, -1666, 0, 0]);
});

test('no position sees a later token, but for the scale of the values', () => {
  const spec = specOf({ ...gpt, layers: 1 }, 1);
  const program = compile(spec, 1);
  const softmax = program.forward.find((op) => op.op === 'causalSoftmax');
  assert.ok(softmax?.op === 'causalSoftmax');
  const trainer = reference.create(spec);
  trainer.load(initialState(spec, new Uint8Array(32).fill(3)));
  const first = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
  const other = Uint8Array.of(1, 2, 3, 4, 5, 49, 7);
  const logits = (batch: Uint8Array): Float32Array => new Float32Array(trainer.gradient(batch).activations.slice(0, 6 * 50 * 4).buffer);
  const a = logits(first);
  const b = logits(other);
  let largest = 0;
  for (let i = 0; i < 5 * 50; i++) largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)));
  const changed = Math.max(...Array.from(a.subarray(250), (x, i) => Math.abs(x - (b[250 + i] as number))));
  assert.ok(largest < 0.002 && changed > 0.05, `${largest} ${changed}`);
});

test('tokens of two bytes are big-endian and must lie in the vocabulary', () => {
  const spec = specOf({ ...gpt, vocab: 300 }, 1);
  assert.equal(sampleBytes(spec.model), 14);
  const trainer = reference.create(spec);
  trainer.load(initialState(spec, new Uint8Array(32).fill(3)));
  const batch = new Uint8Array(14);
  batch.set([1, 43], 12);
  trainer.gradient(batch);
  batch.set([1, 44], 12);
  assert.throws(() => trainer.gradient(batch), FormatError);
});

test('impossible networks are refused with field and rule', () => {
  const refused: readonly (readonly [object, string, number?])[] = [
    [{ ...gpt, heads: 5 }, 'model.width'],
    [{ ...gpt, heads: 0 }, 'model.heads'],
    [{ ...gpt, vocab: 65_537 }, 'model.vocab'],
    [{ ...gpt, context: 4097 }, 'model.context'],
    [{ ...gpt, layers: 129 }, 'model.layers'],
    [{ ...gpt, tied: 1 }, 'model.tied'],
    [{ ...gpt, width: 65_536, heads: 1 }, 'model'],
    [{ ...gpt, context: 4096 }, 'batchSize', 64],
    [{ ...cnn, convolutions: [] }, 'model.convolutions'],
    [{ ...cnn, convolutions: [{ filters: 8, kernel: 12, stride: 1 }] }, 'model.convolutions[0].kernel'],
    [{ ...cnn, height: 1, convolutions: [{ filters: 8, kernel: 8, stride: 1 }] }, 'model.convolutions[0].kernel'],
    [{ ...cnn, convolutions: [{ filters: 8, kernel: 5, stride: 0 }] }, 'model.convolutions[0].stride'],
    [{ ...cnn, classes: 257 }, 'model.classes'],
    [{ ...cnn, height: 4096, width: 4096 }, 'model'],
  ];
  for (const [model, field, batch] of refused) {
    assert.throws(
      () => specOf(model, batch),
      (error) => error instanceof SpecError && error.field === field,
      field,
    );
  }
});
