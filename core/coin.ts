// SPDX-License-Identifier: Apache-2.0
// Amounts with their denomination. Amounts are non-negative bigint; a list of coins is sorted by denomination,
// without duplicates or zeros (cosmos-sdk types/coin.go).
import type { Coin as ProtoCoin } from '../proto/gen/cosmos.base.v1beta1.ts';
import { errInvalidCoins } from './errors.ts';

export interface Coin {
  readonly denom: string;
  readonly amount: bigint;
}

const DENOM = /^[a-zA-Z][a-zA-Z0-9/:._-]{2,127}$/;
/** Amounts stay below 2^255, so that sums of two never leave 256 bits (cosmos-sdk math.Int). */
export const MAX_AMOUNT: bigint = (1n << 255n) - 1n;

/** Throws TxError sdk/10 that names `field`. */
export function checkDenom(denom: string, field = 'denom'): void {
  if (!DENOM.test(denom)) throw errInvalidCoins(`${field}: invalid denom: ${denom.slice(0, 140)}`);
}

/** Amount of decimal text: digits only, no sign, no leading zero. */
export function parseAmount(text: string, field = 'amount'): bigint {
  if (!/^(0|[1-9]\d{0,77})$/.test(text)) throw errInvalidCoins(`${field}: expected a non-negative integer in decimal, got "${text.slice(0, 90)}"`);
  const amount = BigInt(text);
  if (amount > MAX_AMOUNT) throw errInvalidCoins(`${field}: ${text} exceeds 2^255-1`);
  return amount;
}

/** One coin of a message; throws when absent, malformed or (unless `zero`) zero. */
export function parseCoin(coin: ProtoCoin | undefined, field: string, options: { readonly zero?: boolean } = {}): Coin {
  if (coin === undefined) throw errInvalidCoins(`${field}: a coin is required`);
  checkDenom(coin.denom, `${field}.denom`);
  const amount = parseAmount(coin.amount, `${field}.amount`);
  if (amount === 0n && options.zero !== true) throw errInvalidCoins(`${field}.amount: must be positive`);
  return { denom: coin.denom, amount };
}

/** Coins of a message: sorted, unique, positive. */
export function parseCoins(coins: readonly ProtoCoin[], field: string): readonly Coin[] {
  const out = coins.map((c, i) => parseCoin(c, `${field}[${i}]`));
  for (let i = 1; i < out.length; i++) {
    if ((out[i - 1] as Coin).denom >= (out[i] as Coin).denom) throw errInvalidCoins(`${field}: denominations must be sorted and unique`);
  }
  return out;
}

/** Wire form. */
export function toProtoCoin(coin: Coin): ProtoCoin {
  return { denom: coin.denom, amount: coin.amount.toString() };
}

/** Text as in events and command lines: `5upogo`. */
export function formatCoins(coins: readonly Coin[]): string {
  return coins.map((c) => `${c.amount}${c.denom}`).join(',');
}

/** Coins of text such as `5upogo,7uatom`; empty text is no coins. */
export function parseCoinsText(text: string, field = 'coins'): readonly Coin[] {
  if (text.trim() === '') return [];
  const coins = text.split(',').map((part, i) => {
    const m = /^\s*(\d+)([a-zA-Z][a-zA-Z0-9/:._-]{2,127})\s*$/.exec(part);
    if (m === null) throw errInvalidCoins(`${field}[${i}]: expected an amount and a denomination like 5upogo, got "${part.slice(0, 60)}"`);
    return { denom: m[2] as string, amount: parseAmount(m[1] as string, `${field}[${i}]`) };
  });
  return coins.sort((a, b) => (a.denom < b.denom ? -1 : a.denom > b.denom ? 1 : 0));
}

/** Amount of `denom` in the list, zero when absent. */
export function amountOf(coins: readonly Coin[], denom: string): bigint {
  return coins.find((c) => c.denom === denom)?.amount ?? 0n;
}

/** floor(amount * bps / 10000): the rounding favours whoever keeps the rest. */
export function basisPoints(amount: bigint, bps: number): bigint {
  return (amount * BigInt(bps)) / 10_000n;
}
