// SPDX-License-Identifier: Apache-2.0
// The 4-bit form of the model: Q_4 of blocks of 64 parameters. One byte E = e + 127 (77..177), then 32 bytes of
// two's complement codes -7..7, even index in the low nibble; value = code * 2^e. Each model has one encoding.
import { InvalidCodesError, InvalidStateError } from './errors.ts';
import { pow2, roundHalfEven } from './float32.ts';
import { BLOCK_PARAMETERS, MODEL4_BLOCK_BYTES } from './layout.ts';
import { MAX_EXPONENT, MIN_EXPONENT, scaleExponent } from './quantise.ts';

const BIAS = 127;

/** Encodes 64 parameters at `from` into 33 bytes at `to`. InvalidStateError for NaN, infinity or a scale above 2^50. */
export function encodeModelBlock(theta: Float32Array, from: number, codes: Uint8Array, to: number): void {
  const bits = new Uint32Array(theta.buffer, theta.byteOffset, theta.length);
  let max = 0;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const magnitude = (bits[from + i] as number) & 0x7fffffff;
    if (magnitude > max) max = magnitude;
  }
  const e = modelExponent(max);
  const scale = pow2(-e);
  codes[to] = e + BIAS;
  for (let i = 0; i < BLOCK_PARAMETERS; i += 2) {
    const low = roundHalfEven((theta[from + i] as number) * scale) & 15;
    const high = roundHalfEven((theta[from + i + 1] as number) * scale) & 15;
    codes[to + 1 + (i >> 1)] = low | (high << 4);
  }
}

function modelExponent(max: number): number {
  try {
    return scaleExponent(max, 4);
  } catch {
    throw new InvalidStateError('model4: a parameter is not finite or needs a scale above 2^50');
  }
}

/**
 * Decodes 33 bytes at `from` into 64 parameters at `to`. InvalidCodesError for E outside 77..177, code -8, or E above
 * 77 without a code of magnitude 4 or more (the encoder would have chosen a smaller E).
 */
export function decodeModelBlock(codes: Uint8Array, from: number, theta: Float32Array, to: number): void {
  const e = (codes[from] as number) - BIAS;
  if (e < MIN_EXPONENT || e > MAX_EXPONENT) throw new InvalidCodesError(`model4: exponent byte ${e + BIAS} is outside 77..177`);
  const scale = pow2(e);
  let full = e === MIN_EXPONENT;
  for (let i = 0; i < BLOCK_PARAMETERS; i++) {
    const byte = codes[from + 1 + (i >> 1)] as number;
    const nibble = i & 1 ? byte >> 4 : byte & 15;
    if (nibble === 8) throw new InvalidCodesError('model4: code -8');
    const code = nibble > 8 ? nibble - 16 : nibble;
    if (code >= 4 || code <= -4) full = true;
    theta[to + i] = code * scale;
  }
  if (!full) throw new InvalidCodesError(`model4: exponent byte ${e + BIAS} without a code of magnitude 4`);
}

/** The 4-bit form of all parameters (a multiple of 64). */
export function encodeModel4(theta: Float32Array): Uint8Array {
  const codes = new Uint8Array((theta.length / BLOCK_PARAMETERS) * MODEL4_BLOCK_BYTES);
  for (let from = 0, to = 0; from < theta.length; from += BLOCK_PARAMETERS, to += MODEL4_BLOCK_BYTES) encodeModelBlock(theta, from, codes, to);
  return codes;
}

/** The 4-bit form of parameters that come in parts of whole blocks, `count` of them in all. */
export function encodeModel4Parts(parts: Iterable<Float32Array>, count: number): Uint8Array {
  const codes = new Uint8Array((count / BLOCK_PARAMETERS) * MODEL4_BLOCK_BYTES);
  let at = 0;
  for (const part of parts) {
    codes.set(encodeModel4(part), at);
    at += (part.length / BLOCK_PARAMETERS) * MODEL4_BLOCK_BYTES;
  }
  return codes;
}

/** The parameters that a 4-bit form stands for. */
export function decodeModel4(codes: Uint8Array): Float32Array {
  if (codes.length % MODEL4_BLOCK_BYTES !== 0) throw new InvalidCodesError(`model4: ${codes.length} bytes are no whole number of blocks`);
  const theta = new Float32Array((codes.length / MODEL4_BLOCK_BYTES) * BLOCK_PARAMETERS);
  for (let from = 0, to = 0; from < codes.length; from += MODEL4_BLOCK_BYTES, to += BLOCK_PARAMETERS) decodeModelBlock(codes, from, theta, to);
  return theta;
}
