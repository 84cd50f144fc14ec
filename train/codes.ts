// SPDX-License-Identifier: Apache-2.0
// Gradients on the wire: blocks of 64 values, one exponent byte E, then 32 bytes of 4-bit codes, even index in the
// low nibble. Bit 3 is the sign, bits 0..2 the step: step 0 is 0, step t is +-2^(E + t - 1 - 127). Integer
// operations on the float's bits throughout. Each value has one encoding.
import { InvalidCodesError, InvalidStepError } from './errors.ts';
import { BLOCK_BYTES, BLOCK_PARAMETERS } from './layout.ts';

export const MIN_E = 70;
export const MAX_E = 180;

/** Half a binade: adding it to the bits carries into the exponent from 1.5 * 2^k on. */
const HALF = 0x400000;

/**
 * Encodes 64 values (given as binary32 bits) at `from` into 33 bytes at `to`. E = clamp(field(max + half) - 6, 70, 180);
 * the step is the nearest one, ties to the larger. InvalidStepError for NaN or infinity.
 */
export function encodeBlock(bits: Uint32Array, from: number, codes: Uint8Array, to: number): void {
  let max = 0;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const magnitude = (bits[from + i] as number) & 0x7fffffff;
    if (magnitude > max) max = magnitude;
  }
  if (max >= 0x7f800000) throw new InvalidStepError('codes: a gradient is not finite');
  const top = ((max + HALF) >>> 23) - 6;
  const e = top < MIN_E ? MIN_E : Math.min(top, MAX_E);
  codes[to] = e;
  for (let i = 0; i < BLOCK_PARAMETERS; i += 2) {
    codes[to + 1 + (i >> 1)] = encodeOne(bits[from + i] as number, e) | (encodeOne(bits[from + i + 1] as number, e) << 4);
  }
}

/** 2^(E - 127) is nearer than 0 from half of it on, where the carry alone would wait for three quarters. */
function encodeOne(bits: number, e: number): number {
  const magnitude = bits & 0x7fffffff;
  if (magnitude >>> 23 < e - 1) return 0;
  const t = ((magnitude + HALF) >>> 23) - e + 1;
  const step = t < 1 ? 1 : Math.min(t, 7);
  return step | ((bits >>> 28) & 8);
}

/**
 * Decodes 33 bytes at `from` into 64 binary32 bit patterns at `to`. InvalidCodesError for E outside 70..180, code 8
 * (negative zero), or E above 70 without a code of step 7 (the encoder would have chosen a smaller E).
 */
export function decodeBlock(codes: Uint8Array, from: number, bits: Uint32Array, to: number): void {
  const e = codes[from] as number;
  if (e < MIN_E || e > MAX_E) throw new InvalidCodesError(`codes: exponent byte ${e} is outside ${MIN_E}..${MAX_E}`);
  let full = e === MIN_E;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const byte = codes[from + 1 + (i >> 1)] as number;
    const code = i & 1 ? byte >> 4 : byte & 15;
    if (code === 8) throw new InvalidCodesError('codes: negative zero');
    const step = code & 7;
    if (step === 7) full = true;
    bits[to + i] = step === 0 ? 0 : (((code & 8) << 28) | ((e + step - 1) << 23)) >>> 0;
  }
  if (!full) throw new InvalidCodesError(`codes: exponent byte ${e} without a code of step 7`);
}

/** Encodes `count` values (a multiple of 64). */
export function encodeCodes(gradient: Float32Array, codes: Uint8Array): void {
  const bits = new Uint32Array(gradient.buffer, gradient.byteOffset, gradient.length);
  for (let at = 0, to = 0; at < bits.length; at += BLOCK_PARAMETERS, to += BLOCK_BYTES) encodeBlock(bits, at, codes, to);
}

/** Decodes codes into `gradient` (64 values for every 33 bytes). */
export function decodeCodes(codes: Uint8Array, gradient: Float32Array): void {
  const bits = new Uint32Array(gradient.buffer, gradient.byteOffset, gradient.length);
  if (codes.length * BLOCK_PARAMETERS !== bits.length * BLOCK_BYTES) {
    throw new InvalidCodesError(`codes: ${codes.length} bytes, expected 33 for each 64 of ${bits.length} values`);
  }
  for (let from = 0, to = 0; from < codes.length; from += BLOCK_BYTES, to += BLOCK_PARAMETERS) decodeBlock(codes, from, bits, to);
}
