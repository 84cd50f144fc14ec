// SPDX-License-Identifier: Apache-2.0
// Element-wise passes over row-major matrices without gaps. Those that can leave the finite numbers return the largest
// magnitude (bits) that they met; f(y) < 2^-60 becomes +0 in all.

import { flushed, lanes, largest, magnitude, storeFew } from './shared/vector';

/** out[r][c] = x[r][c] + b[c], `rows` rows of `cols`. */
export function addBias(x: usize, b: usize, out: usize, rows: i32, cols: i32): i32 {
  let top = i32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    let c = 0, q = b;
    for (; c + 4 <= cols; c += 4, q += 16, x += 16, out += 16) {
      const y = flushed(f32x4.add(v128.load(x), v128.load(q)));
      top = i32x4.max_s(top, magnitude(y));
      v128.store(out, y);
    }
    if (c < cols) {
      const y = v128.and(flushed(f32x4.add(v128.load(x), v128.load(q))), lanes(cols - c));
      top = i32x4.max_s(top, magnitude(y));
      storeFew(out, y, cols - c);
      x += <usize>(cols - c) << 2; out += <usize>(cols - c) << 2;
    }
  }
  return largest(top);
}

/** out = on > 0 ? value : +0. Counts values that are not selected as well. */
export function select(on: usize, value: usize, out: usize, n: i32): i32 {
  const zero = f32x4.splat(0);
  let top = i32x4.splat(0);
  for (; n >= 4; n -= 4, on += 16, value += 16, out += 16) {
    const v = v128.load(value);
    top = i32x4.max_s(top, magnitude(v));
    v128.store(out, v128.and(v, f32x4.gt(v128.load(on), zero)));
  }
  if (n > 0) {
    const v = v128.and(v128.load(value), lanes(n));
    top = i32x4.max_s(top, magnitude(v));
    storeFew(out, v128.and(v, f32x4.gt(v128.load(on), zero)), n);
  }
  return largest(top);
}

/** out = x + y. */
export function add(x: usize, y: usize, out: usize, n: i32): i32 {
  let top = i32x4.splat(0);
  for (; n >= 4; n -= 4, x += 16, y += 16, out += 16) {
    const v = flushed(f32x4.add(v128.load(x), v128.load(y)));
    top = i32x4.max_s(top, magnitude(v));
    v128.store(out, v);
  }
  if (n > 0) {
    const v = v128.and(flushed(f32x4.add(v128.load(x), v128.load(y))), lanes(n));
    top = i32x4.max_s(top, magnitude(v));
    storeFew(out, v, n);
  }
  return largest(top);
}

/** out = h * h, h = x > 0 ? x : +0. */
export function squaredRelu(x: usize, out: usize, n: i32): i32 {
  const zero = f32x4.splat(0);
  let top = i32x4.splat(0);
  for (; n >= 4; n -= 4, x += 16, out += 16) {
    const h = f32x4.pmax(zero, v128.load(x)), y = flushed(f32x4.mul(h, h));
    top = i32x4.max_s(top, magnitude(y));
    v128.store(out, y);
  }
  if (n > 0) {
    const h = v128.and(f32x4.pmax(zero, v128.load(x)), lanes(n)), y = flushed(f32x4.mul(h, h));
    top = i32x4.max_s(top, magnitude(y));
    storeFew(out, y, n);
  }
  return largest(top);
}

/** out = x > 0 ? (x + x) * dy : +0. */
export function squaredReluGrad(x: usize, dy: usize, out: usize, n: i32): i32 {
  const zero = f32x4.splat(0);
  let top = i32x4.splat(0);
  for (; n >= 4; n -= 4, x += 16, dy += 16, out += 16) {
    const v = v128.load(x), y = v128.and(flushed(f32x4.mul(f32x4.add(v, v), v128.load(dy))), f32x4.gt(v, zero));
    top = i32x4.max_s(top, magnitude(y));
    v128.store(out, y);
  }
  if (n > 0) {
    const v = v128.and(v128.load(x), lanes(n)), y = v128.and(flushed(f32x4.mul(f32x4.add(v, v), v128.load(dy))), f32x4.gt(v, zero));
    top = i32x4.max_s(top, magnitude(y));
    storeFew(out, y, n);
  }
  return largest(top);
}

/** Largest magnitude (bits) of n values. */
export function largestOf(x: usize, n: i32): i32 {
  let top = i32x4.splat(0);
  for (; n >= 4; n -= 4, x += 16) top = i32x4.max_s(top, magnitude(v128.load(x)));
  return largest(i32x4.max_s(top, v128.and(magnitude(v128.load(x)), lanes(n))));
}

/** Copies `rows` rows of `cols` values; ldFrom, ldTo: elements from row to row. */
export function copyRows(from: usize, ldFrom: i32, rows: i32, cols: i32, to: usize, ldTo: i32): void {
  for (let r = 0; r < rows; r++, from += <usize>ldFrom << 2, to += <usize>ldTo << 2) memory.copy(to, from, <usize>cols << 2);
}

/**
 * out[c] = sum over r of Q(x)[r][c] in chunks of 1,024 rows. cols: multiple of 4, or as many values behind x as make it
 * one; up, inv: scales of the columns; out likewise rounded up.
 */
export function sumCols(x: usize, ld: i32, rows: i32, cols: i32, up: usize, inv: usize, out: usize): void {
  const st = <usize>ld << 2, magic = f32x4.splat(12582912);
  for (let c = 0; c < cols; c += 4, x += 16, up += 16, inv += 16, out += 16) {
    const scale = v128.load(up), down = v128.load(inv);
    let sum = f32x4.splat(0), p = x;
    for (let from = 0; from < rows; from += 1024) {
      let total = i32x4.splat(0);
      for (let r = from, to = min(from + 1024, rows); r < to; r++, p += st)
        total = i32x4.add(total, i32x4.sub(f32x4.add(f32x4.mul(v128.load(p), down), magic), magic));
      const value = f32x4.mul(f32x4.convert_i32x4_s(total), scale);
      sum = from == 0 ? value : f32x4.add(sum, value);
    }
    if (c + 4 <= cols) v128.store(out, flushed(sum));
    else storeFew(out, flushed(sum), cols - c);
  }
}
