// SPDX-License-Identifier: Apache-2.0
// How the products of both widths end: modes, and a tile's row of sixteen sums into C. Inlined into each of them.

/** Sum in C first, then this chunk's; without it C is overwritten. */
export const ACCUMULATE: i32 = 1;
/** Magnitudes below 2^-60 become +0: set on the last chunk. */
export const FLUSH: i32 = 2;
/** Tiles wholly above the diagonal are left as they are. */
export const LOWER: i32 = 4;
const TINY: f32 = 8.673617379884035e-19;

// @ts-ignore: decorator
@inline
function flushed(y: v128): v128 {
  return v128.andnot(y, f32x4.lt(f32x4.abs(y), f32x4.splat(TINY)));
}

// Adjacent plain stores at the end: the revectoriser needs them.
// @ts-ignore: decorator
@inline
export function storeSums(p: usize, y0: v128, y1: v128, y2: v128, y3: v128, mode: i32): void {
  if (mode & ACCUMULATE) {
    y0 = f32x4.add(v128.load(p), y0); y1 = f32x4.add(v128.load(p, 16), y1);
    y2 = f32x4.add(v128.load(p, 32), y2); y3 = f32x4.add(v128.load(p, 48), y3);
  }
  if (mode & FLUSH) {
    y0 = flushed(y0); y1 = flushed(y1); y2 = flushed(y2); y3 = flushed(y3);
  }
  v128.store(p, y0); v128.store(p, y1, 16); v128.store(p, y2, 32); v128.store(p, y3, 48);
}
