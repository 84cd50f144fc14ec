// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCodes, encodeCodes } from '../../../train/codes.ts';
import { InvalidCodesError, InvalidStateError, InvalidStepError } from '../../../train/errors.ts';
import { codeBlockBytes } from '../../../train/layout.ts';
import { decodeModel4, encodeModel4 } from '../../../train/model4.ts';
import type { CodeBits } from '../../../train/spec.ts';

const float = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.integer({ min: 60, max: 190 }).map((e) => 2 ** (e - 127)),
  fc.integer({ min: 60, max: 190 }).map((e) => -1.5 * 2 ** (e - 127)),
  fc.constant(0),
);
const block = fc.array(float, { minLength: 64, maxLength: 64 }).map((x) => Float32Array.from(x));

const WIDTHS = [4, 5] as const;

/** Nearest of the decodable values, ties to the larger magnitude. */
function nearest(x: number, e: number, bits: CodeBits): number {
  let best = 0;
  for (let t = 1; t <= 7; t++) {
    for (const part of bits === 4 ? [1] : [1, 1.5]) {
      const value = part * 2 ** (e + t - 1 - 127);
      if (Math.abs(value - Math.abs(x)) <= Math.abs(best - Math.abs(x))) best = value;
    }
  }
  return best === 0 ? 0 : Math.sign(x) * best;
}

function encoded(values: Float32Array, bits: CodeBits): Uint8Array {
  const codes = new Uint8Array(codeBlockBytes(bits));
  encodeCodes(values, codes, bits);
  return codes;
}

test('the gradient encoder takes the nearest code of each value, ties to the larger', () => {
  fc.assert(
    fc.property(block, fc.constantFrom(...WIDTHS), (values, bits) => {
      const codes = encoded(values, bits);
      const decoded = new Float32Array(64);
      decodeCodes(codes, decoded, bits);
      values.forEach((x, i) => {
        assert.ok(Object.is(decoded[i], nearest(x, codes[0] as number, bits)), `${x} with E ${codes[0]} and ${bits} bits became ${decoded[i]}`);
      });
    }),
    { numRuns: 4000 },
  );
});

test('the exponent byte is the least whose top binade has the step nearest to the largest magnitude', () => {
  for (const [max, e4, e5] of [
    [0, 70, 70],
    [2 ** -57, 70, 70],
    [2 ** -51, 70, 70],
    [1.4999 * 2 ** -51, 70, 70],
    [1.5 * 2 ** -51, 71, 70],
    [1.7499 * 2 ** -51, 71, 70],
    [1.75 * 2 ** -51, 71, 71],
    [1, 121, 121],
    [2 ** 59, 180, 180],
    [2 ** 100, 180, 180],
  ] as const) {
    const values = new Float32Array(64);
    values[17] = -max;
    assert.deepEqual([encoded(values, 4)[0], encoded(values, 5)[0]], [e4, e5], `${max}`);
  }
});

test('what the gradient decoder accepts is exactly what the encoder writes', () => {
  const bytes = fc.tuple(
    fc.oneof(fc.integer({ min: 68, max: 72 }), fc.integer({ min: 178, max: 182 }), fc.nat(255)),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
  );
  const accepted = { 4: 0, 5: 0 };
  fc.assert(
    fc.property(bytes, fc.boolean(), fc.constantFrom(...WIDTHS), ([e, body, plane], mild, bits) => {
      const nibbles = mild ? body.map((x) => (x & 0x77) | 0x11) : body;
      const codes = Uint8Array.of(e, ...nibbles, ...(bits === 5 ? plane : []));
      const decoded = new Float32Array(64);
      try {
        decodeCodes(codes, decoded, bits);
      } catch (error) {
        assert.ok(error instanceof InvalidCodesError);
        return;
      }
      accepted[bits]++;
      assert.deepEqual(encoded(decoded, bits), codes);
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted[4] > 50 && accepted[5] > 50, JSON.stringify(accepted));
});

test('the gradient decoder refuses negative zero, exponents outside the range, a block without its top step and other lengths', () => {
  const out = new Float32Array(64);
  for (const bits of WIDTHS) {
    const valid = new Uint8Array(codeBlockBytes(bits));
    valid[0] = 100;
    valid[5] = 0x70;
    decodeCodes(valid, out, bits);
    assert.equal(out[9], 2 ** (100 + 6 - 127));
    for (const [at, value] of [
      [5, 0x78],
      [6, 0x80],
      [0, 69],
      [0, 181],
      [5, 0x60],
    ] as const) {
      const bad = valid.slice();
      bad[at] = value;
      assert.throws(() => decodeCodes(bad, out, bits), InvalidCodesError, `${at} ${value}`);
    }
    const zero = new Uint8Array(codeBlockBytes(bits));
    zero[0] = 71;
    assert.throws(() => decodeCodes(zero, out, bits), InvalidCodesError);
    assert.throws(() => decodeCodes(valid.subarray(1), out, bits), InvalidCodesError);
    assert.throws(() => decodeCodes(valid, out, bits === 4 ? 5 : 4), InvalidCodesError);
  }
});

test('a fifth bit makes a magnitude half as large again, and belongs to no zero', () => {
  const codes = new Uint8Array(41);
  codes[0] = 100;
  codes[5] = 0xf0;
  codes[33 + 1] = 0b10;
  const out = new Float32Array(64);
  decodeCodes(codes, out, 5);
  assert.equal(out[9], -1.5 * 2 ** (100 + 6 - 127));
  codes[33 + 1] = 0b11;
  assert.throws(() => decodeCodes(codes, out, 5), { message: 'codes: a fifth bit at a zero' });
});

test('NaN and infinity have no code', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    const values = new Float32Array(64);
    values[63] = bad;
    assert.throws(() => encodeCodes(values, new Uint8Array(33), 4), InvalidStepError);
    assert.throws(() => encodeModel4(values), InvalidStateError);
  }
});

test('the 4-bit model rounds each parameter half to even on the least scale that holds the block', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 64, maxLength: 64 }), (list) => {
      const theta = Float32Array.from(list);
      const max = Math.max(...theta.map(Math.abs));
      let e = -50;
      while (max > 7 * 2 ** e) e++;
      const decoded = decodeModel4(encodeModel4(theta));
      theta.forEach((x, i) => {
        const scaled = x * 2 ** -e;
        const floor = Math.floor(scaled);
        const half = scaled - floor;
        const rounded = half > 0.5 || (half === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
        assert.equal((decoded[i] as number) - rounded * 2 ** e, 0);
      });
    }),
    { numRuns: 500 },
  );
});

test('the 4-bit model decoder accepts only what the encoder writes', () => {
  const bytes = fc.tuple(
    fc.oneof(fc.integer({ min: 75, max: 79 }), fc.integer({ min: 175, max: 179 })),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(bytes, ([e, body, mild]) => {
      const codes = Uint8Array.of(e, ...(mild ? body.map((x) => x & 0x33) : body));
      let theta: Float32Array;
      try {
        theta = decodeModel4(codes);
      } catch (error) {
        assert.ok(error instanceof InvalidCodesError);
        return;
      }
      assert.deepEqual(encodeModel4(theta), codes);
    }),
    { numRuns: 2000 },
  );
  const minusEight = new Uint8Array(33);
  minusEight[0] = 77;
  minusEight[1] = 8;
  assert.throws(() => decodeModel4(minusEight), InvalidCodesError);
});
