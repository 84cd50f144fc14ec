// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes } from '../../../core/bytes.ts';
import { encodeCodes } from '../../../train/codes.ts';
import { InvalidCodesError, InvalidStateError, InvalidStepError } from '../../../train/errors.ts';
import { bitsOf } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { applyLeaf, quantiseLeaf4 } from '../../../train/leaf.ts';
import { encodeModel4 } from '../../../train/model4.ts';
import { reference } from '../../../train/reference.ts';
import type { OptimizerSpec, TrainSpec } from '../../../train/spec.ts';
import { thetaOf } from '../../../train/state.ts';
import { betaPower, coefficients, coefficientsOf, learningRate } from '../../../train/update.ts';
import { ADAMW, mlpSpec, SGD } from '../../vectors/train/specs.ts';

test('the learning rate warms up linearly, decays linearly and stays at its floor', () => {
  const schedule = { baseRate: bitsOf(0.5), warmupSteps: 4, totalSteps: 12, floorRatio: bitsOf(0.25) };
  const rates = [1, 2, 4, 5, 8, 11, 12, 13, 1e6].map((step) => learningRate(schedule, step));
  assert.deepEqual(rates, [0.125, 0.25, 0.5, 0.453125, 0.3125, 0.171875, 0.125, 0.125, 0.125]);
  assert.equal(learningRate({ ...schedule, warmupSteps: 0, floorRatio: 0 }, 12), 0);
});

test('bias corrections come from repeated multiplication and end at zero', () => {
  assert.equal(betaPower(0.5, 3), 0.125);
  assert.equal(betaPower(0.5, 60), 2 ** -60);
  assert.equal(betaPower(0.5, 61), 0);
  assert.equal(betaPower(0, 1), 0);
  assert.equal(coefficients(mlpSpec([4, 3], 8, ADAMW), 2 ** 24).rootScale, 1);
});

test('the powers of every decay that a job may have end at zero within 171,000 steps, so no step number costs more', () => {
  const slowest = 1 - 2 ** -12;
  for (const beta of [0.5, 0.9, 0.999, slowest].map(Math.fround)) {
    let steps = 0;
    for (let power = 1; power >= 2 ** -60; power = Math.fround(power * beta)) steps++;
    assert.ok(steps < 171_000, `${beta} takes ${steps}`);
    assert.ok(betaPower(beta, steps - 1) > 0);
    assert.equal(betaPower(beta, steps), 0);
    // As many multiplications as its number would take years.
    assert.equal(betaPower(beta, Number.MAX_SAFE_INTEGER), 0);
  }
  const decaying = (beta2: number): OptimizerSpec => ({ ...ADAMW, beta2 }) as OptimizerSpec;
  assert.throws(() => mlpSpec([4, 3], 8, decaying(bitsOf(slowest) + 1)), /optimizer\.beta2: must be .* at most 0\.999755859375/);
  const spec = mlpSpec([4, 3], 8, decaying(bitsOf(slowest)));
  assert.deepEqual(coefficients(spec, Number.MAX_SAFE_INTEGER), coefficients(spec, 2 ** 31));
});

test('the scalars of a step do not depend on the steps asked for before', () => {
  const spec = mlpSpec([4, 3], 8, ADAMW);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 12 }), (steps) => {
      const remembering = coefficientsOf(spec);
      for (const step of steps) assert.deepEqual(remembering(step), coefficients(spec, step));
    }),
    { numRuns: 20 },
  );
});

/** A state of `leaves` whole leaves and `steps` code leaves each, reproducible. */
function scene(spec: TrainSpec, seed: number, steps: number): { state: Uint8Array; codes: Uint8Array[] } {
  const layout = layoutOf(spec);
  let s = seed;
  const next = (): number => {
    s = (Math.imul(s, 1664525) + 1013904223) | 0;
    return s / 2 ** 31;
  };
  const codes = Array.from({ length: steps }, () => {
    const gradient = Float32Array.from({ length: layout.paddedCount }, () => next() * 2 ** Math.floor(8 * next()));
    const out = new Uint8Array(layout.codeBytes);
    encodeCodes(gradient, out, 4);
    return out;
  });
  return { state: initialState(spec, new Uint8Array(32).fill(seed)), codes };
}

for (const optimizer of [SGD, ADAMW]) {
  test(`updating leaf by leaf equals updating the whole state (${optimizer.kind})`, () => {
    const spec = mlpSpec([61, 53, 7], 8, optimizer);
    const layout = layoutOf(spec);
    fc.assert(
      fc.property(fc.nat(250), fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 20, 977, 2 ** 20), (seed, steps, first) => {
        const { state, codes } = scene(spec, seed, steps);
        const trainer = reference.create(spec);
        trainer.load(state);
        codes.forEach((c, i) => {
          trainer.applyCodes(c, first + i);
        });
        const leaves: Uint8Array[] = [];
        const four: Uint8Array[] = [];
        for (let leaf = 0; leaf < layout.leafCount; leaf++) {
          const old = state.slice(leaf * layout.stateLeafBytes, (leaf + 1) * layout.stateLeafBytes);
          const slices = codes.map((c) => c.subarray(leaf * 528, (leaf + 1) * 528));
          leaves.push(applyLeaf(spec, old, slices, first));
          four.push(quantiseLeaf4(spec, leaves[leaf] as Uint8Array));
        }
        assert.deepEqual(concatBytes(...leaves), trainer.state());
        assert.deepEqual(concatBytes(...four), encodeModel4(thetaOf(layout, trainer.state())));
      }),
      { numRuns: 12 },
    );
  });
}

test('momentum that only decays ends at positive zero, never in a subnormal', () => {
  const spec = mlpSpec([61, 53, 7]);
  const { state, codes } = scene(spec, 3, 1);
  const zero = new Uint8Array(528);
  for (let block = 0; block < 16; block++) zero[block * 33] = 70;
  let leaf = applyLeaf(spec, state.subarray(0, 8192), [(codes[0] as Uint8Array).subarray(0, 528)], 1);
  leaf = applyLeaf(spec, leaf, new Array<Uint8Array>(600).fill(zero), 2);
  assert.ok(leaf.subarray(4096).every((x) => x === 0));
});

test('the leaf functions refuse other lengths, invalid codes and values that are not finite, and change no input', () => {
  const spec = mlpSpec([61, 53, 7]);
  const { state, codes } = scene(spec, 4, 1);
  const leaf = state.slice(0, 8192);
  const code = (codes[0] as Uint8Array).slice(0, 528);
  const before = leaf.slice();
  applyLeaf(spec, leaf, [code], 1);
  assert.deepEqual(leaf, before);
  assert.throws(() => applyLeaf(spec, leaf.subarray(1), [code], 1), InvalidStateError);
  assert.throws(() => applyLeaf(spec, leaf, [code.subarray(1)], 1), InvalidCodesError);
  const bad = code.slice();
  bad[1] = 8;
  assert.throws(() => applyLeaf(spec, leaf, [code, bad], 1), InvalidCodesError);
  const view = new DataView(leaf.buffer);
  for (const bits of [0x7fc00000, 0x7f800000, 0xffc12345]) {
    view.setUint32(4 * 100, bits, true);
    assert.throws(() => applyLeaf(spec, leaf, [code], 1), InvalidStepError);
    assert.throws(() => quantiseLeaf4(spec, leaf), InvalidStateError);
  }
});
