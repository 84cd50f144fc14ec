// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, utf8 } from '../../../core/bytes.ts';
import { FormatError } from '../../../train/errors.ts';
import { initialState } from '../../../train/init.ts';
import { fromSafetensors, toSafetensors } from '../../../train/safetensors.ts';
import { mlpSpec } from '../../vectors/train/specs.ts';

const spec = mlpSpec([5, 3, 2]);
const state = initialState(spec, new Uint8Array(32).fill(1));

test('a model survives the way out and in', () => {
  const file = toSafetensors(spec, state, { job: '7 "quoted" \\ slash' });
  assert.deepEqual(fromSafetensors(spec, file), state);
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = JSON.parse(fromUtf8(file.subarray(8, 8 + length)));
  assert.deepEqual(header['layers.1.weight'], { dtype: 'F32', shape: [2, 3], data_offsets: [72, 96] });
  assert.equal(header.__metadata__.job, '7 "quoted" \\ slash');
  assert.equal(file.length, 8 + length + 26 * 4);
});

test('a file that is not this network is refused by tensor', () => {
  const file = toSafetensors(spec, state);
  for (const length of [0, 7, 8, 40, file.length - 1]) assert.throws(() => fromSafetensors(spec, file.subarray(0, length)), FormatError);
  assert.throws(() => fromSafetensors(mlpSpec([5, 4, 2]), file), /layers\.0\.weight: shape/);
  assert.throws(() => fromSafetensors(mlpSpec([5, 2]), file), /layers\.1\.weight: is not a tensor/);
  assert.throws(() => fromSafetensors(mlpSpec([5, 3, 2, 2]), file), /layers\.2\.weight: must be present/);
  const nan = file.slice();
  nan.set([0, 0, 0xc0, 0x7f], nan.length - 4);
  assert.throws(() => fromSafetensors(spec, nan), /layers\.1\.bias: element 1 is not finite/);
  const header = utf8('[1,2]   ');
  assert.throws(() => fromSafetensors(spec, Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0, ...header)), FormatError);
});
