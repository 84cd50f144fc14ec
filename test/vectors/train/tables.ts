// SPDX-License-Identifier: Apache-2.0
// The two tables of train/tables.ts computed from their definition in 160-bit fixed point. Run as a program it
// prints the table text; the unit test compares.

const BITS = 160n;
const ONE = 1n << BITS;

/** exp(-n / 64) in fixed point, by the series of exp(-1/64) and repeated multiplication. */
function expTable(entries: number): bigint[] {
  let term = ONE;
  let base = 0n;
  for (let k = 1n; term !== 0n; k++) {
    base += term;
    term = -term / (64n * k);
  }
  const out = [ONE];
  while (out.length < entries) out.push(((out[out.length - 1] as bigint) * base) >> BITS);
  return out;
}

/** ln((1 + x) / (1 - x)) = 2 atanh(x) in fixed point, for x = numerator / denominator. */
function twoAtanh(numerator: bigint, denominator: bigint): bigint {
  const x = (numerator * ONE) / denominator;
  const square = (x * x) >> BITS;
  let power = x;
  let sum = 0n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k;
    power = (power * square) >> BITS;
  }
  return 2n * sum;
}

/** Rounds value * 2^bits to the nearest integer; refuses a value too near to a tie to be sure. */
function nearest(value: bigint, bits: bigint): number {
  const scaled = value << bits;
  const fraction = scaled & (ONE - 1n);
  const distance = fraction > ONE / 2n ? fraction - ONE / 2n : ONE / 2n - fraction;
  if (distance < 1n << 60n) throw new Error('too near to a tie');
  return Number((scaled + ONE / 2n) >> BITS);
}

/** round(2^16 exp(-i / 64)), i = 0..1023. */
export function exactExpTable(): number[] {
  return expTable(1024).map((v) => nearest(v, 16n));
}

/** round(2^16 ln(1 + i / 1024)), i = 0..1024. */
export function exactLogTable(): number[] {
  return Array.from({ length: 1025 }, (_, i) => nearest(twoAtanh(BigInt(i), BigInt(2048 + i)), 16n));
}

/** round(2^24 ln 2). */
export function exactLn2(): number {
  return nearest(twoAtanh(1n, 3n), 24n);
}

/** Base-36 words, wrapped. */
export function tableText(values: readonly number[]): string {
  const lines: string[] = [];
  let line = '';
  for (const value of values) {
    const word = value.toString(36);
    if (line.length + word.length > 140) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}

if (import.meta.main) {
  let exp = exactExpTable();
  exp = exp.slice(0, exp.indexOf(0));
  process.stdout.write(`${tableText(exp)}\n\n${tableText(exactLogTable())}\n\n${exactLn2()}\n`);
}
