// SPDX-License-Identifier: Apache-2.0
// When a new model is taken, in integers. For paired differences x_i = parent loss - new loss of n samples with sum S
// and sum of squares Q, the mean is d = S / n and its standard error SE = sqrt((Q - S^2 / n) / (n (n - 1))).

/** Paired differences of one evaluation, units of 2^-16 nats. */
export interface Differences {
  readonly sum: bigint;
  readonly squareSum: bigint;
  /** At least 2. */
  readonly samples: number;
}

/** n Q - S^2 = n (n - 1) times the sample variance; negative for numbers that no samples have. */
function spread(d: Differences): bigint {
  return BigInt(d.samples) * d.squareSum - d.sum * d.sum;
}

/** Whether some `samples` differences of losses 0..2^31 - 1 can have these sums (Cauchy-Schwarz, and x^2 >= |x| for integers). */
export function isPossible(d: Differences): boolean {
  const n = BigInt(d.samples);
  const bound = (1n << 31n) - 1n;
  const sum = d.sum < 0n ? -d.sum : d.sum;
  return d.samples >= 2 && spread(d) >= 0n && sum <= n * bound && d.squareSum >= sum && d.squareSum <= n * bound * bound;
}

/**
 * No loss of quality: d + z SE >= minimum, z = zMilli / 1000. With A = n minimum - S this is A <= 0 or
 * zMilli^2 (n Q - S^2) >= 10^6 A^2 (n - 1): exact, without root or division.
 */
export function meetsMinimum(d: Differences, minimum: bigint, zMilli: number): boolean {
  const n = BigInt(d.samples);
  const missing = n * minimum - d.sum;
  if (missing <= 0n) return true;
  return BigInt(zMilli) ** 2n * spread(d) >= 1_000_000n * missing * missing * (n - 1n);
}

/**
 * Progress over several rounds: sum S_i > z sqrt(sum Var_i), Var_i = (n_i Q_i - S_i^2) / (n_i - 1) rounded up (against
 * progress, by less than one unit of 2^-32 square nats).
 */
export function hasProgress(rounds: readonly Differences[], zMilli: number): boolean {
  let sum = 0n;
  let variance = 0n;
  for (const d of rounds) {
    const divisor = BigInt(d.samples) - 1n;
    sum += d.sum;
    variance += (spread(d) + divisor - 1n) / divisor;
  }
  return sum > 0n && 1_000_000n * sum * sum > BigInt(zMilli) ** 2n * variance;
}

/** Index of the greatest mean improvement, the earliest of equals; undefined for none. */
export function bestOf(candidates: readonly Differences[]): number | undefined {
  let best: number | undefined;
  candidates.forEach((d, i) => {
    const leader = best === undefined ? undefined : candidates[best];
    if (leader === undefined || d.sum * BigInt(leader.samples) > leader.sum * BigInt(d.samples)) best = i;
  });
  return best;
}
