// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delegate, firstDifference } from '../../../train/delegate.ts';
import { type Tf, tfjsEngine } from '../../../train/tfjs.ts';
import { failedVectors } from '../../../train/vectors.ts';
import { tryTf } from '../../helpers/engines.ts';

const tf = await tryTf();
const skip = typeof tf === 'string' ? tf : false;

test('TensorFlow.js meets the vectors of every kind of network', { skip }, async () => {
  assert.deepEqual(await failedVectors(delegate(tfjsEngine(tf as Tf))), []);
});

test('a TensorFlow.js whose products are wrong in one bit is found, and its operation named', { skip }, async () => {
  const good = tf as Tf;
  const matMul: Tf['matMul'] = (a, b, transposeA, transposeB) => {
    const product = good.matMul(a, b, transposeA, transposeB);
    return { data: async () => Float32Array.from(await product.data(), (x, i) => (i === 0 ? x + 1 : x)), dispose: () => product.dispose() };
  };
  const engine = tfjsEngine({ ...good, matMul, tensor3d: good.tensor3d, getBackend: () => 'cpu' });
  assert.equal(await firstDifference(engine), 'linear of smallest');
});

test('it asks for nothing that binary32 cannot hold exactly', { skip }, async () => {
  const good = tf as Tf;
  let largest = 0;
  const tensor3d: Tf['tensor3d'] = (values, shape, dtype) => {
    for (const x of values) largest = Math.max(largest, Math.abs(x));
    assert.ok(shape[2] <= 1024, 'a chunk has at most 1,024 terms');
    return good.tensor3d(values, shape, dtype);
  };
  await failedVectors(delegate(tfjsEngine({ matMul: good.matMul, getBackend: good.getBackend, tensor3d })));
  assert.equal(largest, 127);
});
