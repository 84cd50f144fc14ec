// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../../core/bytes.ts';
import { SpecError } from '../../../train/errors.ts';
import { bitsOf } from '../../../train/float32.ts';
import { kernelId, kernelText } from '../../../train/kernel.ts';
import { layoutOf } from '../../../train/layout.ts';
import { LIMITS } from '../../../train/spec.ts';
import { validateSpec } from '../../../train/validate.ts';
import { ADAMW, demoSpec, mlpSpec } from '../../vectors/train/specs.ts';

test('the layout of the default job puts each tensor on a leaf boundary', () => {
  const layout = layoutOf(demoSpec());
  assert.deepEqual(
    layout.tensors.map((t) => [t.name, t.leaf, t.leaves, t.count]),
    [
      ['layers.0.weight', 0, 98, 100_352],
      ['layers.0.bias', 98, 1, 128],
      ['layers.1.weight', 99, 2, 1280],
      ['layers.1.bias', 101, 1, 10],
    ],
  );
  assert.deepEqual([layout.count, layout.leafCount, layout.paddedCount], [101_770, 102, 104_448]);
  assert.deepEqual([layout.stateLeafBytes, layout.codeLeafBytes, layout.stateBytes, layout.codeBytes], [8192, 528, 835_584, 53_856]);
  assert.equal(layoutOf(mlpSpec([4, 3], 8, ADAMW)).stateLeafBytes, 12_288);
});

test('the kernel id covers arithmetic, network and optimiser, and neither schedule nor batch', () => {
  const spec = demoSpec();
  assert.match(kernelText(spec), /^exact8\ntables [0-9a-f]{64}\nmlp 784-128-10 input -8\nsgd 3f666666\n$/);
  assert.equal(toHex(kernelId(spec)), '41f75cb2058be4e37685a975730f33f1711e50b2d593880554e343db4b2f2d80');
  const id = (change: object): string => toHex(kernelId(validateSpec({ ...spec, ...change })));
  assert.equal(id({ batchSize: 32 }), id({}));
  assert.equal(id({ schedule: { ...spec.schedule, baseRate: bitsOf(0.2) } }), id({}));
  assert.notEqual(id({ optimizer: ADAMW }), id({}));
  assert.notEqual(id({ optimizer: { kind: 'sgd', momentum: bitsOf(0.8) } }), id({}));
  assert.notEqual(id({ model: { ...spec.model, layers: [784, 1, 28] } }), id({ model: { ...spec.model, layers: [78, 41, 28] } }));
  assert.notEqual(id({ model: { ...spec.model, inputExponent: -7 } }), id({}));
});

test('a specification that breaks a rule is refused with field and rule', () => {
  const spec = demoSpec();
  const refused: readonly (readonly [object, string])[] = [
    [{ arithmetic: 'exact7' }, 'arithmetic'],
    [{ model: { ...spec.model, kind: 'transformer' } }, 'model.kind'],
    [{ model: { ...spec.model, layers: [784] } }, 'model.layers'],
    [{ model: { ...spec.model, layers: new Array(17).fill(4) } }, 'model.layers'],
    [{ model: { ...spec.model, layers: [784, 0, 10] } }, 'model.layers[1]'],
    [{ model: { ...spec.model, layers: [784, 1.5, 10] } }, 'model.layers[1]'],
    [{ model: { ...spec.model, layers: [784, 65_537, 10] } }, 'model.layers[1]'],
    [{ model: { ...spec.model, layers: [784, 128, 257] } }, 'model.layers[2]'],
    [{ model: { ...spec.model, layers: [65_536, 65_536, 10] } }, 'model'],
    [{ model: { ...spec.model, inputExponent: 1 } }, 'model.inputExponent'],
    [{ optimizer: { kind: 'lion' } }, 'optimizer.kind'],
    [{ optimizer: { kind: 'sgd', momentum: bitsOf(1) } }, 'optimizer.momentum'],
    [{ optimizer: { kind: 'sgd', momentum: bitsOf(-0.5) } }, 'optimizer.momentum'],
    [{ optimizer: { kind: 'sgd', momentum: 0x7fc00000 } }, 'optimizer.momentum'],
    [{ optimizer: { kind: 'sgd', momentum: 0.9 } }, 'optimizer.momentum'],
    [{ optimizer: { ...ADAMW, beta2: bitsOf(0.99999) } }, 'optimizer.beta2'],
    [{ schedule: { ...spec.schedule, baseRate: 0 } }, 'schedule.baseRate'],
    [{ schedule: { ...spec.schedule, warmupSteps: 1000 } }, 'schedule.warmupSteps'],
    [{ schedule: { ...spec.schedule, totalSteps: 2 ** 24 + 1 } }, 'schedule.totalSteps'],
    [{ batchSize: 0 }, 'batchSize'],
    [{ batchSize: 65_537 }, 'batchSize'],
    [{ batchSize: 65_536, model: { ...spec.model, layers: [4096, 10] } }, 'batchSize'],
    [{ extra: 1 }, 'spec.extra'],
    [{ optimizer: undefined }, 'optimizer.kind'],
  ];
  for (const [change, field] of refused) {
    assert.throws(
      () => validateSpec({ ...spec, ...change }),
      (error) => error instanceof SpecError && error.field === field,
      field,
    );
  }
  assert.throws(() => validateSpec(null), SpecError);
});

test('a fuzzed specification is either refused by rule or lays out within the limits', () => {
  const number = fc.oneof(fc.integer(), fc.double(), fc.integer({ min: 1, max: 100_000 }), fc.constant(undefined));
  const input = fc.record({
    arithmetic: fc.constantFrom('exact8', 'exact8', 'float'),
    model: fc.oneof(
      fc.anything(),
      fc.record({ kind: fc.constant('mlp'), layers: fc.array(number, { maxLength: 20 }), inputExponent: fc.integer({ min: -20, max: 4 }) }),
    ),
    optimizer: fc.oneof(fc.anything(), fc.record({ kind: fc.constant('sgd'), momentum: fc.nat(0x40000000) })),
    schedule: fc.record({ baseRate: fc.constant(bitsOf(0.1)), warmupSteps: fc.nat(20), totalSteps: fc.nat(40), floorRatio: fc.constant(0) }),
    batchSize: number,
  });
  fc.assert(
    fc.property(input, (candidate) => {
      try {
        assert.ok(layoutOf(validateSpec(candidate)).paddedCount <= LIMITS.parameters);
      } catch (error) {
        assert.ok(error instanceof SpecError);
      }
    }),
    { numRuns: 1000 },
  );
});
