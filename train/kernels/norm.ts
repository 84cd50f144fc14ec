// SPDX-License-Identifier: Apache-2.0
// RMSNorm and its gradients, row by row; scratch: a row. Results are 0, or 1 where a scale, a mean square or an output
// leaves what is allowed.

import { flushed, INFINITE, lanes, largest, LIMIT_14, LIMIT_8, magnitude, storeFew } from './shared/vector';

const EPSILON: u32 = 0x3727c5ac;

// @ts-ignore: decorator
@inline
function rowMagnitude(x: usize, n: i32): i32 {
  let m = i32x4.splat(0);
  for (; n >= 4; n -= 4, x += 16) m = i32x4.max_s(m, magnitude(v128.load(x)));
  return largest(i32x4.max_s(m, v128.and(magnitude(v128.load(x)), lanes(n))));
}

// @ts-ignore: decorator
@inline
function exponent(top: i32, bits: i32): i32 {
  return max(-50, ((top + (1 << (25 - bits)) - 1) >> 23) - (127 + bits - 2));
}

// @ts-ignore: decorator
@inline
function pow2(e: i32): f32 {
  return reinterpret<f32>((e + 127) << 23);
}

// @ts-ignore: decorator
@inline
function mantissas(p: usize, inv: v128): v128 {
  const magic = f32x4.splat(12582912);
  return i32x4.sub(f32x4.add(f32x4.mul(v128.load(p), inv), magic), magic);
}

// Dot product of two rows' mantissas in chunks of 1,024, scaled.
// @ts-ignore: decorator
@inline
function dot(x: usize, ix: v128, y: usize, iy: v128, n: i32, up: f32): f32 {
  let sum: f32 = 0;
  for (let from = 0; from < n; from += 1024) {
    const to = min(from + 1024, n);
    let total = i32x4.splat(0), c = from;
    for (; c + 4 <= to; c += 4) total = i32x4.add(total, i32x4.mul(mantissas(x + (<usize>c << 2), ix), mantissas(y + (<usize>c << 2), iy)));
    if (c < to) total = i32x4.add(total, v128.and(i32x4.mul(mantissas(x + (<usize>c << 2), ix), mantissas(y + (<usize>c << 2), iy)), lanes(to - c)));
    const t = i32x4.add(total, i32x4.shuffle(total, total, 2, 3, 0, 1));
    const value = <f32>(i32x4.extract_lane(t, 0) + i32x4.extract_lane(t, 1)) * up;
    sum = from == 0 ? value : sum + value;
  }
  return sum;
}

/** inverse = 1 / sqrt(mean square of Q8(x) + 1e-5); out = (x * inverse) * g. share: 1 / cols. */
export function norm(x: usize, g: usize, inverse: usize, out: usize, rows: i32, cols: i32, share: f32): i32 {
  const st = <usize>cols << 2;
  let top = i32x4.splat(0);
  for (let r = 0; r < rows; r++, x += st, out += st, inverse += 4) {
    const m = rowMagnitude(x, cols);
    if (m > LIMIT_8) return 1;
    const e = exponent(m, 8), inv = f32x4.splat(pow2(-e));
    const mean = dot(x, inv, x, inv, cols, pow2(e + e)) * share;
    if (!(mean < Infinity)) return 1;
    const scale: f32 = 1 / sqrt<f32>(mean + reinterpret<f32>(EPSILON)), s = f32x4.splat(scale);
    store<f32>(inverse, scale);
    let c: i32 = 0;
    for (; c + 4 <= cols; c += 4) {
      const at = <usize>c << 2, y = flushed(f32x4.mul(f32x4.mul(v128.load(x + at), s), v128.load(g + at)));
      top = i32x4.max_s(top, magnitude(y));
      v128.store(out + at, y);
    }
    if (c < cols) {
      const at = <usize>c << 2, y = v128.and(flushed(f32x4.mul(f32x4.mul(v128.load(x + at), s), v128.load(g + at))), lanes(cols - c));
      top = i32x4.max_s(top, magnitude(y));
      storeFew(out + at, y, cols - c);
    }
  }
  return <i32>(largest(top) >= INFINITE);
}

/** d = g * dy; k = inverse^3 * mean of Q8(x) Q14(d); out = d * inverse - x * k. */
export function normInputGrad(x: usize, g: usize, inverse: usize, dy: usize, out: usize, rows: i32, cols: i32, share: f32, scratch: usize): i32 {
  const st = <usize>cols << 2;
  let top = i32x4.splat(0);
  for (let r = 0; r < rows; r++, x += st, dy += st, out += st, inverse += 4) {
    for (let at: usize = 0; at < st; at += 16) v128.store(scratch + at, flushed(f32x4.mul(v128.load(g + at), v128.load(dy + at))));
    const mx = rowMagnitude(x, cols), md = rowMagnitude(scratch, cols);
    if (mx > LIMIT_8 || md > LIMIT_14) return 1;
    const ex = exponent(mx, 8), ed = exponent(md, 14);
    const mean = dot(x, f32x4.splat(pow2(-ex)), scratch, f32x4.splat(pow2(-ed)), cols, pow2(ex + ed)) * share;
    const scale = load<f32>(inverse), s = f32x4.splat(scale), k = f32x4.splat(((scale * scale) * scale) * mean);
    let c: i32 = 0;
    for (; c + 4 <= cols; c += 4) {
      const at = <usize>c << 2, y = flushed(f32x4.sub(f32x4.mul(v128.load(scratch + at), s), f32x4.mul(v128.load(x + at), k)));
      top = i32x4.max_s(top, magnitude(y));
      v128.store(out + at, y);
    }
    if (c < cols) {
      const at = <usize>c << 2, y = v128.and(flushed(f32x4.sub(f32x4.mul(v128.load(scratch + at), s), f32x4.mul(v128.load(x + at), k))), lanes(cols - c));
      top = i32x4.max_s(top, magnitude(y));
      storeFew(out + at, y, cols - c);
    }
  }
  return <i32>(largest(top) >= INFINITE);
}

/** Largest magnitudes (bits) of the columns of x * inverse (flushed), for `cols` columns rounded up to 4; 0 past the end. */
export function normColMax(x: usize, inverse: usize, ld: i32, rows: i32, cols: i32, out: usize): void {
  const st = <usize>ld << 2;
  for (let c = 0; c < cols; c += 4, x += 16, out += 16) {
    let m = i32x4.splat(0), p = x;
    for (let r = 0; r < rows; r++, p += st) m = i32x4.max_s(m, magnitude(flushed(f32x4.mul(v128.load(p), v128.load32_splat(inverse + (<usize>r << 2))))));
    v128.store(out, v128.and(m, lanes(cols - c)));
  }
}

/** out[c] = sum over r of Q8(x * inverse)[r][c] * Q14(dy)[r][c] in chunks of 1,024 rows; scales of the columns. */
export function normGainGrad(x: usize, inverse: usize, dy: usize, ld: i32, rows: i32, cols: i32, upN: usize, invN: usize, upD: usize, invD: usize, out: usize): void {
  const st = <usize>ld << 2, magic = f32x4.splat(12582912);
  for (let c = 0; c < cols; c += 4, x += 16, dy += 16, out += 16) {
    const at = <usize>c << 2, sn = v128.load(invN + at), sd = v128.load(invD + at), up = f32x4.mul(v128.load(upN + at), v128.load(upD + at));
    let sum = f32x4.splat(0), p = x, q = dy;
    for (let from = 0; from < rows; from += 1024) {
      let total = i32x4.splat(0);
      for (let r = from, to = min(from + 1024, rows); r < to; r++, p += st, q += st) {
        const n = flushed(f32x4.mul(v128.load(p), v128.load32_splat(inverse + (<usize>r << 2))));
        total = i32x4.add(total, i32x4.mul(i32x4.sub(f32x4.add(f32x4.mul(n, sn), magic), magic), mantissas(q, sd)));
      }
      const value = f32x4.mul(f32x4.convert_i32x4_s(total), up);
      sum = from == 0 ? value : f32x4.add(sum, value);
    }
    if (c + 4 <= cols) v128.store(out, flushed(sum));
    else storeFew(out, flushed(sum), cols - c);
  }
}

/** out[l] = dot(Q14(leaf), Q8(leaf)) of each of `leaves` slices of 1,024 values. */
export function leafSquares(x: usize, leaves: i32, out: usize): i32 {
  for (let l = 0; l < leaves; l++, x += 4096, out += 4) {
    const m = rowMagnitude(x, 1024);
    if (m > LIMIT_8) return 1;
    const fine = exponent(m, 14), coarse = exponent(m, 8);
    store<f32>(out, dot(x, f32x4.splat(pow2(-fine)), x, f32x4.splat(pow2(-coarse)), 1024, pow2(fine + coarse)));
  }
  return 0;
}

/** Square root of the sum of n values, added in order from +0. */
export function rootOfSum(x: usize, n: i32): f32 {
  let sum: f32 = 0;
  for (let i = 0; i < n; i++) sum += load<f32>(x + (<usize>i << 2));
  return sqrt<f32>(sum);
}

/** In place: x * factor, flushed; n: multiple of 4. */
export function scaleBy(x: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  for (const end = x + (<usize>n << 2); x < end; x += 16) v128.store(x, flushed(f32x4.mul(v128.load(x), f)));
}
