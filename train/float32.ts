// SPDX-License-Identifier: Apache-2.0
// Bits of IEEE-754 binary32. Every float of the training arithmetic is a binary32 held in a JavaScript number:
// Math.fround after each operation gives the one correctly rounded result (double rounding of + - * / sqrt
// through binary64 is innocuous: Figueroa, "When is double rounding innocuous?", SIGNUM 1995).

const view = new DataView(new ArrayBuffer(4));

/** Bits of the binary32 nearest to `value`, as an unsigned 32-bit integer. */
export function bitsOf(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

/** The binary32 with the given bits. */
export function fromBits(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** 2^e as an exact binary32, for -126 <= e <= 127. */
export function pow2(e: number): number {
  view.setUint32(0, (e + 127) << 23);
  return view.getFloat32(0);
}

/** Below this magnitude a layer output, a gradient, a parameter or a first moment becomes +0: 2^-60. */
export const FLUSH: number = 2 ** -60;
/** Below this a second moment becomes +0: 2^-100. */
export const FLUSH_SQUARE: number = 2 ** -100;

/** `value`, or +0 where its magnitude is below 2^-60 (so that negative zero and subnormals never leave an operation). */
export function flush(value: number): number {
  return value < FLUSH && value > -FLUSH ? 0 : value;
}

/** Round half to even, |x| < 2^51: adding 1.5 * 2^52 pushes the fraction out of a binary64. */
export function roundHalfEven(x: number): number {
  return x + 6755399441055744 - 6755399441055744;
}
