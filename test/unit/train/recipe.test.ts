// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { type Parts, wholeOf } from '../../../train/parts.ts';
import { runRound } from '../../../train/round.ts';
import { wasmBackend } from '../../../train/wasm.ts';
import { accuracy, heldOut, mnist, mnistSpec, trainingSet } from '../../vectors/train/mnist.ts';

test('ten rounds of the default job pass 96 % on the test images and end in the bits that the reference computed', async () => {
  const spec = mnistSpec();
  const all = mnist('train');
  const trainer = wasmBackend().create(spec);
  let parentState: Parts = initialState(spec, new Uint8Array(32).fill(7));
  for (let round = 1; round <= 10; round++) {
    const steps = runRound(trainer, {
      binding: { chainId: 'x', job: 1n, round: BigInt(round), miner: new Uint8Array(20).fill(3) },
      roundSeed: new Uint8Array(32).fill(49 + round),
      parentState,
      stepsBefore: (round - 1) * 100,
      steps: 100,
      checkpointEvery: 100,
      dataset: trainingSet(all),
    });
    let next = await steps.next();
    while (!next.done) next = await steps.next();
    parentState = next.value.finalState;
  }
  const held = heldOut(all);
  const test = mnist('t10k');
  assert.ok(accuracy(trainer.evaluate(test, 'full'), test) > 0.965);
  assert.ok(accuracy(trainer.evaluate(test, 'four'), test) > 0.965);
  assert.ok(accuracy(trainer.evaluate(held, 'full'), held) > 0.97);
  trainer.close();
  assert.equal(toHex(sha256(wholeOf(parentState, layoutOf(spec).stateLeafBytes))).slice(0, 16), 'f0b5a11f17a936d4');
});
