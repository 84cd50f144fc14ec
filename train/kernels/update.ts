// SPDX-License-Identifier: Apache-2.0
// 4-bit logarithmic codes and the optimisers on the decoded gradient, one block of 64 parameters at a time. What a
// formula rounds, and in which order, is codes.ts and update.ts of the definition; here only the lanes differ.

const TINY: f32 = 8.673617379884035e-19;
const TINY_SQUARE: f32 = 7.888609052210118e-31;
const INFINITE: i32 = 0x7f800000;
const HALF: i32 = 0x400000;

// @ts-ignore: decorator
@inline
function magnitude(x: v128): v128 {
  return v128.and(x, i32x4.splat(0x7fffffff));
}

// NaN stays, so that it is seen.
// @ts-ignore: decorator
@inline
function flushed(y: v128): v128 {
  return v128.andnot(y, f32x4.lt(f32x4.abs(y), f32x4.splat(TINY)));
}

// @ts-ignore: decorator
@inline
function largest(m: v128): i32 {
  return max(max(i32x4.extract_lane(m, 0), i32x4.extract_lane(m, 1)), max(i32x4.extract_lane(m, 2), i32x4.extract_lane(m, 3)));
}

// Exponent byte of a block of 64 values; -1 when one is not finite.
// @ts-ignore: decorator
@inline
function exponentOf(g: usize): i32 {
  let m0 = i32x4.splat(0), m1 = m0, m2 = m0, m3 = m0;
  for (let k: usize = 0; k < 256; k += 64) {
    m0 = i32x4.max_s(m0, magnitude(v128.load(g + k))); m1 = i32x4.max_s(m1, magnitude(v128.load(g + k, 16)));
    m2 = i32x4.max_s(m2, magnitude(v128.load(g + k, 32))); m3 = i32x4.max_s(m3, magnitude(v128.load(g + k, 48)));
  }
  const m = largest(i32x4.max_s(i32x4.max_s(m0, m1), i32x4.max_s(m2, m3)));
  return m >= INFINITE ? -1 : min(max(((m + HALF) >> 23) - 6, 70), 180);
}

// All ones where the value codes to a step, i.e. from half of the smallest power on.
// @ts-ignore: decorator
@inline
function coded(x: v128, low: v128): v128 {
  return i32x4.ge_s(magnitude(x), low);
}

// @ts-ignore: decorator
@inline
function stepOf(x: v128, below: v128): v128 {
  const t = i32x4.sub(i32x4.shr_u(i32x4.add(magnitude(x), i32x4.splat(HALF)), 23), below);
  return i32x4.max_s(i32x4.splat(1), i32x4.min_s(i32x4.splat(7), t));
}

// @ts-ignore: decorator
@inline
function decoded(x: v128, step: v128, below: v128, mask: v128): v128 {
  return v128.and(mask, v128.or(i32x4.shl(i32x4.add(step, below), 23), v128.and(x, i32x4.splat(0x80000000))));
}

// @ts-ignore: decorator
@inline
function codeOf(x: v128, step: v128, mask: v128): v128 {
  return v128.and(mask, v128.or(step, v128.and(i32x4.shr_u(x, 28), i32x4.splat(8))));
}

// 32 codes (one to an int32 lane, 128 bytes) to 16 bytes, even index in the low nibble.
// @ts-ignore: decorator
@inline
function packNibbles(c: usize, out: usize): void {
  const a = i16x8.narrow_i32x4_s(v128.load(c), v128.load(c, 16)), b = i16x8.narrow_i32x4_s(v128.load(c, 32), v128.load(c, 48));
  const d = i16x8.narrow_i32x4_s(v128.load(c, 64), v128.load(c, 80)), e = i16x8.narrow_i32x4_s(v128.load(c, 96), v128.load(c, 112));
  const x = i8x16.narrow_i16x8_u(a, b), y = i8x16.narrow_i16x8_u(d, e), byte = i16x8.splat(0xff);
  v128.store(out, i8x16.narrow_i16x8_u(v128.and(v128.or(x, i16x8.shr_u(x, 4)), byte), v128.and(v128.or(y, i16x8.shr_u(y, 4)), byte)));
}

/** Codes of n values (multiple of 64); scratch: 256 bytes. Returns 0, or 1 when a value is not finite. */
export function encode(g: usize, n: i32, codes: usize, scratch: usize): i32 {
  for (const end = g + (<usize>n << 2); g < end; g += 256, codes += 33) {
    const e = exponentOf(g);
    if (e < 0) return 1;
    store<u8>(codes, <u8>e);
    const below = i32x4.splat(e - 1), low = i32x4.splat((e - 1) << 23);
    for (let k: usize = 0; k < 256; k += 32) {
      const x = v128.load(g + k), y = v128.load(g + k, 16);
      v128.store(scratch + k, codeOf(x, stepOf(x, below), coded(x, low)));
      v128.store(scratch + k, codeOf(y, stepOf(y, below), coded(y, low)), 16);
    }
    packNibbles(scratch, codes + 1);
    packNibbles(scratch + 128, codes + 17);
  }
  return 0;
}

/**
 * Values of n codes. Returns 0 when they are the one valid encoding, 1 for an exponent byte outside 70..180, 2 for
 * code 8, 3 for an exponent byte above 70 without a code of step 7.
 */
export function decode(codes: usize, n: i32, g: usize): i32 {
  for (const end = g + (<usize>n << 2); g < end; g += 256, codes += 33) {
    const e = <i32>load<u8>(codes);
    if (e < 70 || e > 180) return 1;
    const below = i32x4.splat(e - 1), zero = i32x4.splat(0);
    let full = zero, bad = zero;
    for (let k: usize = 0; k < 32; k += 8) {
      const b = v128.load64_zero(codes + k, 1);
      const even = v128.and(b, i8x16.splat(15)), odd = i8x16.shr_u(b, 4);
      const c = i8x16.shuffle(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      bad = v128.or(bad, i8x16.eq(c, i8x16.splat(8)));
      full = v128.or(full, i8x16.eq(v128.and(c, i8x16.splat(7)), i8x16.splat(7)));
      const lo = i16x8.extend_low_i8x16_u(c), hi = i16x8.extend_high_i8x16_u(c), to = g + (k << 3);
      v128.store(to, valueOf(i32x4.extend_low_i16x8_u(lo), below)); v128.store(to, valueOf(i32x4.extend_high_i16x8_u(lo), below), 16);
      v128.store(to, valueOf(i32x4.extend_low_i16x8_u(hi), below), 32); v128.store(to, valueOf(i32x4.extend_high_i16x8_u(hi), below), 48);
    }
    if (v128.any_true(bad)) return 2;
    if (e > 70 && !v128.any_true(full)) return 3;
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function valueOf(code: v128, below: v128): v128 {
  const step = v128.and(code, i32x4.splat(7));
  const bits = v128.or(i32x4.shl(i32x4.add(step, below), 23), i32x4.shl(v128.and(code, i32x4.splat(8)), 28));
  return v128.and(bits, i32x4.ne(step, i32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
function sgdMoment(m: v128, d: v128, mu: v128): v128 {
  return flushed(f32x4.add(f32x4.mul(mu, m), d));
}

// @ts-ignore: decorator
@inline
function sgdTheta(theta: v128, m: v128, rate: v128): v128 {
  return flushed(f32x4.sub(theta, f32x4.mul(rate, m)));
}

/** Encodes and updates in one pass. top: 16 bytes, the largest magnitudes (bits) of new theta and m so far. Returns as encode. */
export function encodeSgd(g: usize, theta: usize, m: usize, n: i32, codes: usize, scratch: usize, rate: f32, momentum: f32, top: usize): i32 {
  const mu = f32x4.splat(momentum), lr = f32x4.splat(rate);
  let t0 = v128.load(top), t1 = t0;
  for (const end = g + (<usize>n << 2); g < end; g += 256, theta += 256, m += 256, codes += 33) {
    const e = exponentOf(g);
    if (e < 0) return 1;
    store<u8>(codes, <u8>e);
    const below = i32x4.splat(e - 1), low = i32x4.splat((e - 1) << 23);
    for (let k: usize = 0; k < 256; k += 32) {
      const x0 = v128.load(g + k), x1 = v128.load(g + k, 16);
      const k0 = coded(x0, low), k1 = coded(x1, low), s0 = stepOf(x0, below), s1 = stepOf(x1, below);
      v128.store(scratch + k, codeOf(x0, s0, k0)); v128.store(scratch + k, codeOf(x1, s1, k1), 16);
      const m0 = sgdMoment(v128.load(m + k), decoded(x0, s0, below, k0), mu), m1 = sgdMoment(v128.load(m + k, 16), decoded(x1, s1, below, k1), mu);
      v128.store(m + k, m0); v128.store(m + k, m1, 16);
      const p0 = sgdTheta(v128.load(theta + k), m0, lr), p1 = sgdTheta(v128.load(theta + k, 16), m1, lr);
      v128.store(theta + k, p0); v128.store(theta + k, p1, 16);
      t0 = i32x4.max_s(t0, i32x4.max_s(magnitude(m0), magnitude(p0))); t1 = i32x4.max_s(t1, i32x4.max_s(magnitude(m1), magnitude(p1)));
    }
    packNibbles(scratch, codes + 1);
    packNibbles(scratch + 128, codes + 17);
  }
  v128.store(top, i32x4.max_s(t0, t1));
  return 0;
}
