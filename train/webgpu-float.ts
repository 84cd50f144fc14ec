// SPDX-License-Identifier: Apache-2.0
// Binary32 in WGSL on bit patterns, integer operations only: addition, product, quotient and root, each rounded once to
// nearest, ties to even (IEEE 754-2019, 4.3.1), subnormal operands and results included. WGSL's own f32 promises none of this.
// The method is the one of J. Hauser's SoftFloat: significands with seven bits more than kept, the last one sticky.

/** Functions on u32 patterns: add, sub, mul, div, root, lessThan, flush, fromScaled, fromInt, scaled, fixed. Any NaN is the one quiet NaN. */
export const FLOAT_WGSL: string = /* wgsl */ `
const SIGN = 0x80000000u;
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const NAN = 0x7fc00000u;
const ONE = 0x3f800000u;
/** 2^-60 */
const LEAST = 0x21800000u;

/** The binary32 nearest significand * 2^(exponent - 157), its top bit bit 30, any bits lost before in bit 0. */
fn rounded(sign: u32, exponent: i32, significand: u32) -> u32 {
  let under = u32(clamp(1 - exponent, 0, 31));
  let kept = significand >> under;
  let jammed = kept | select(0u, 1u, (kept << under) != significand);
  let whole = (jammed + 63u + ((jammed >> 7u) & 1u)) >> 7u;
  return sign | min((u32(clamp(exponent - 1, 0, 254)) << 23u) + whole, INFINITE);
}

/** Exponent field and significand of a magnitude that is neither 0 nor above the largest, as if it were normal: top bit bit 23. */
struct Parts { exponent: i32, significand: u32 }
fn parts(magnitude: u32) -> Parts {
  let fraction = magnitude & 0x7fffffu;
  let shift = countLeadingZeros(fraction) - 8u;
  if (magnitude < 0x800000u) { return Parts(1 - i32(shift), fraction << (shift & 31u)); }
  return Parts(i32(magnitude >> 23u), fraction | 0x800000u);
}

fn add(a: u32, b: u32) -> u32 {
  let swap = (a & MAGNITUDE) < (b & MAGNITUDE);
  let large = select(a, b, swap);
  let small = select(b, a, swap);
  let x = large & MAGNITUDE;
  let y = small & MAGNITUDE;
  let opposite = ((a ^ b) & SIGN) != 0u;
  if (x >= INFINITE) {
    return select(large, NAN, x > INFINITE || (y == INFINITE && opposite));
  }
  let exponent = max(x >> 23u, 1u);
  let distance = min(exponent - max(y >> 23u, 1u), 31u);
  let first = ((x & 0x7fffffu) | select(0u, 0x800000u, x >= 0x800000u)) << 6u;
  let second = ((y & 0x7fffffu) | select(0u, 0x800000u, y >= 0x800000u)) << 6u;
  let kept = second >> distance;
  let jammed = kept | select(0u, 1u, (kept << distance) != second);
  let total = select(first + jammed, first - jammed, opposite);
  let sign = large & SIGN;
  if (total == 0u) { return select(sign, 0u, opposite); }
  let shift = countLeadingZeros(total) - 1u;
  return rounded(sign, i32(exponent) + 1 - i32(shift), total << shift);
}

fn sub(a: u32, b: u32) -> u32 {
  return add(a, b ^ SIGN);
}

fn mul(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & SIGN;
  let x = a & MAGNITUDE;
  let y = b & MAGNITUDE;
  let most = max(x, y);
  let least = min(x, y);
  if (most >= INFINITE) { return select(sign | INFINITE, NAN, most > INFINITE || least == 0u); }
  if (least == 0u) { return sign; }
  let p = parts(x);
  let q = parts(y);
  // 24 by 24 bits in halves of 12; high * 2^24 + low is the product.
  let ph = p.significand >> 12u;
  let pl = p.significand & 0xfffu;
  let qh = q.significand >> 12u;
  let ql = q.significand & 0xfffu;
  let middle = ph * ql + pl * qh;
  let lows = pl * ql + ((middle & 0xfffu) << 12u);
  let high = ph * qh + (middle >> 12u) + (lows >> 24u);
  let low = lows & 0xffffffu;
  let top = high >> 23u;
  let kept = (high << (8u - top)) | (low >> (16u + top));
  let sticky = select(0u, 1u, (low & ((1u << (16u + top)) - 1u)) != 0u);
  return rounded(sign, p.exponent + q.exponent - 127 + i32(top), kept | sticky);
}

fn div(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & SIGN;
  let x = a & MAGNITUDE;
  let y = b & MAGNITUDE;
  if (max(x, y) > INFINITE || (x == y && (x == 0u || x == INFINITE))) { return NAN; }
  if (x == INFINITE || y == 0u) { return sign | INFINITE; }
  if (y == INFINITE || x == 0u) { return sign; }
  let p = parts(x);
  let q = parts(y);
  let less = select(0u, 1u, p.significand < q.significand);
  // The quotient's leading one, then eight bits at a time: a remainder is below 2^24.
  var rest = (p.significand << less) - q.significand;
  var quotient = 1u;
  for (var i = 0u; i < 3u; i++) {
    let digits = (rest << 8u) / q.significand;
    rest = (rest << 8u) - digits * q.significand;
    quotient = (quotient << 8u) | digits;
  }
  return rounded(sign, p.exponent - q.exponent + 127 - i32(less), (quotient << 6u) | select(0u, 1u, rest != 0u));
}

fn root(a: u32) -> u32 {
  let x = a & MAGNITUDE;
  if (x == 0u) { return a; }
  if (x > INFINITE || a > SIGN) { return NAN; }
  if (x == INFINITE) { return a; }
  let p = parts(x);
  let exponent = p.exponent - 127;
  // 25 digits of the root of a number of 25 pairs of bits, whose first 25 bits are the significand.
  var bits = p.significand << (7u + (u32(exponent) & 1u));
  var rest = 0u;
  var digits = 0u;
  for (var i = 0u; i < 25u; i++) {
    rest = (rest << 2u) | (bits >> 30u);
    bits = bits << 2u;
    let trial = (digits << 2u) | 1u;
    let fits = rest >= trial;
    rest = rest - select(0u, trial, fits);
    digits = (digits << 1u) | select(0u, 1u, fits);
  }
  return rounded(0u, (exponent >> 1u) + 127, (digits << 6u) | select(0u, 1u, rest != 0u));
}

/** A number whose order is that of the values; not for NaN, and -0 is below +0. */
fn order(a: u32) -> u32 {
  return select(a | SIGN, ~a, a >= SIGN);
}

fn flush(a: u32) -> u32 {
  return select(a, 0u, (a & MAGNITUDE) < LEAST);
}

/** f(f(n) * 2^k), the second factor exact or infinite, of a whole number above -2^31; -100 <= k <= 100. */
fn fromScaled(n: i32, k: i32) -> u32 {
  if (n == 0) { return 0u; }
  let shift = countLeadingZeros(u32(abs(n))) - 1u;
  let significand = u32(abs(n)) << shift;
  let whole = (significand + 63u + ((significand >> 7u) & 1u)) >> 7u;
  return select(0u, SIGN, n < 0) | min((u32(min(156 - i32(shift) + k, 254)) << 23u) + whole, INFINITE);
}

fn fromInt(n: i32) -> u32 {
  return fromScaled(n, 0);
}

/** a * 2^k, exact or infinite, of a value that stays normal. */
fn scaled(a: u32, k: i32) -> u32 {
  let x = a & MAGNITUDE;
  if (x == 0u || x >= INFINITE) { return a; }
  let field = i32(x >> 23u) + k;
  return (a & SIGN) | select((u32(field) << 23u) | (a & 0x7fffffu), INFINITE, field > 254);
}

/** round-half-even(a * 2^k), below 2^31 in magnitude, of a normal a or 0. */
fn fixed(a: u32, k: i32) -> i32 {
  let x = a & MAGNITUDE;
  let significand = (x & 0x7fffffu) | select(0u, 0x800000u, x >= 0x800000u);
  let shift = i32(x >> 23u) + k - 150;
  let left = significand << u32(clamp(shift, 0, 7));
  let right = u32(clamp(-shift, 1, 26));
  let nearest = (significand + (1u << (right - 1u)) - 1u + ((significand >> right) & 1u)) >> right;
  let whole = i32(select(nearest, left, shift >= 0));
  return select(whole, -whole, a >= SIGN);
}
`;
