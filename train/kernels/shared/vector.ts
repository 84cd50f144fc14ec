// SPDX-License-Identifier: Apache-2.0
// What several kernels do with four values at a time, and the bounds that they share. Inlined into each of them.

/** binary32 bits of the largest magnitude that becomes +0: just below 2^-60. */
export const TINY_BITS: i32 = (67 << 23) - 1;
/** Bits of the largest magnitude that a scale of 2^50 holds in 8 bits: 127 * 2^50. */
export const LIMIT_8: i32 = ((50 + 6 + 127) << 23) | 0x7e0000;
/** The same in 14 bits: 8191 * 2^50. */
export const LIMIT_14: i32 = ((50 + 12 + 127) << 23) | 0x7ff800;
/** Bits of infinity; NaN has larger ones. */
export const INFINITE: i32 = 0x7f800000;

// @ts-ignore: decorator
@inline
export function magnitude(x: v128): v128 {
  return v128.and(x, i32x4.splat(0x7fffffff));
}

// NaN has the largest bits and stays, so that it is seen.
// @ts-ignore: decorator
@inline
export function flushed(y: v128): v128 {
  return v128.and(y, i32x4.gt_s(magnitude(y), i32x4.splat(TINY_BITS)));
}

// @ts-ignore: decorator
@inline
export function largest(x: v128): i32 {
  const y = i32x4.max_s(x, i32x4.shuffle(x, x, 2, 3, 0, 1));
  return i32x4.extract_lane(i32x4.max_s(y, i32x4.shuffle(y, y, 1, 0, 3, 2)), 0);
}

// Ones in the first n lanes.
// @ts-ignore: decorator
@inline
export function lanes(n: i32): v128 {
  return i32x4.gt_s(i32x4.splat(n), i32x4(0, 1, 2, 3));
}

// The first n < 4 lanes of v, so that nothing behind them is touched.
// @ts-ignore: decorator
@inline
export function storeFew(p: usize, v: v128, n: i32): void {
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (n > 1) store<f32>(p, f32x4.extract_lane(v, 1), 4);
  if (n > 2) store<f32>(p, f32x4.extract_lane(v, 2), 8);
}
