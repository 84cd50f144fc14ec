// SPDX-License-Identifier: Apache-2.0
// Quantisation with one power-of-two scale per slice along the contraction, and packing into int16 lanes.
//
// A product multiplies pairs of terms. The contraction goes by groups of 8 terms; pair p of a group is the terms
// (p, p + 4), which costs one blend to build and no shuffle, and both operands agree on it. A term past the end
// of the contraction is 0.
//   left panel (4 rows):     rows-packed [group][row][pair][2], columns-packed [group][pair][row][2], 64 bytes a group
//   right panel (16 columns):            [group][pair][column][2], 256 bytes a group
// Scales: up = 2^e, inv = 2^-e, one binary32 per slice.

import { magnitude } from './shared/vector';

/** 1.5 * 2^23: adding it leaves the integer nearest (ties to even) in the low bits of the sum. */
const MAGIC: f32 = 12582912;

// @ts-ignore: decorator
@inline
function quantised(p: usize, inv: v128): v128 {
  return f32x4.add(f32x4.mul(v128.load(p), inv), f32x4.splat(MAGIC));
}

// Low halves of u in the even lanes, of v in the odd ones.
// @ts-ignore: decorator
@inline
function pairs(u: v128, v: v128): v128 {
  return v128.or(v128.and(u, i32x4.splat(0xffff)), i32x4.shl(v, 16));
}

/** Largest magnitude (as bits) of each of `rows` rows of `cols` values; up to the next multiple of 4 rows, 0. ld: elements from row to row. */
export function rowMax(x: usize, ld: i32, rows: i32, cols: i32, out: usize): void {
  for (let r = 0; r < rows; r++, out += 4) {
    let p = x + (<usize>(r * ld) << 2);
    let m0 = i32x4.splat(0), m1 = m0, m2 = m0, m3 = m0;
    let i = 0;
    for (; i + 16 <= cols; i += 16, p += 64) {
      m0 = i32x4.max_s(m0, magnitude(v128.load(p))); m1 = i32x4.max_s(m1, magnitude(v128.load(p, 16)));
      m2 = i32x4.max_s(m2, magnitude(v128.load(p, 32))); m3 = i32x4.max_s(m3, magnitude(v128.load(p, 48)));
    }
    m0 = i32x4.max_s(i32x4.max_s(m0, m1), i32x4.max_s(m2, m3));
    let m = max(max(i32x4.extract_lane(m0, 0), i32x4.extract_lane(m0, 1)), max(i32x4.extract_lane(m0, 2), i32x4.extract_lane(m0, 3)));
    for (; i < cols; i++, p += 4) m = max(m, load<i32>(p) & 0x7fffffff);
    store<i32>(out, m);
  }
  for (let r = rows; r & 3; r++, out += 4) store<i32>(out, 0);
}

/** Largest magnitude (as bits) of each column; up to the next multiple of 16 columns, 0. */
export function colMax(x: usize, ld: i32, rows: i32, cols: i32, out: usize): void {
  const st = <usize>ld << 2, tail = out + (<usize>cols << 2), rest = ((cols + 15) & ~15) - cols;
  for (let c = 0; c < cols; c += 16, x += 64, out += 64) {
    let m0 = i32x4.splat(0), m1 = m0, m2 = m0, m3 = m0, p = x;
    for (let r = 0; r < rows; r++, p += st) {
      m0 = i32x4.max_s(m0, magnitude(v128.load(p))); m1 = i32x4.max_s(m1, magnitude(v128.load(p, 16)));
      m2 = i32x4.max_s(m2, magnitude(v128.load(p, 32))); m3 = i32x4.max_s(m3, magnitude(v128.load(p, 48)));
    }
    v128.store(out, m0); v128.store(out, m1, 16); v128.store(out, m2, 32); v128.store(out, m3, 48);
  }
  memory.fill(tail, 0, <usize>rest << 2);
}

/**
 * From the bits of the largest magnitudes to scales: e = the least integer >= -50 with max <= (2^(bits-1) - 1) * 2^e.
 * A slice of zeros gets 0 for both, which makes its products +0 whatever was packed: that is how slices past the end,
 * whose maxima are 0, stay harmless. n: multiple of 4. Returns the largest magnitude of all (bits): the caller refuses
 * what needs e > 50.
 */
export function scales(maxima: usize, n: i32, bits: i32, up: usize, inv: usize): i32 {
  // (2^(bits-1) - 1) has bits - 2 as exponent and a fraction of ones that ends 25 - bits places above the last
  const carry = i32x4.splat((1 << (25 - bits)) - 1), base = i32x4.splat(127 + bits - 2);
  const low = i32x4.splat(-50), bias = i32x4.splat(127);
  let top = i32x4.splat(0);
  for (const end = maxima + (<usize>n << 2); maxima < end; maxima += 16, up += 16, inv += 16) {
    const m = v128.load(maxima);
    top = i32x4.max_s(top, m);
    const e = i32x4.max_s(low, i32x4.sub(i32x4.shr_u(i32x4.add(m, carry), 23), base));
    const some = i32x4.ne(m, i32x4.splat(0));
    v128.store(up, v128.and(some, i32x4.shl(i32x4.add(bias, e), 23)));
    v128.store(inv, v128.and(some, i32x4.shl(i32x4.sub(bias, e), 23)));
  }
  return max(max(i32x4.extract_lane(top, 0), i32x4.extract_lane(top, 1)), max(i32x4.extract_lane(top, 2), i32x4.extract_lane(top, 3)));
}

// Copies `n` < 8 values and fills up with zeros, so that the last group is packed like any other.
// @ts-ignore: decorator
@inline
function staged(p: usize, n: i32, scratch: usize): void {
  v128.store(scratch, i32x4.splat(0)); v128.store(scratch, i32x4.splat(0), 16);
  memory.copy(scratch, p, <usize>n << 2);
}

// Probabilities in units of 2^-7: round-half-even(128 p), at most 127.
// @ts-ignore: decorator
@inline
function units(p: usize): v128 {
  return f32x4.add(f32x4.min(f32x4.mul(v128.load(p), f32x4.splat(128)), f32x4.splat(127)), f32x4.splat(MAGIC));
}

/** Left operand from rows of probabilities (contraction along the row), rows rounded up to 4 with what lies there. scratch: 32 bytes. */
export function packUnitRows(x: usize, ld: i32, rows: i32, terms: i32, a: usize, scratch: usize): void {
  const groups = (terms + 7) >> 3, whole = terms >> 3;
  for (let r = 0; r < rows; r++) {
    let p = x + (<usize>(r * ld) << 2), q = a + (<usize>((r >> 2) * groups) << 6) + (<usize>(r & 3) << 4);
    for (const end = q + (<usize>whole << 6); q < end; p += 32, q += 64) v128.store(q, pairs(units(p), units(p + 16)));
    if (whole < groups) {
      staged(p, terms & 7, scratch);
      v128.store(q, pairs(units(scratch), units(scratch + 16)));
    }
  }
}

/** Left operand from columns of probabilities (contraction down the column), columns rounded up to 4. */
export function packUnitCols(x: usize, ld: i32, terms: i32, cols: i32, a: usize): void {
  const groups = (terms + 7) >> 3, st = <usize>ld << 2;
  for (let c = 0; c < cols; c += 4, x += 16) {
    for (let t = 0; t < groups << 2; t++, a += 16) {
      const k = ((t >> 2) << 3) + (t & 3);
      const u = k < terms ? units(x + <usize>k * st) : i32x4.splat(0);
      const v = k + 4 < terms ? units(x + <usize>(k + 4) * st) : i32x4.splat(0);
      v128.store(a, pairs(u, v));
    }
  }
}

/** Left operand from rows of X (contraction along the row), rows rounded up to 4 with zeros. scratch: 32 bytes. */
export function packRows(x: usize, ld: i32, rows: i32, terms: i32, inv: usize, a: usize, scratch: usize): void {
  const groups = (terms + 7) >> 3, whole = terms >> 3;
  for (let r = 0; r < rows; r++) {
    let p = x + (<usize>(r * ld) << 2), q = a + (<usize>((r >> 2) * groups) << 6) + (<usize>(r & 3) << 4);
    const s = v128.load32_splat(inv + (<usize>r << 2));
    for (const end = q + (<usize>whole << 6); q < end; p += 32, q += 64) v128.store(q, octet(p, s));
    if (whole < groups) {
      staged(p, terms & 7, scratch);
      v128.store(q, octet(scratch, s));
    }
  }
  for (let r = rows; r & 3; r++) {
    const q = a + (<usize>((r >> 2) * groups) << 6) + (<usize>(r & 3) << 4);
    for (let g = 0; g < groups; g++) v128.store(q + (<usize>g << 6), i32x4.splat(0));
  }
}

/** Left operand from columns of X (contraction down the column), columns rounded up to 16: panels [cols / 4]. */
export function packCols(x: usize, ld: i32, terms: i32, cols: i32, inv: usize, a: usize): void {
  const groups = (terms + 7) >> 3, st = <usize>ld << 2, panel = <usize>groups << 6;
  for (let c = 0; c < cols; c += 16, x += 64, inv += 64) {
    const s0 = v128.load(inv), s1 = v128.load(inv, 16), s2 = v128.load(inv, 32), s3 = v128.load(inv, 48);
    let q = a + <usize>(c >> 2) * panel;
    for (let t = 0; t < groups << 2; t++, q += 16) {
      const k = ((t >> 2) << 3) + (t & 3);
      let u0 = i32x4.splat(0), u1 = u0, u2 = u0, u3 = u0, v0 = u0, v1 = u0, v2 = u0, v3 = u0;
      if (k < terms) {
        const p = x + <usize>k * st;
        u0 = quantised(p, s0); u1 = quantised(p + 16, s1); u2 = quantised(p + 32, s2); u3 = quantised(p + 48, s3);
      }
      if (k + 4 < terms) {
        const p = x + <usize>(k + 4) * st;
        v0 = quantised(p, s0); v1 = quantised(p + 16, s1); v2 = quantised(p + 32, s2); v3 = quantised(p + 48, s3);
      }
      v128.store(q, pairs(u0, v0)); v128.store(q + panel, pairs(u1, v1));
      v128.store(q + 2 * panel, pairs(u2, v2)); v128.store(q + 3 * panel, pairs(u3, v3));
    }
  }
}

/** Right operand from columns of X (contraction down the column), columns rounded up to 16. */
export function packRight(x: usize, ld: i32, terms: i32, cols: i32, inv: usize, b: usize): void {
  const groups = (terms + 7) >> 3, st = <usize>ld << 2;
  for (let c = 0; c < cols; c += 16, x += 64, inv += 64) {
    const s0 = v128.load(inv), s1 = v128.load(inv, 16), s2 = v128.load(inv, 32), s3 = v128.load(inv, 48);
    for (let t = 0; t < groups << 2; t++, b += 64) {
      const k = ((t >> 2) << 3) + (t & 3);
      let u0 = i32x4.splat(0), u1 = u0, u2 = u0, u3 = u0, v0 = u0, v1 = u0, v2 = u0, v3 = u0;
      if (k < terms) {
        const p = x + <usize>k * st;
        u0 = quantised(p, s0); u1 = quantised(p + 16, s1); u2 = quantised(p + 32, s2); u3 = quantised(p + 48, s3);
      }
      if (k + 4 < terms) {
        const p = x + <usize>(k + 4) * st;
        v0 = quantised(p, s0); v1 = quantised(p + 16, s1); v2 = quantised(p + 32, s2); v3 = quantised(p + 48, s3);
      }
      v128.store(b, pairs(u0, v0)); v128.store(b, pairs(u1, v1), 16);
      v128.store(b, pairs(u2, v2), 32); v128.store(b, pairs(u3, v3), 48);
    }
  }
}

// Four vectors of four pairs (one row each) to four vectors of four rows (one pair each), 64 bytes apart.
// @ts-ignore: decorator
@inline
function transposed(a: v128, b: v128, c: v128, d: v128, q: usize): void {
  const x = i32x4.shuffle(a, b, 0, 4, 1, 5), y = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const z = i32x4.shuffle(a, b, 2, 6, 3, 7), w = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(q, i64x2.shuffle(x, y, 0, 2)); v128.store(q, i64x2.shuffle(x, y, 1, 3), 64);
  v128.store(q, i64x2.shuffle(z, w, 0, 2), 128); v128.store(q, i64x2.shuffle(z, w, 1, 3), 192);
}

/** Right operand from rows of X (contraction along the row), rows rounded up to 16 with zeros. scratch: 32 bytes. */
export function packRightRows(x: usize, ld: i32, rows: i32, terms: i32, inv: usize, b: usize, scratch: usize): void {
  const groups = (terms + 7) >> 3, whole = terms >> 3, st = <usize>ld << 2;
  const rounded = (rows + 15) & ~15;
  for (let r = 0; r < rounded; r += 4, inv += 16) {
    let q = b + (<usize>((r >> 4) * groups) << 8) + (<usize>(r & 15) << 2), p = x + (<usize>(r * ld) << 2), g = 0;
    const s0 = v128.load32_splat(inv), s1 = v128.load32_splat(inv, 4), s2 = v128.load32_splat(inv, 8), s3 = v128.load32_splat(inv, 12);
    if (r + 4 <= rows) {
      for (; g < whole; g++, p += 32, q += 256)
        transposed(octet(p, s0), octet(p + st, s1), octet(p + 2 * st, s2), octet(p + 3 * st, s3), q);
    }
    for (; g < groups; g++, p += 32, q += 256) {
      let v0 = i32x4.splat(0), v1 = v0, v2 = v0, v3 = v0;
      const n = terms - (g << 3);
      if (r < rows) v0 = group(p, n, s0, scratch);
      if (r + 1 < rows) v1 = group(p + st, n, s1, scratch);
      if (r + 2 < rows) v2 = group(p + 2 * st, n, s2, scratch);
      if (r + 3 < rows) v3 = group(p + 3 * st, n, s3, scratch);
      transposed(v0, v1, v2, v3, q);
    }
  }
}

// @ts-ignore: decorator
@inline
function octet(p: usize, s: v128): v128 {
  return pairs(quantised(p, s), quantised(p + 16, s));
}

// @ts-ignore: decorator
@inline
function group(p: usize, n: i32, s: v128, scratch: usize): v128 {
  if (n < 8) {
    staged(p, n, scratch);
    p = scratch;
  }
  return octet(p, s);
}
