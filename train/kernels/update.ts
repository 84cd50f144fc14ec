// SPDX-License-Identifier: Apache-2.0
// Logarithmic codes of 4 or 5 bits and the optimisers on the decoded gradient, one block of 64 parameters at a time: a block
// is coded (or its codes read) into 64 decoded values in scratch memory, and the update reads them from there. What
// a formula rounds, and in which order, is codes.ts and update.ts of the definition; here only the lanes differ.
//
// scratch: 512 bytes. Constants go through memory once per call: a vector constant that the engine knows is rebuilt
// at each use, a loaded one stays in a register (measured: a third of the whole pass). Pairs of vectors end in
// adjacent stores, for V8's revectoriser.

import { INFINITE, largest, TINY_BITS } from './shared/vector';

const TINY_SQUARE: i32 = (27 << 23) - 1;

// @ts-ignore: decorator
@inline
function pinned(scratch: usize, value: i32): v128 {
  store<i32>(scratch, value);
  return v128.load32_splat(scratch);
}

// @ts-ignore: decorator
@inline
function pinnedFloat(scratch: usize, value: f32): v128 {
  store<f32>(scratch, value);
  return v128.load32_splat(scratch);
}

// y, or +0 where its magnitude (bits) is at most `tiny`; NaN has the largest bits and stays.
// @ts-ignore: decorator
@inline
function above(y: v128, mag: v128, tiny: v128): v128 {
  return v128.and(y, i32x4.gt_s(v128.and(y, mag), tiny));
}

// Largest magnitude (bits) of 8 vectors that lie 32 bytes apart.
// @ts-ignore: decorator
@inline
function largestOfEvery(g: usize, mag: v128): v128 {
  const a = i32x4.max_s(v128.and(v128.load(g), mag), v128.and(v128.load(g, 32), mag));
  const b = i32x4.max_s(v128.and(v128.load(g, 64), mag), v128.and(v128.load(g, 96), mag));
  const c = i32x4.max_s(v128.and(v128.load(g, 128), mag), v128.and(v128.load(g, 160), mag));
  const d = i32x4.max_s(v128.and(v128.load(g, 192), mag), v128.and(v128.load(g, 224), mag));
  return i32x4.max_s(i32x4.max_s(a, b), i32x4.max_s(c, d));
}

// Exponent byte of a block of 64 values; -1 when one is not finite.
// @ts-ignore: decorator
@inline
function exponentOf(g: usize, mag: v128, half: i32, scratch: usize): i32 {
  v128.store(scratch, largestOfEvery(g, mag)); v128.store(scratch, largestOfEvery(g + 16, mag), 16);
  const m = largest(i32x4.max_s(v128.load(scratch), v128.load(scratch, 16)));
  return m >= INFINITE ? -1 : min(max(((m + half) >> 23) - 6, 70), 180);
}

// Sign and step that stand for each of four values: the magnitude plus half of a step, cut to its exponent (with 5 bits:
// and to the first bit behind it), held between the block's least and largest step; 0 below half of the least.
// @ts-ignore: decorator
@inline
function rounded(g: usize, mag: v128, half: v128, field: v128, sign: v128, low: v128, least: v128, most: v128): v128 {
  const x = v128.load(g), a = v128.and(x, mag);
  const p = i32x4.min_s(i32x4.max_s(v128.and(i32x4.add(a, half), field), least), most);
  return v128.and(v128.or(p, v128.and(x, sign)), i32x4.gt_s(a, low));
}

// Eight decoded values to codes in 16-bit lanes: exponent field less E - 1 (0 stays 0), sign in bit 3.
// @ts-ignore: decorator
@inline
function codesOf(d: usize, below: v128): v128 {
  const v = i16x8.narrow_i32x4_s(i32x4.shr_u(v128.load(d), 23), i32x4.shr_u(v128.load(d, 16), 23));
  return v128.or(i16x8.sub_sat_u(v128.and(v, i16x8.splat(255)), below), v128.and(i16x8.shr_u(v, 5), i16x8.splat(8)));
}

// Sixteen codes to eight bytes in 16-bit lanes, even index in the low nibble.
// @ts-ignore: decorator
@inline
function nibbles(d: usize, below: v128): v128 {
  const c = i8x16.narrow_i16x8_u(codesOf(d, below), codesOf(d + 32, below));
  return v128.and(v128.or(c, i16x8.shr_u(c, 4)), i16x8.splat(0xff));
}

// The fifth bits of a block of decoded values: the first bit behind the exponent of each.
// @ts-ignore: decorator
@inline
function fifthBits(d: usize): u64 {
  let bits: u64 = 0;
  for (let i: usize = 0; i < 64; i += 4) bits |= <u64>i32x4.bitmask(i32x4.shl(v128.load(d + (i << 2)), 9)) << i;
  return bits;
}

// Codes a block of g into 33 or 41 bytes; the decoded values go to d. False when a value is not finite.
// @ts-ignore: decorator
@inline
function encodeBlock(g: usize, d: usize, codes: usize, five: bool, mag: v128, half: v128, field: v128, sign: v128): bool {
  const e = exponentOf(g, mag, five ? 0x200000 : 0x400000, d);
  if (e < 0) return false;
  store<u8>(codes, <u8>e);
  const low = i32x4.splat(((e - 1) << 23) - 1), least = i32x4.splat(e << 23), most = i32x4.splat(((e + 6) << 23) | (five ? 0x400000 : 0));
  for (let k: usize = 0; k < 256; k += 32) {
    const d0 = rounded(g + k, mag, half, field, sign, low, least, most), d1 = rounded(g + k + 16, mag, half, field, sign, low, least, most);
    v128.store(d + k, d0); v128.store(d + k, d1, 16);
  }
  const below = i16x8.splat(<i16>(e - 1));
  v128.store(codes, i8x16.narrow_i16x8_u(nibbles(d, below), nibbles(d + 64, below)), 1);
  v128.store(codes, i8x16.narrow_i16x8_u(nibbles(d + 128, below), nibbles(d + 192, below)), 17);
  if (five) store<u64>(codes, fifthBits(d), 33);
  return true;
}

// @ts-ignore: decorator
@inline
function valueOf(code: v128, below: v128): v128 {
  const step = v128.and(code, i32x4.splat(7));
  const bits = v128.or(i32x4.shl(i32x4.add(step, below), 23), i32x4.shl(v128.and(code, i32x4.splat(8)), 28));
  return v128.and(bits, i32x4.ne(step, i32x4.splat(0)));
}

// Sets the first bit behind the exponent of each value whose fifth bit is set. False when one of them is zero.
// @ts-ignore: decorator
@inline
function setFifthBits(codes: usize, d: usize): bool {
  const bits = load<u64>(codes, 33), lanes = i32x4(1, 2, 4, 8);
  let bad = i32x4.splat(0);
  for (let i: usize = 0; i < 64; i += 4) {
    const x = v128.load(d + (i << 2)), has = i32x4.eq(v128.and(i32x4.splat(<i32>(bits >> i)), lanes), lanes);
    bad = v128.or(bad, v128.and(has, i32x4.eq(x, i32x4.splat(0))));
    v128.store(d + (i << 2), v128.or(x, v128.and(has, i32x4.splat(0x400000))));
  }
  return !v128.any_true(bad);
}

// Decodes a block into d. 0 for the one valid encoding, else 1: exponent byte, 2: code 8, 3: no code of step 7, 4: a fifth bit at a zero.
// @ts-ignore: decorator
@inline
function decodeBlock(codes: usize, d: usize, five: bool): i32 {
  const e = <i32>load<u8>(codes);
  if (e < 70 || e > 180) return 1;
  const below = i32x4.splat(e - 1);
  let full = i32x4.splat(0), bad = full;
  for (let k: usize = 0; k < 32; k += 8) {
    const b = v128.load64_zero(codes + k, 1);
    const c = i8x16.shuffle(v128.and(b, i8x16.splat(15)), i8x16.shr_u(b, 4), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    bad = v128.or(bad, i8x16.eq(c, i8x16.splat(8)));
    full = v128.or(full, i8x16.eq(v128.and(c, i8x16.splat(7)), i8x16.splat(7)));
    const lo = i16x8.extend_low_i8x16_u(c), hi = i16x8.extend_high_i8x16_u(c), to = d + (k << 3);
    v128.store(to, valueOf(i32x4.extend_low_i16x8_u(lo), below)); v128.store(to, valueOf(i32x4.extend_high_i16x8_u(lo), below), 16);
    v128.store(to, valueOf(i32x4.extend_low_i16x8_u(hi), below), 32); v128.store(to, valueOf(i32x4.extend_high_i16x8_u(hi), below), 48);
  }
  if (v128.any_true(bad)) return 2;
  if (five && !setFifthBits(codes, d)) return 4;
  return e > 70 && !v128.any_true(full) ? 3 : 0;
}

/** Codes of n values (multiple of 64), of 5 bits or 4. Returns 0, or -1 when a value is not finite. */
export function encode(g: usize, n: i32, codes: usize, five: bool, scratch: usize): i32 {
  const mag = pinned(scratch, 0x7fffffff), half = pinned(scratch, five ? 0x200000 : 0x400000), field = pinned(scratch, five ? 0xffc00000 : 0xff800000), sign = pinned(scratch, 0x80000000);
  const bytes: usize = five ? 41 : 33;
  for (const end = g + (<usize>n << 2); g < end; g += 256, codes += bytes) if (!encodeBlock(g, scratch, codes, five, mag, half, field, sign)) return -1;
  return 0;
}

// @ts-ignore: decorator
@inline
function sgdMoment(d: usize, m: usize, mu: v128, mag: v128, tiny: v128): v128 {
  return above(f32x4.add(f32x4.mul(mu, v128.load(m)), v128.load(d)), mag, tiny);
}

/**
 * Momentum, one pass: with g, its codes are written and their values used; without (g = 0), the codes are read.
 * Returns the largest magnitude (bits) of the new parameters (they are finite only if the moments are), or -1 when a
 * gradient is not finite, or -1 - fault for invalid codes. n: multiple of 64.
 */
export function sgd(g: usize, codes: usize, five: bool, theta: usize, m: usize, n: i32, rate: f32, momentum: f32, scratch: usize): i32 {
  const mag = pinned(scratch, 0x7fffffff), half = pinned(scratch, five ? 0x200000 : 0x400000), field = pinned(scratch, five ? 0xffc00000 : 0xff800000), sign = pinned(scratch, 0x80000000);
  const bytes: usize = five ? 41 : 33;
  const tiny = pinned(scratch, TINY_BITS), mu = pinnedFloat(scratch, momentum), lr = pinnedFloat(scratch, rate);
  const d = scratch, step: usize = g ? 256 : 0;
  let t0 = i32x4.splat(0), t1 = t0;
  for (const end = theta + (<usize>n << 2); theta < end; theta += 256, m += 256, g += step, codes += bytes) {
    if (step) {
      if (!encodeBlock(g, d, codes, five, mag, half, field, sign)) return -1;
    } else {
      const fault = decodeBlock(codes, d, five);
      if (fault) return -1 - fault;
    }
    for (let k: usize = 0; k < 256; k += 32) {
      const m0 = sgdMoment(d + k, m + k, mu, mag, tiny), m1 = sgdMoment(d + k + 16, m + k + 16, mu, mag, tiny);
      v128.store(m + k, m0); v128.store(m + k, m1, 16);
      const p0 = f32x4.sub(v128.load(theta + k), f32x4.mul(lr, m0)), p1 = f32x4.sub(v128.load(theta + k, 16), f32x4.mul(lr, m1));
      const n0 = v128.and(p0, mag), n1 = v128.and(p1, mag);
      v128.store(theta + k, v128.and(p0, i32x4.gt_s(n0, tiny))); v128.store(theta + k, v128.and(p1, i32x4.gt_s(n1, tiny)), 16);
      t0 = i32x4.max_s(t0, n0); t1 = i32x4.max_s(t1, n1);
    }
  }
  return largest(i32x4.max_s(t0, t1));
}

// @ts-ignore: decorator
@inline
function first(d: usize, m: usize, beta: v128, gain: v128, mag: v128, tiny: v128): v128 {
  return above(f32x4.add(f32x4.mul(beta, v128.load(m)), f32x4.mul(gain, v128.load(d))), mag, tiny);
}

// @ts-ignore: decorator
@inline
function second(d: usize, v: usize, beta: v128, gain: v128, mag: v128, tiny: v128): v128 {
  const g = v128.load(d);
  return above(f32x4.add(f32x4.mul(beta, v128.load(v)), f32x4.mul(gain, f32x4.mul(g, g))), mag, tiny);
}

// @ts-ignore: decorator
@inline
function direction(m: v128, v: v128, root: v128, epsilon: v128, mag: v128, tiny: v128): v128 {
  return above(f32x4.div(m, f32x4.add(f32x4.mul(f32x4.sqrt(v), root), epsilon)), mag, tiny);
}

/**
 * AdamW, likewise. c: beta1, gain1, beta2, gain2, epsilon, keep, stepSize, rootScale as binary32. The result is the
 * largest magnitude (bits) of new parameters and second moments (a first moment that is not finite shows in both).
 */
export function adamw(g: usize, codes: usize, five: bool, theta: usize, m: usize, v: usize, n: i32, c: usize, scratch: usize): i32 {
  const mag = pinned(scratch, 0x7fffffff), half = pinned(scratch, five ? 0x200000 : 0x400000), field = pinned(scratch, five ? 0xffc00000 : 0xff800000), sign = pinned(scratch, 0x80000000);
  const bytes: usize = five ? 41 : 33;
  const tiny = pinned(scratch, TINY_BITS), tinySquare = pinned(scratch, TINY_SQUARE);
  const d = scratch, step: usize = g ? 256 : 0;
  let t0 = i32x4.splat(0), t1 = t0;
  for (const end = theta + (<usize>n << 2); theta < end; theta += 256, m += 256, v += 256, g += step, codes += bytes) {
    if (step) {
      if (!encodeBlock(g, d, codes, five, mag, half, field, sign)) return -1;
    } else {
      const fault = decodeBlock(codes, d, five);
      if (fault) return -1 - fault;
    }
    const b1 = v128.load32_splat(c), g1 = v128.load32_splat(c, 4), b2 = v128.load32_splat(c, 8), g2 = v128.load32_splat(c, 12);
    const epsilon = v128.load32_splat(c, 16), keep = v128.load32_splat(c, 20), size = v128.load32_splat(c, 24), root = v128.load32_splat(c, 28);
    for (let k: usize = 0; k < 256; k += 32) {
      const m0 = first(d + k, m + k, b1, g1, mag, tiny), m1 = first(d + k + 16, m + k + 16, b1, g1, mag, tiny);
      v128.store(m + k, m0); v128.store(m + k, m1, 16);
      const v0 = second(d + k, v + k, b2, g2, mag, tinySquare), v1 = second(d + k + 16, v + k + 16, b2, g2, mag, tinySquare);
      v128.store(v + k, v0); v128.store(v + k, v1, 16);
      const u0 = direction(m0, v0, root, epsilon, mag, tiny), u1 = direction(m1, v1, root, epsilon, mag, tiny);
      const p0 = f32x4.sub(f32x4.mul(keep, v128.load(theta + k)), f32x4.mul(size, u0)), p1 = f32x4.sub(f32x4.mul(keep, v128.load(theta + k, 16)), f32x4.mul(size, u1));
      const n0 = v128.and(p0, mag), n1 = v128.and(p1, mag);
      v128.store(theta + k, v128.and(p0, i32x4.gt_s(n0, tiny))); v128.store(theta + k, v128.and(p1, i32x4.gt_s(n1, tiny)), 16);
      t0 = i32x4.max_s(t0, i32x4.max_s(n0, v128.and(v0, mag))); t1 = i32x4.max_s(t1, i32x4.max_s(n1, v128.and(v1, mag)));
    }
  }
  return largest(i32x4.max_s(t0, t1));
}
