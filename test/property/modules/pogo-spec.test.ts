// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, encode } from '../../../core/codec.ts';
import { specFromProto, specToProto } from '../../../modules/pogo/spec.ts';
import { TrainSpec as ProtoTrainSpec } from '../../../proto/gen/pogo.v1.ts';
import { SpecError } from '../../../train/errors.ts';
import { bitsOf } from '../../../train/float32.ts';
import { layoutOf } from '../../../train/layout.ts';
import { LIMITS, type ModelSpec, type OptimizerSpec, type TrainSpec } from '../../../train/spec.ts';
import { validateSpec } from '../../../train/validate.ts';

const small = (least: number, most: number): fc.Arbitrary<number> => fc.integer({ min: least, max: most });
const bits = (least: number, most: number): fc.Arbitrary<number> => fc.double({ min: least, max: most, noNaN: true }).map(bitsOf);

const mlp: fc.Arbitrary<ModelSpec> = fc.record({
  kind: fc.constant('mlp' as const),
  layers: fc.tuple(fc.array(small(1, 300), { minLength: 1, maxLength: 4 }), small(2, 256)).map(([widths, classes]) => [...widths, classes]),
  inputExponent: small(-16, 0),
});

const gpt: fc.Arbitrary<ModelSpec> = fc
  .record({ heads: small(1, 4), columns: small(1, 16), vocab: small(2, 65_536), context: small(1, 64), layers: small(1, 4), tied: fc.boolean() })
  .map(({ heads, columns, ...rest }) => ({ kind: 'gpt', heads, width: heads * columns, ...rest }));

const cnn: fc.Arbitrary<ModelSpec> = fc.record({
  kind: fc.constant('cnn' as const),
  height: small(8, 30),
  width: small(8, 30),
  channels: small(1, 4),
  convolutions: fc.array(fc.record({ filters: small(1, 16), kernel: small(1, 5), stride: small(1, 2) }), { minLength: 1, maxLength: 2 }),
  hidden: fc.array(small(1, 64), { maxLength: 2 }),
  classes: small(2, 256),
  inputExponent: small(-16, 0),
});

const clip = fc.option(bits(2 ** -20, 2 ** 20), { nil: undefined }).map((value) => (value === undefined ? {} : { clip: value }));
const optimizer: fc.Arbitrary<OptimizerSpec> = fc.oneof(
  fc.tuple(bits(0.01, 0.99), clip).map(([momentum, bound]): OptimizerSpec => ({ kind: 'sgd', momentum, ...bound })),
  fc
    .tuple(bits(0.5, 0.99), bits(0.5, 0.999), bits(1e-9, 1e-3), bits(0.001, 0.5), clip)
    .map(([beta1, beta2, epsilon, weightDecay, bound]): OptimizerSpec => ({ kind: 'adamw', beta1, beta2, epsilon, weightDecay, ...bound })),
);

const specs: fc.Arbitrary<TrainSpec> = fc
  .record({ model: fc.oneof(mlp, gpt, cnn), optimizer, total: small(2, 10_000), batchSize: small(1, 8), five: fc.boolean() })
  .map(({ total, five, ...rest }) => ({
    arithmetic: 'exact8' as const,
    ...rest,
    ...(five ? { codeBits: 5 as const } : {}),
    schedule: { baseRate: bitsOf(0.01), warmupSteps: total - 1, totalSteps: total, floorRatio: bitsOf(0.125) },
  }));

test('every valid specification survives the wire', () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const valid = validateSpec(spec);
      const bytes = encode(ProtoTrainSpec, specToProto(valid));
      assert.deepEqual(specFromProto(decode(ProtoTrainSpec, bytes)), valid);
    }),
    { numRuns: 200 },
  );
});

const word = fc.oneof(small(0, 20), small(0, 70_000), small(0, 0xffffffff));

/** `value` with the number at place `at` (counted from 0, modulo how many there are) replaced. */
function replaced(value: unknown, at: number, by: number): unknown {
  const places: Array<(to: number) => void> = [];
  const copy = structuredClone(value);
  const walk = (node: Record<string, unknown>): void => {
    for (const [key, entry] of Object.entries(node)) {
      const signed = key === 'inputExponent';
      if (typeof entry === 'number')
        places.push((to) => {
          node[key] = signed ? to | 0 : to;
        });
      else if (typeof entry === 'object' && entry !== null) walk(entry as Record<string, unknown>);
    }
  };
  walk(copy as Record<string, unknown>);
  places[at % places.length]?.(by);
  return copy;
}

/** A message whose every number fits the wire, near the rules: a valid one with up to three numbers replaced. */
const messages: fc.Arbitrary<ProtoTrainSpec> = fc
  .tuple(specs, fc.array(fc.tuple(fc.nat(100), word), { minLength: 1, maxLength: 3 }))
  .map(([spec, changes]) => changes.reduce((m, [at, by]) => replaced(m, at, by), specToProto(spec) as unknown) as ProtoTrainSpec);

const empty = fc.constant<ProtoTrainSpec>({ arithmetic: 'exact8', model: {}, optimizer: {}, schedule: undefined, codeBits: 0, batchSize: 1 });
const fixed = { baseRate: bitsOf(0.01), warmupSteps: 0, totalSteps: 10, floorRatio: 0 };
/** The rule's field in brackets or dots, then the rule. */
const NAMED = /^(spec|arithmetic|model|optimizer|schedule|batchSize|codeBits)[\w.[\]]*: (must|is|makes) /;

test('any specification that can be sent is refused with the field and the rule, or fits the limits', () => {
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 50, arbitrary: messages }, { weight: 1, arbitrary: empty }), (message) => {
      const sent = encode(ProtoTrainSpec, message);
      try {
        const spec = specFromProto(decode(ProtoTrainSpec, sent));
        assert.ok(layoutOf(spec).paddedCount <= LIMITS.parameters);
        taken++;
      } catch (error) {
        assert.ok(error instanceof SpecError, `${error}`);
        assert.match(error.message, NAMED);
        refused++;
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(taken > 50 && refused > 50, `${taken} within the rules, ${refused} refused`);
});

test('a clip of zero bits is no bound, and every other one is a bound or refused', () => {
  const spec = validateSpec({
    arithmetic: 'exact8',
    model: { kind: 'mlp', layers: [3, 2], inputExponent: 0 },
    optimizer: { kind: 'sgd', momentum: 0 },
    schedule: fixed,
    batchSize: 1,
  });
  const message = specToProto(spec);
  const withClip = (clip: number): TrainSpec => specFromProto({ ...message, optimizer: { sgd: { momentum: 0, clip } } });
  assert.equal('clip' in withClip(0).optimizer, false);
  assert.equal(withClip(bitsOf(1)).optimizer.clip, bitsOf(1));
  for (const value of [1, bitsOf(-1), bitsOf(2 ** 21), 0x7fc00000, 0x80000000])
    assert.throws(() => withClip(value), /^SpecError: optimizer\.clip: must/);
});
