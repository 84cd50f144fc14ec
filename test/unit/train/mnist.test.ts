// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { initialState } from '../../../train/init.ts';
import { reference } from '../../../train/reference.ts';
import { runRound } from '../../../train/round.ts';
import { accuracy, heldOut, mnist, mnistSpec, trainingSet } from '../../vectors/train/mnist.ts';

test('the first round of the default job passes 90 % on held-out images and its trace is these bits', async () => {
  const spec = mnistSpec();
  const all = mnist('train');
  const trainer = reference.create(spec);
  const round = runRound(trainer, {
    binding: { chainId: 'pogo-test', job: 1n, round: 1n, miner: new Uint8Array(20).fill(1) },
    roundSeed: new Uint8Array(32).fill(1),
    parentState: initialState(spec, new Uint8Array(32).fill(1)),
    stepsBefore: 0,
    steps: 100,
    checkpointEvery: 10,
    dataset: trainingSet(all),
  });
  let next = await round.next();
  while (!next.done) next = await round.next();
  const held = heldOut(all).subarray(0, 1000 * 785);
  const full = accuracy(trainer.evaluate(held, 'full'), held);
  const four = accuracy(trainer.evaluate(held, 'four'), held);
  assert.ok(full > 0.9 && four > 0.9, `${full} ${four}`);
  assert.equal(toHex(next.value.traceRoot), '1e1ff06f91890f73d503d3d223c3cdd12e778eaa58f879f3fb64a901630b7d5d');
});
