// SPDX-License-Identifier: Apache-2.0
// Products of any shape and layout on a GPU, quantised there, against quantisation and contraction here; and binary32
// operations in integers, on adverse operands. Bit for bit.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { contract } from '../../../train/contract.ts';
import { bitsOf, flush } from '../../../train/float32.ts';
import { type Quantised, quantise } from '../../../train/quantise.ts';
import type { WebgpuBackend } from '../../../train/webgpu.ts';
import { differingFloat, floatOperands } from '../../../train/webgpu-float-check.ts';
import { columns, Plan, type PlanOptions, rows, type SliceShape } from '../../../train/webgpu-plan.ts';
import { LARGE, MEDIUM, SMALL } from '../../../train/webgpu-product.ts';
import { Runner } from '../../../train/webgpu-runner.ts';
import { tryWebgpu } from '../../helpers/engines.ts';

const tried = await tryWebgpu();
const skip = typeof tried === 'string' ? tried : false;
const backend = tried as WebgpuBackend;
after(() => {
  if (typeof tried !== 'string') tried.close();
});

test('addition, product, quotient, root and conversions are correctly rounded', { skip, timeout: 300_000 }, async () => {
  assert.equal(await differingFloat(backend.opened, 65_536), undefined);
  const [a, b] = floatOperands(4096);
  const tie = (x: number, y: number): boolean => bitsOf(Math.fround(x + y)) === bitsOf(x + y) && Math.fround(x + y) !== x + y;
  assert.ok(
    a.some((x, i) => (x & 0x7f800000) === 0 && (b[i] as number) !== 0),
    'there are subnormal operands',
  );
  assert.ok(
    new Float32Array(a.buffer).some((x, i) => tie(x, new Float32Array(b.buffer)[i] as number)),
    'there are inexact sums',
  );
});

const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 16, 17, 31, 32, 33, 64, 65, 97, 131));
const shape = fc.record({
  m: size,
  n: size,
  k: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(1, 3, 4, 5, 64, 127, 1023, 1024, 1025, 2053)),
  samples: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  wide: fc.constantFrom('neither', 'left', 'right'),
  /** Whether slices lie side by side. */
  across: fc.tuple(fc.boolean(), fc.boolean()),
  fill: fc.constantFrom('random', 'largest', 'zero', 'sparse', 'least'),
  causal: fc.boolean(),
  scale: fc.constantFrom(undefined, Math.fround(0.3)),
  seed: fc.nat(),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

function values(count: number, fill: Shape['fill'], seed: number): Float32Array {
  let state = seed | 1;
  const draw = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return Float32Array.from({ length: count }, () => {
    if (fill === 'zero') return 0;
    if (fill === 'largest') return draw() % 2 === 0 ? 127 : -127;
    if (fill === 'least') return (draw() % 5) * 2 ** -60;
    if (fill === 'sparse' && draw() % 8 !== 0) return 0;
    return flush(Math.fround(((draw() % 65_535) - 32_767) * 2 ** ((draw() % 12) - 8)));
  });
}

/** Slices of one head of one sample, and where they are. */
function operand(x: Float32Array, s: Shape, product: number, slices: number, across: boolean, bits: 8 | 14): Quantised {
  const offset = product * slices * s.k;
  const [sliceStride, termStride] = across ? [1, slices] : [s.k, 1];
  return quantise({ data: x, offset, slices, length: s.k, sliceStride, termStride }, bits);
}

async function agrees(s: Shape, options: Partial<PlanOptions>): Promise<void> {
  const products = s.samples * s.heads;
  const [a, b] = [values(products * s.m * s.k, s.fill, s.seed), values(products * s.n * s.k, s.fill, s.seed + 7)];
  const bits = [s.wide === 'left' ? 14 : 8, s.wide === 'right' ? 14 : 8] as const;
  const stride = s.n + 1;
  const expected = new Float32Array(products * s.m * stride).fill(7);
  for (let p = 0; p < products; p++) {
    const [left, right] = [operand(a, s, p, s.m, s.across[0], bits[0]), operand(b, s, p, s.n, s.across[1], bits[1])];
    const offset = p * s.m * stride;
    const out = { data: expected, offset, stride };
    contract({ a: left, b: right, out, causal: s.causal, ...(s.scale === undefined ? {} : { scale: s.scale }) });
    for (let i = 0; i < s.m; i++) {
      for (let j = 0; j < s.n; j++) {
        const at = offset + i * stride + j;
        expected[at] = s.causal && j > i ? 0 : flush(expected[at] as number);
      }
    }
  }
  const plan = new Plan({ packed: backend.opened.packed, software: true, ...options });
  plan.begin('product');
  const [x, y, out] = [plan.fixed(a.length), plan.fixed(b.length), plan.fixed(expected.length)];
  const batch = { products, heads: s.heads };
  const slices = (ref: number, count: number, across: boolean): SliceShape => (across ? columns(ref, s.k, count) : rows(ref, count, s.k));
  const steps = (count: number) => ({ outer: s.heads * count * s.k, inner: count * s.k });
  const left = plan.pack(slices(x, s.m, s.across[0]), bits[0], batch, steps(s.m));
  const right = plan.pack(slices(y, s.n, s.across[1]), bits[1], batch, steps(s.n));
  const scale = s.scale === undefined ? {} : { scale: bitsOf(s.scale) };
  const target = { out, offset: 0, outer: s.heads * s.m * stride, inner: s.m * stride, rowStride: stride, columnStride: 1 };
  plan.product(left, right, { ...target, causal: s.causal, ...scale }, batch);
  const runner = await Runner.open(backend.opened, plan);
  runner.write(x, new Uint32Array(a.buffer));
  runner.write(y, new Uint32Array(b.buffer));
  runner.write(out, new Uint32Array(new Float32Array(expected.length).fill(7).buffer));
  const { refused, read } = await runner.run([[0, plan.dispatches.length]], [{ ref: out, words: expected.length }]);
  runner.close();
  assert.equal(refused, undefined);
  assert.deepEqual(new Uint32Array((read[0] as Uint8Array).buffer), new Uint32Array(expected.buffer));
}

for (const [name, options, numRuns] of [
  ['a software driver takes', {}, 25],
  ['a card takes for small products', { software: false, tiling: SMALL }, 15],
  ['a card takes for middling products', { software: false, tiling: MEDIUM }, 10],
  ['a card takes for large products', { software: false, tiling: LARGE }, 10],
  ['have no packed dot product', { packed: false }, 10],
] as const) {
  test(`products of any shape and layout in workgroups that ${name} are those of the contraction`, { skip, timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        shape.filter((s) => !(s.causal && s.wide === 'right')),
        (s) => agrees(s, options),
      ),
      { numRuns },
    );
  });
}
