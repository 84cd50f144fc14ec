// SPDX-License-Identifier: Apache-2.0
// Q_8 of input bytes, which are the network's first activations b * 2^exponent: in 16-bit integers, without ever
// becoming floats. A slice's mantissas are round-half-even(b * 2^s) with s = 7 - width(max), or -2 for max = 255
// (255 > 127 * 2); 2^(s + 2) is kept as multiplier, and the two low bits are rounded away. Layout as in pack.ts.

import { quarter } from './shared/bytes';

// @ts-ignore: decorator
@inline
function widest(v: v128): i32 {
  let m = v;
  m = i8x16.max_u(m, i8x16.shuffle(m, m, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  m = i8x16.max_u(m, i8x16.shuffle(m, m, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3));
  const w = i32x4.extract_lane(m, 0);
  return max(max(w & 255, (w >> 8) & 255), max((w >> 16) & 255, (w >>> 24) & 255));
}

// @ts-ignore: decorator
@inline
function setScale(top: i32, exponent: i32, up: usize, mul: usize): void {
  const s = top == 255 ? -2 : clz<i32>(top) - 25;
  const e = exponent - s;
  store<i32>(up, top == 0 ? 0 : (e + 127) << 23);
  const factor: i32 = top == 0 ? 0 : 1 << (s + 2);
  store<u16>(mul, <u16>factor);
}

/** Scales of the rows (samples; 0 up to the next multiple of 4): up = 2^e as binary32, mul = 2^(s + 2) as u16. `stride`: bytes from sample to sample. */
export function byteRowScales(x: usize, stride: i32, rows: i32, cols: i32, exponent: i32, up: usize, mul: usize): void {
  for (let r = 0; r < rows; r++, x += stride, up += 4, mul += 2) {
    let m = i8x16.splat(0), i = 0;
    for (; i + 16 <= cols; i += 16) m = i8x16.max_u(m, v128.load(x + i));
    let top = widest(m);
    for (; i < cols; i++) top = max(top, <i32>load<u8>(x + i));
    setScale(top, exponent, up, mul);
  }
  for (let r = rows; r & 3; r++, up += 4) store<i32>(up, 0);
}

/** Scales of the columns (features), columns rounded up to 16. scratch: 16 bytes. */
export function byteColScales(x: usize, stride: i32, rows: i32, cols: i32, exponent: i32, up: usize, mul: usize, scratch: usize): void {
  for (let c = 0; c < cols; c += 16, x += 16, up += 64, mul += 32) {
    let m = i8x16.splat(0), p = x;
    for (let r = 0; r < rows; r++, p += stride) m = i8x16.max_u(m, v128.load(p));
    v128.store(scratch, m);
    for (let i: usize = 0; i < 16; i++) setScale(<i32>load<u8>(scratch + i), exponent, up + (i << 2), mul + (i << 1));
  }
}

// Terms 0..7 of one sample as pairs (p, p + 4), quantised.
// @ts-ignore: decorator
@inline
function octet(p: usize, n: i32, mul: usize, scratch: usize): v128 {
  if (n < 8) {
    store<u64>(scratch, 0);
    memory.copy(scratch, p, n);
    p = scratch;
  }
  const q = quarter(i16x8.mul(v128.load8x8_u(p), v128.load16_splat(mul)));
  return i16x8.shuffle(q, q, 0, 4, 1, 5, 2, 6, 3, 7);
}

/** Left operand whose rows are samples (contraction along the features); samples rounded up to 4 with zeros. scratch: 8 bytes. */
export function packByteRows(x: usize, stride: i32, rows: i32, terms: i32, mul: usize, a: usize, scratch: usize): void {
  const groups = (terms + 7) >> 3;
  for (let r = 0; r < ((rows + 3) & ~3); r++, mul += 2) {
    let q = a + (<usize>((r >> 2) * groups) << 6) + (<usize>(r & 3) << 4), p = x + <usize>(r * stride);
    for (let n = terms; n > 0; n -= 8, p += 8, q += 64) v128.store(q, r < rows ? octet(p, n, mul, scratch) : i32x4.splat(0));
  }
}

/** Right operand whose columns are features (contraction along the samples); features rounded up to 16. */
export function packByteCols(x: usize, stride: i32, terms: i32, cols: i32, mul: usize, b: usize): void {
  const pairs = ((terms + 7) >> 3) << 2;
  for (let c = 0; c < cols; c += 16, x += 16, mul += 32) {
    const m0 = v128.load(mul), m1 = v128.load(mul, 16);
    for (let t = 0; t < pairs; t++, b += 64) {
      const k = ((t >> 2) << 3) + (t & 3);
      const u = k < terms ? v128.load(x + <usize>(k * stride)) : i8x16.splat(0);
      const v = k + 4 < terms ? v128.load(x + <usize>((k + 4) * stride)) : i8x16.splat(0);
      const u0 = quarter(i16x8.mul(i16x8.extend_low_i8x16_u(u), m0)), u1 = quarter(i16x8.mul(i16x8.extend_high_i8x16_u(u), m1));
      const v0 = quarter(i16x8.mul(i16x8.extend_low_i8x16_u(v), m0)), v1 = quarter(i16x8.mul(i16x8.extend_high_i8x16_u(v), m1));
      v128.store(b, i16x8.shuffle(u0, v0, 0, 8, 1, 9, 2, 10, 3, 11)); v128.store(b, i16x8.shuffle(u0, v0, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      v128.store(b, i16x8.shuffle(u1, v1, 0, 8, 1, 9, 2, 10, 3, 11), 32); v128.store(b, i16x8.shuffle(u1, v1, 4, 12, 5, 13, 6, 14, 7, 15), 48);
    }
  }
}

/** The bytes as binary32: out[i] = byte * scale, `cols` bytes of each sample. */
export function bytesToFloats(x: usize, stride: i32, rows: i32, cols: i32, scale: f32, out: usize): void {
  for (let r = 0; r < rows; r++, x += stride)
    for (let c = 0; c < cols; c++, out += 4) store<f32>(out, <f32>load<u8>(x + c) * scale);
}
