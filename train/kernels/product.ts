// SPDX-License-Identifier: Apache-2.0
// The integer product. Left panels hold 4 rows, right panels 16 columns; the contraction goes by groups of 8 terms
// (pack.ts says how a group lies in memory), at most 128 groups = 1,024 terms to a chunk, so that a total of
// 14-bit by 8-bit products stays below 2^31. Two adjacent vectors always do the same work and end in adjacent
// stores: that is what V8's revectoriser fuses into one 256-bit register.

import { LOWER, storeSums } from './shared/tile';

// @ts-ignore: decorator
@inline
function mac(c: v128, s: v128, b: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(s, b));
}

// One vector of totals: convert (one rounding), scale by the product of two powers of two (exact).
// @ts-ignore: decorator
@inline
function scaled(c: v128, row: v128, cols: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(c), f32x4.mul(row, cols));
}

// @ts-ignore: decorator
@inline
function storeRow(p: usize, row: v128, ub: usize, c0: v128, c1: v128, c2: v128, c3: v128, mode: i32): void {
  const y0 = scaled(c0, row, v128.load(ub)), y1 = scaled(c1, row, v128.load(ub, 16));
  const y2 = scaled(c2, row, v128.load(ub, 32)), y3 = scaled(c3, row, v128.load(ub, 48));
  storeSums(p, y0, y1, y2, y3, mode);
}

// rs, ps: bytes from row to row and from pair to pair within a group of the left panel.
// @ts-ignore: decorator
@inline
function tile(pa: usize, pb: usize, groups: i32, p: usize, st: usize, ua: usize, ub: usize, rs: usize, ps: usize, mode: i32): void {
  let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let c0 = a0, c1 = a0, c2 = a0, c3 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0;
  for (const end = pa + (<usize>groups << 6); pa < end; pa += 64)
    for (let q: usize = 0; q < 4; q++, pb += 64) {
      const x0 = v128.load(pb), x1 = v128.load(pb, 16), x2 = v128.load(pb, 32), x3 = v128.load(pb, 48);
      let s = v128.load32_splat(pa + q * ps);
      a0 = mac(a0, s, x0); a1 = mac(a1, s, x1); a2 = mac(a2, s, x2); a3 = mac(a3, s, x3);
      s = v128.load32_splat(pa + q * ps + rs);
      b0 = mac(b0, s, x0); b1 = mac(b1, s, x1); b2 = mac(b2, s, x2); b3 = mac(b3, s, x3);
      s = v128.load32_splat(pa + q * ps + 2 * rs);
      c0 = mac(c0, s, x0); c1 = mac(c1, s, x1); c2 = mac(c2, s, x2); c3 = mac(c3, s, x3);
      s = v128.load32_splat(pa + q * ps + 3 * rs);
      d0 = mac(d0, s, x0); d1 = mac(d1, s, x1); d2 = mac(d2, s, x2); d3 = mac(d3, s, x3);
    }
  storeRow(p, v128.load32_splat(ua), ub, a0, a1, a2, a3, mode);
  storeRow(p + st, v128.load32_splat(ua, 4), ub, b0, b1, b2, b3, mode);
  storeRow(p + 2 * st, v128.load32_splat(ua, 8), ub, c0, c1, c2, c3, mode);
  storeRow(p + 3 * st, v128.load32_splat(ua, 12), ub, d0, d1, d2, d3, mode);
}

// @ts-ignore: decorator
@inline
function product(a: usize, b: usize, c: usize, ua: usize, ub: usize, rows: i32, cols: i32, groups: i32, at: i32, n: i32, ldc: i32, rs: usize, ps: usize, mode: i32): void {
  const st = <usize>ldc << 2, stepA = <usize>groups << 6, stepB = <usize>groups << 8;
  a += <usize>at << 6; b += <usize>at << 8;
  for (let j = 0; j < cols; j += 16, b += stepB) {
    const first = mode & LOWER ? j : 0;
    let pa = a + <usize>(first >> 2) * stepA;
    for (let i = first; i < rows; i += 4, pa += stepA)
      tile(pa, b, n, c + (<usize>(i * ldc + j) << 2), st, ua + (<usize>i << 2), ub + (<usize>j << 2), rs, ps, mode);
  }
}

/**
 * C[rows, cols] (+)= A . B for the groups at..at+n-1 of `groups`. rows: multiple of 4; cols: multiple of 16;
 * ua, ub: 2^e of each row of A and each column of B. A packed along its rows.
 */
export function productRows(a: usize, b: usize, c: usize, ua: usize, ub: usize, rows: i32, cols: i32, groups: i32, at: i32, n: i32, ldc: i32, mode: i32): void {
  product(a, b, c, ua, ub, rows, cols, groups, at, n, ldc, 16, 4, mode);
}

/** The same for A packed along its columns. */
export function productCols(a: usize, b: usize, c: usize, ua: usize, ub: usize, rows: i32, cols: i32, groups: i32, at: i32, n: i32, ldc: i32, mode: i32): void {
  product(a, b, c, ua, ub, rows, cols, groups, at, n, ldc, 4, 16, mode);
}
