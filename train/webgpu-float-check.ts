// SPDX-License-Identifier: Apache-2.0
// The binary32 operations of webgpu-float.ts on a device against those of this engine, which rounds as IEEE 754 says.
import { bitsOf, flush, fromBits, roundHalfEven } from './float32.ts';
import { philox } from './philox.ts';
import type { Device } from './webgpu-device.ts';
import { Plan } from './webgpu-plan.ts';
import { Runner } from './webgpu-runner.ts';
import { elementwise } from './webgpu-shader.ts';

const f = Math.fround;

/** Zeros, subnormals, the least and the largest normals, infinities, NaN, ones and their neighbours, both flush limits. */
const SPECIAL: readonly number[] = [
  ...[0, 0x80000000, 1, 2, 3, 0x80000001, 0x7fffff, 0x807fffff, 0x800000, 0x800001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000],
  ...[0x7fc00000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0xbf800000, 0x33800000, 0xb3800001, 0x34000000, 0x217fffff, 0x21800000, 0x0d800000],
];

/** Pairs of binary32 patterns, all of the special ones with each other first, then drawn ones of eight kinds. */
export function floatOperands(count: number): readonly [Uint32Array, Uint32Array] {
  const a = new Uint32Array(count);
  const b = new Uint32Array(count);
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    philox([5, 8], Uint32Array.of(i, 0, 0, 0), words);
    const [x, y, z] = words as unknown as [number, number, number];
    const n = SPECIAL.length;
    if (i < n * n) [a[i], b[i]] = [SPECIAL[i % n] as number, SPECIAL[Math.floor(i / n)] as number];
    else [a[i], b[i]] = drawn(i % 8, x, y, z);
  }
  return [a, b];
}

/** A pair of one kind. */
function drawn(kind: number, x: number, y: number, z: number): readonly [number, number] {
  const field = (bits: number, least: number, span: number): number => (bits & 0x807fffff) | ((least + (z % span)) << 23);
  switch (kind) {
    case 0: // almost cancelling
      return [x, (x ^ 0x80000000) + (z % 16) - 8 + (((z >>> 8) % 3) - 1) * 0x800000];
    case 1: // subnormal results of products
      return [field(x, 0, 3), field(y, 60, 70)];
    case 2: // few bits, so that ties are frequent
      return [field(x & 0xfffff000, 100, 30), field(y & 0xfffff800, 100, 30)];
    case 3: // powers of two, and runs of ones
      return [(x & 0xff800000) | (1 << (z % 23)), (y & 0xff800000) | ((0x7fffff << (z % 23)) & 0x7fffff)];
    case 4: // far apart by about the width of a significand
      return [field(x, 100, 30), field(y, 76, 30)];
    case 5: // subnormals
      return [x & 0x807fffff, y & 0x80ffffff];
    case 6: // ordinary
      return [field(x, 100, 50), field(y, 100, 50)];
    default:
      return [x, y];
  }
}

/** An operation on values as one on patterns; any NaN is the quiet one. */
function onBits(operation: (a: number, b: number) => number): (x: number, y: number) => number {
  return (x, y) => {
    const value = f(operation(fromBits(x), fromBits(y)));
    return Number.isNaN(value) ? 0x7fc00000 : bitsOf(value);
  };
}

const isNan = (x: number): boolean => (x & 0x7fffffff) > 0x7f800000;
/** A value from 2^-37 to 2^13. */
const middling = (x: number): number => ((x & 0x807fffff) | ((90 + ((x >>> 23) % 50)) << 23)) >>> 0;

/** Each operation as WGSL on a[i] and b[i], and here, on patterns. */
const OPERATIONS: Readonly<Record<string, readonly [string, (x: number, y: number) => number]>> = {
  add: ['add(a[i], b[i])', onBits((a, b) => a + b)],
  sub: ['sub(a[i], b[i])', onBits((a, b) => a - b)],
  mul: ['mul(a[i], b[i])', onBits((a, b) => a * b)],
  div: ['div(a[i], b[i])', onBits((a, b) => a / b)],
  root: ['root(a[i])', onBits((a) => Math.sqrt(a))],
  fromInt: ['fromInt(max(bitcast<i32>(a[i]), -0x7fffffff))', (x) => bitsOf(f(Math.max(x | 0, -0x7fffffff)))],
  fromScaled: [
    'fromScaled(max(bitcast<i32>(a[i]), -0x7fffffff), i32(b[i] % 201u) - 100)',
    (x, y) => bitsOf(f(f(Math.max(x | 0, -0x7fffffff)) * 2 ** ((y % 201) - 100))),
  ],
  flush: ['flush(a[i])', (x) => (isNan(x) ? x : bitsOf(flush(fromBits(x))))],
  scaled: ['scaled((a[i] & 0x807fffffu) | ((90u + (a[i] >> 23u) % 50u) << 23u), i32(b[i] % 221u) - 80)', scaledHere],
  fixed: [
    'bitcast<u32>(fixed((a[i] & 0x807fffffu) | ((90u + (a[i] >> 23u) % 50u) << 23u), 13))',
    (x) => roundHalfEven(fromBits(middling(x)) * 8192) >>> 0,
  ],
};

function scaledHere(x: number, y: number): number {
  return bitsOf(f(fromBits(middling(x)) * 2 ** ((y % 221) - 80)));
}

/** The first operation with a wrong bit, with its operands; undefined when there is none. */
export async function differingFloat(device: Device, count = 16_384): Promise<string | undefined> {
  const [a, b] = floatOperands(count);
  for (const [name, [code, here]] of Object.entries(OPERATIONS)) {
    const got = await computed(device, name, code, a, b);
    for (let i = 0; i < count; i++) {
      const [x, y] = [a[i] as number, b[i] as number];
      if (got[i] !== here(x, y)) return `${name} of ${x.toString(16)} and ${y.toString(16)}`;
    }
  }
  return undefined;
}

async function computed(device: Device, name: string, code: string, a: Uint32Array, b: Uint32Array): Promise<Uint32Array> {
  const plan = new Plan({ packed: false, software: false });
  plan.begin(name);
  const [x, y, out] = [plan.fixed(a.length), plan.fixed(a.length), plan.fixed(a.length)];
  const kernel = elementwise(`float ${name}`, [], [{ name: 'a' }, { name: 'b' }, { name: 'out_', out: true }], `  out_[i] = ${code};`);
  plan.each(kernel, a.length, {}, [x, y, out]);
  const runner = await Runner.open(device, plan);
  runner.write(x, a);
  runner.write(y, b);
  const { read } = await runner.run([[0, 1]], [{ ref: out, words: a.length }]);
  runner.close();
  return new Uint32Array((read[0] as Uint8Array).buffer);
}
