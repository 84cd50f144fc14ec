// SPDX-License-Identifier: Apache-2.0
// Products of two 8-bit operands, four terms to a lane, where the engine's relaxed dot product of 8-bit integers is the
// processor's own of unsigned and signed bytes, without saturation: narrowIsExact in wasm-module.ts asks it before use.
// The left operand is stored as q + 128; 128 times the sum of the right one's column is taken off each total.
//   left panel (4 rows):     [group][row][term], 32 bytes a group of 8 terms
//   right panel (16 columns): [group][four terms][column][term], 128 bytes a group

import { quarter } from './shared/bytes';
import { LOWER, storeSums } from './shared/tile';

const MAGIC: f32 = 12582912;
const MAGIC_BITS: i32 = 0x4b400000;

// @ts-ignore: decorator
@inline
function mantissas(p: usize, inv: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(v128.load(p), inv), f32x4.splat(MAGIC)), i32x4.splat(MAGIC_BITS));
}

// @ts-ignore: decorator
@inline
function units(p: usize): v128 {
  return i32x4.sub(f32x4.add(f32x4.min(f32x4.mul(v128.load(p), f32x4.splat(128)), f32x4.splat(127)), f32x4.splat(MAGIC)), i32x4.splat(MAGIC_BITS));
}

// @ts-ignore: decorator
@inline
function bytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

// 16 terms of a row. kind 1: probabilities in units of 2^-7.
// @ts-ignore: decorator
@inline
function sixteen(p: usize, s: v128, kind: i32): v128 {
  return kind == 1 ? bytes(units(p), units(p + 16), units(p + 32), units(p + 48)) : bytes(mantissas(p, s), mantissas(p + 16, s), mantissas(p + 32, s), mantissas(p + 48, s));
}

// The last n < 16 terms of a row, zeros behind them. scratch: 64 bytes.
// @ts-ignore: decorator
@inline
function last(p: usize, n: i32, s: v128, kind: i32, scratch: usize): v128 {
  memory.fill(scratch, 0, 64);
  memory.copy(scratch, p, <usize>n << 2);
  return sixteen(scratch, s, kind);
}

// @ts-ignore: decorator
@inline
function lines(x: usize, ld: i32, rows: i32, terms: i32, inv: usize, a: usize, scratch: usize, kind: i32): void {
  const groups = (terms + 7) >> 3, sign = i8x16.splat(-128);
  for (let r = 0; r < ((rows + 3) & ~3); r++) {
    let p = x + (<usize>(r * ld) << 2), q = a + (<usize>((r >> 2) * groups) << 5) + (<usize>(r & 3) << 3);
    const s = kind == 1 || r >= rows ? i32x4.splat(0) : v128.load32_splat(inv + (<usize>r << 2));
    let n = terms;
    for (; n > 0; n -= 16, p += 64, q += 64) {
      const v = r >= rows ? sign : v128.xor(n >= 16 ? sixteen(p, s, kind) : last(p, n, s, kind, scratch), sign);
      v128.store64_lane(q, v, 0);
      if (n > 8) v128.store64_lane(q, v, 1, 32);
    }
  }
}

/** Left operand from rows of X, rows rounded up to 4 with zeros. scratch: 64 bytes. */
export function packNarrowRows(x: usize, ld: i32, rows: i32, terms: i32, inv: usize, a: usize, scratch: usize): void {
  lines(x, ld, rows, terms, inv, a, scratch, 0);
}

/** The same from rows of probabilities. */
export function packNarrowUnitRows(x: usize, ld: i32, rows: i32, terms: i32, a: usize, scratch: usize): void {
  lines(x, ld, rows, terms, 0, a, scratch, 1);
}

/** The same from samples of input bytes; mul: as byteRowScales has it. scratch: 8 bytes. */
export function packNarrowByteRows(x: usize, stride: i32, rows: i32, terms: i32, mul: usize, a: usize, scratch: usize): void {
  const groups = (terms + 7) >> 3, sign = i8x16.splat(-128);
  for (let r = 0; r < ((rows + 3) & ~3); r++, mul += 2) {
    let q = a + (<usize>((r >> 2) * groups) << 5) + (<usize>(r & 3) << 3), p = x + <usize>(r * stride);
    for (let n = terms; n > 0; n -= 8, p += 8, q += 32) {
      let from = p;
      if (n < 8) {
        store<u64>(scratch, 0);
        memory.copy(scratch, p, n);
        from = scratch;
      }
      const t = r < rows ? quarter(i16x8.mul(v128.load8x8_u(from), v128.load16_splat(mul))) : i16x8.splat(0);
      v128.store64_lane(q, v128.xor(i8x16.narrow_i16x8_s(t, t), sign), 0);
    }
  }
}

// Four rows of four words to four vectors of one word of each row, 64 bytes apart.
// @ts-ignore: decorator
@inline
function transposed(a: v128, b: v128, c: v128, d: v128, q: usize, more: bool): void {
  const x = i32x4.shuffle(a, b, 0, 4, 1, 5), y = i32x4.shuffle(c, d, 0, 4, 1, 5);
  v128.store(q, i64x2.shuffle(x, y, 0, 2)); v128.store(q, i64x2.shuffle(x, y, 1, 3), 64);
  if (more) {
    const z = i32x4.shuffle(a, b, 2, 6, 3, 7), w = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(q, i64x2.shuffle(z, w, 0, 2), 128); v128.store(q, i64x2.shuffle(z, w, 1, 3), 192);
  }
}

/** Right operand from rows of X, rows rounded up to 16 with zeros. scratch: 64 bytes. */
export function packNarrowRightRows(x: usize, ld: i32, rows: i32, terms: i32, inv: usize, b: usize, scratch: usize): void {
  const groups = (terms + 7) >> 3, st = <usize>ld << 2;
  for (let r = 0; r < ((rows + 15) & ~15); r += 4, inv += 16) {
    let q = b + (<usize>((r >> 4) * groups) << 7) + (<usize>(r & 15) << 2), p = x + (<usize>(r * ld) << 2), n = terms;
    const s0 = v128.load32_splat(inv), s1 = v128.load32_splat(inv, 4), s2 = v128.load32_splat(inv, 8), s3 = v128.load32_splat(inv, 12);
    if (r + 4 <= rows)
      for (; n >= 16; n -= 16, p += 64, q += 256)
        transposed(sixteen(p, s0, 0), sixteen(p + st, s1, 0), sixteen(p + 2 * st, s2, 0), sixteen(p + 3 * st, s3, 0), q, true);
    for (; n > 0; n -= 16, p += 64, q += 256) {
      const m = min(n, 16);
      let v0 = i32x4.splat(0), v1 = v0, v2 = v0, v3 = v0;
      if (r < rows) v0 = last(p, m, s0, 0, scratch);
      if (r + 1 < rows) v1 = last(p + st, m, s1, 0, scratch);
      if (r + 2 < rows) v2 = last(p + 2 * st, m, s2, 0, scratch);
      if (r + 3 < rows) v3 = last(p + 3 * st, m, s3, 0, scratch);
      transposed(v0, v1, v2, v3, q, n > 8);
    }
  }
}

// Terms k..k+3 of four columns, a byte each.
// @ts-ignore: decorator
@inline
function column(x: usize, st: usize, k: i32, terms: i32, s: v128): v128 {
  const low = i32x4.splat(255), p = x + <usize>k * st;
  let y = i32x4.splat(0);
  if (k < terms) y = v128.and(mantissas(p, s), low);
  if (k + 1 < terms) y = v128.or(y, i32x4.shl(v128.and(mantissas(p + st, s), low), 8));
  if (k + 2 < terms) y = v128.or(y, i32x4.shl(v128.and(mantissas(p + 2 * st, s), low), 16));
  if (k + 3 < terms) y = v128.or(y, i32x4.shl(mantissas(p + 3 * st, s), 24));
  return y;
}

/** Right operand from columns of X, columns rounded up to 16. */
export function packNarrowRight(x: usize, ld: i32, terms: i32, cols: i32, inv: usize, b: usize): void {
  const fours = ((terms + 7) >> 3) << 1, st = <usize>ld << 2;
  for (let c = 0; c < cols; c += 16, x += 64, inv += 64) {
    const s0 = v128.load(inv), s1 = v128.load(inv, 16), s2 = v128.load(inv, 32), s3 = v128.load(inv, 48);
    for (let t = 0; t < fours; t++, b += 64) {
      const k = t << 2;
      v128.store(b, column(x, st, k, terms, s0)); v128.store(b, column(x + 16, st, k, terms, s1), 16);
      v128.store(b, column(x + 32, st, k, terms, s2), 32); v128.store(b, column(x + 48, st, k, terms, s3), 48);
    }
  }
}

// @ts-ignore: decorator
@inline
function mac(c: v128, s: v128, b: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(b, s, c);
}

// @ts-ignore: decorator
@inline
function scaled(c: v128, less: v128, row: v128, cols: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(c, less)), f32x4.mul(row, cols));
}

// @ts-ignore: decorator
@inline
function storeRow(p: usize, row: v128, ub: usize, less: usize, c0: v128, c1: v128, c2: v128, c3: v128, mode: i32): void {
  const y0 = scaled(c0, v128.load(less), row, v128.load(ub)), y1 = scaled(c1, v128.load(less, 16), row, v128.load(ub, 16));
  const y2 = scaled(c2, v128.load(less, 32), row, v128.load(ub, 32)), y3 = scaled(c3, v128.load(less, 48), row, v128.load(ub, 48));
  storeSums(p, y0, y1, y2, y3, mode);
}

// 128 times the sums of a panel's columns.
// @ts-ignore: decorator
@inline
function sums(pb: usize, groups: i32, to: usize): void {
  let c0 = i32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  const s = i8x16.splat(-128);
  for (const end = pb + (<usize>groups << 7); pb < end; pb += 64) {
    c0 = mac(c0, s, v128.load(pb)); c1 = mac(c1, s, v128.load(pb, 16)); c2 = mac(c2, s, v128.load(pb, 32)); c3 = mac(c3, s, v128.load(pb, 48));
  }
  v128.store(to, c0); v128.store(to, c1, 16); v128.store(to, c2, 32); v128.store(to, c3, 48);
}

// @ts-ignore: decorator
@inline
function tile(pa: usize, pb: usize, groups: i32, p: usize, st: usize, ua: usize, ub: usize, less: usize, mode: i32): void {
  let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let c0 = a0, c1 = a0, c2 = a0, c3 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0;
  for (const end = pa + (<usize>groups << 5); pa < end; pa += 32)
    for (let q: usize = 0; q < 8; q += 4, pb += 64) {
      const x0 = v128.load(pb), x1 = v128.load(pb, 16), x2 = v128.load(pb, 32), x3 = v128.load(pb, 48);
      let s = v128.load32_splat(pa + q);
      a0 = mac(a0, s, x0); a1 = mac(a1, s, x1); a2 = mac(a2, s, x2); a3 = mac(a3, s, x3);
      s = v128.load32_splat(pa + q, 8);
      b0 = mac(b0, s, x0); b1 = mac(b1, s, x1); b2 = mac(b2, s, x2); b3 = mac(b3, s, x3);
      s = v128.load32_splat(pa + q, 16);
      c0 = mac(c0, s, x0); c1 = mac(c1, s, x1); c2 = mac(c2, s, x2); c3 = mac(c3, s, x3);
      s = v128.load32_splat(pa + q, 24);
      d0 = mac(d0, s, x0); d1 = mac(d1, s, x1); d2 = mac(d2, s, x2); d3 = mac(d3, s, x3);
    }
  storeRow(p, v128.load32_splat(ua), ub, less, a0, a1, a2, a3, mode);
  storeRow(p + st, v128.load32_splat(ua, 4), ub, less, b0, b1, b2, b3, mode);
  storeRow(p + 2 * st, v128.load32_splat(ua, 8), ub, less, c0, c1, c2, c3, mode);
  storeRow(p + 3 * st, v128.load32_splat(ua, 12), ub, less, d0, d1, d2, d3, mode);
}

/** As productRows in product.ts, for operands packed here. scratch: 64 bytes. */
export function productNarrow(a: usize, b: usize, c: usize, ua: usize, ub: usize, rows: i32, cols: i32, groups: i32, at: i32, n: i32, ldc: i32, mode: i32, scratch: usize): void {
  const st = <usize>ldc << 2, stepA = <usize>groups << 5, stepB = <usize>groups << 7;
  a += <usize>at << 5; b += <usize>at << 7;
  for (let j = 0; j < cols; j += 16, b += stepB) {
    const first = mode & LOWER ? j : 0;
    if (first >= rows) break;
    sums(b, n, scratch);
    let pa = a + <usize>(first >> 2) * stepA;
    for (let i = first; i < rows; i += 4, pa += stepA)
      tile(pa, b, n, c + (<usize>(i * ldc + j) << 2), st, ua + (<usize>i << 2), ub + (<usize>j << 2), scratch, mode);
  }
}
