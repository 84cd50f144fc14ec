// SPDX-License-Identifier: Apache-2.0
// Gradients on the wire: blocks of 64 values, one exponent byte E, then 32 bytes of 4-bit codes, even index in the
// low nibble. Bit 3 is the sign, bits 0..2 the step: step 0 is 0, step t is +-2^(E + t - 1 - 127). With 5 bits, 8 bytes
// follow, one bit for each value, lowest first: where it is set, the magnitude is one and a half times as large.
// Integer operations on the float's bits throughout. Each value has one encoding.
import { InvalidCodesError, InvalidStepError } from './errors.ts';
import { BLOCK_PARAMETERS, codeBlockBytes } from './layout.ts';
import type { CodeBits } from './spec.ts';

export const MIN_E = 70;
export const MAX_E = 180;

/** Bytes before the bits of 5-bit codes. */
const PLANE = 33;

/** Half of the distance between steps: adding it to a float's bits carries into what is kept where the next step is nearer. */
export function halfStep(bits: CodeBits): number {
  return bits === 4 ? 0x400000 : 0x200000;
}

/**
 * Encodes 64 values (given as binary32 bits) at `from` into 33 or 41 bytes at `to`. E = clamp(field(max + half) - 6, 70, 180);
 * the step is the nearest one, ties to the larger. InvalidStepError for NaN or infinity.
 */
export function encodeBlock(values: Uint32Array, from: number, codes: Uint8Array, to: number, bits: CodeBits): void {
  let max = 0;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const magnitude = (values[from + i] as number) & 0x7fffffff;
    if (magnitude > max) max = magnitude;
  }
  if (max >= 0x7f800000) throw new InvalidStepError('codes: a gradient is not finite');
  const top = ((max + halfStep(bits)) >>> 23) - 6;
  const e = top < MIN_E ? MIN_E : Math.min(top, MAX_E);
  codes.fill(0, to, to + codeBlockBytes(bits));
  codes[to] = e;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const code = encodeOne(values[from + i] as number, e, bits);
    const low = to + 1 + (i >> 1);
    const plane = to + PLANE + (i >> 3);
    codes[low] = (codes[low] as number) | ((code & 15) << (i & 1 ? 4 : 0));
    if (code > 15) codes[plane] = (codes[plane] as number) | (1 << (i & 7));
  }
}

/** The code of a value, a fifth bit in bit 4. 2^(E - 127) is nearer than 0 from half of it on, where the carry alone would wait longer. */
function encodeOne(value: number, e: number, bits: CodeBits): number {
  const magnitude = value & 0x7fffffff;
  if (magnitude >>> 23 < e - 1) return 0;
  const sign = (value >>> 28) & 8;
  const near = magnitude + halfStep(bits);
  const t = (near >>> 23) - e + 1;
  if (t < 1) return 1 | sign;
  const fifth = bits === 4 ? 0 : 16;
  return t > 7 ? 7 | sign | fifth : t | sign | ((near >>> 18) & fifth);
}

/**
 * Decodes 33 or 41 bytes at `from` into 64 binary32 bit patterns at `to`. InvalidCodesError for E outside 70..180, code 8
 * (negative zero), a fifth bit at a zero, or E above 70 without a code of step 7 (the encoder would have chosen a smaller E).
 */
export function decodeBlock(codes: Uint8Array, from: number, values: Uint32Array, to: number, bits: CodeBits): void {
  const e = codes[from] as number;
  if (e < MIN_E || e > MAX_E) throw new InvalidCodesError(`codes: exponent byte ${e} is outside ${MIN_E}..${MAX_E}`);
  let full = e === MIN_E;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const code = ((codes[from + 1 + (i >> 1)] as number) >> (i & 1 ? 4 : 0)) & 15;
    const fifth = bits === 4 ? 0 : ((codes[from + PLANE + (i >> 3)] as number) >> (i & 7)) & 1;
    if (code === 8) throw new InvalidCodesError('codes: negative zero');
    const step = code & 7;
    if (step === 7) full = true;
    if (step === 0 && fifth !== 0) throw new InvalidCodesError('codes: a fifth bit at a zero');
    values[to + i] = step === 0 ? 0 : (((code & 8) << 28) | ((e + step - 1) << 23) | (fifth << 22)) >>> 0;
  }
  if (!full) throw new InvalidCodesError(`codes: exponent byte ${e} without a code of step 7`);
}

/** Encodes values (a multiple of 64) into as many blocks. */
export function encodeCodes(gradient: Float32Array, codes: Uint8Array, bits: CodeBits): void {
  const values = new Uint32Array(gradient.buffer, gradient.byteOffset, gradient.length);
  const block = codeBlockBytes(bits);
  for (let at = 0, to = 0; at < values.length; at += BLOCK_PARAMETERS, to += block) encodeBlock(values, at, codes, to, bits);
}

/** Decodes codes into `gradient` (64 values for each block). */
export function decodeCodes(codes: Uint8Array, gradient: Float32Array, bits: CodeBits): void {
  const values = new Uint32Array(gradient.buffer, gradient.byteOffset, gradient.length);
  const block = codeBlockBytes(bits);
  if (codes.length * BLOCK_PARAMETERS !== values.length * block) {
    throw new InvalidCodesError(`codes: ${codes.length} bytes, expected ${block} for each 64 of ${values.length} values`);
  }
  for (let from = 0, to = 0; from < codes.length; from += block, to += BLOCK_PARAMETERS) decodeBlock(codes, from, values, to, bits);
}
