// SPDX-License-Identifier: Apache-2.0
// How input bytes are quantised; see input.ts.

// t / 4, ties to even
// @ts-ignore: decorator
@inline
export function quarter(t: v128): v128 {
  return i16x8.shr_u(i16x8.add(i16x8.add(t, i16x8.splat(1)), v128.and(i16x8.shr_u(t, 2), i16x8.splat(1))), 2);
}
