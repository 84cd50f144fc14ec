// SPDX-License-Identifier: Apache-2.0
// Fixed-point decimals of 18 places on bigint (cosmos-sdk math.LegacyDec). Every division names its rounding.

/** 10^18: one. */
export const ONE: bigint = 1_000_000_000_000_000_000n;

/** A decimal as its integer multiple of 10^-18. */
export type Dec = bigint;

/** Decimal of text like `0.5`; at most 18 places. Throws on another form. */
export function parseDec(text: string, field = 'decimal'): Dec {
  const m = /^(-?)(\d+)(?:\.(\d{1,18}))?$/.exec(text);
  if (m === null) throw new Error(`${field}: expected a decimal with at most 18 places, got "${text.slice(0, 60)}"`);
  const value = BigInt(m[2] as string) * ONE + BigInt((m[3] ?? '').padEnd(18, '0'));
  return m[1] === '-' ? -value : value;
}

/** Text with 18 places, as the JSON of cosmos-sdk. */
export function formatDec(dec: Dec): string {
  const abs = dec < 0n ? -dec : dec;
  return `${dec < 0n ? '-' : ''}${abs / ONE}.${(abs % ONE).toString().padStart(18, '0')}`;
}

/** Product, rounded towards zero. */
export function mulDown(a: Dec, b: Dec): Dec {
  return (a * b) / ONE;
}

/** Quotient, rounded towards zero; the divisor must not be zero. */
export function divDown(a: Dec, b: Dec): Dec {
  if (b === 0n) throw new RangeError('dec: division by zero');
  return (a * ONE) / b;
}

/** Quotient of non-negative decimals, rounded up; the divisor must not be zero (LegacyDec.QuoRoundUp). */
export function divUp(a: Dec, b: Dec): Dec {
  if (b === 0n) throw new RangeError('dec: division by zero');
  return chop((a * ONE * ONE) / b, 'up');
}

/** Product of non-negative decimals, rounded to the nearest, halves to even (LegacyDec.Mul). */
export function mulHalfEven(a: Dec, b: Dec): Dec {
  return chop(a * b, 'half-even');
}

/**
 * Quotient of non-negative decimals, rounded to the nearest, halves to even; the divisor must not be zero. As
 * LegacyDec.Quo: 36 places are cut towards zero first, then 18 of them are rounded away.
 */
export function divHalfEven(a: Dec, b: Dec): Dec {
  if (b === 0n) throw new RangeError('dec: division by zero');
  return chop((a * ONE * ONE) / b, 'half-even');
}

/** Takes 18 places off a non-negative integer. */
function chop(wide: bigint, rounding: 'half-even' | 'up'): Dec {
  if (wide < 0n) throw new RangeError('dec: this rounding is defined for non-negative values only');
  const quotient = wide / ONE;
  const rest = wide % ONE;
  if (rounding === 'up') return rest === 0n ? quotient : quotient + 1n;
  const half = ONE / 2n;
  return rest > half || (rest === half && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** Nearest integer of a non-negative decimal, halves to even (LegacyDec.RoundInt). */
export function roundHalfEven(dec: Dec): bigint {
  return chop(dec, 'half-even');
}

/** Integer part, rounded towards zero. */
export function truncate(dec: Dec): bigint {
  return dec / ONE;
}

/** Decimal of an integer. */
export function fromInt(n: bigint): Dec {
  return n * ONE;
}
