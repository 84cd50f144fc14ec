// SPDX-License-Identifier: Apache-2.0
// Lists of coins, parameters and denomination metadata.
import { type Coin, checkDenom } from '../../core/coin.ts';
import { CorruptStateError } from '../../core/errors.ts';
import type { Metadata, Params, SendEnabled } from '../../proto/gen/cosmos.bank.v1beta1.ts';

/** What an event of a transfer may carry, and which modules may do what (cosmos-sdk x/auth/types/permissions.go). */
export const MINTER = 'minter';
export const BURNER = 'burner';

export const DEFAULT_PARAMS: Params = { sendEnabled: [], defaultSendEnabled: true };

/** Sum of any number of lists, sorted. Linear but for the sorting: a message may hold a hundred thousand coins in a thousand lists. */
export function sumCoins(lists: Iterable<readonly Coin[]>): readonly Coin[] {
  const sums = new Map<string, bigint>();
  for (const list of lists) for (const { denom, amount } of list) sums.set(denom, (sums.get(denom) ?? 0n) + amount);
  return [...sums].map(([denom, amount]) => ({ denom, amount })).sort((a, b) => (a.denom < b.denom ? -1 : 1));
}

/** Whether two sorted lists are the same. */
export function equalCoins(a: readonly Coin[], b: readonly Coin[]): boolean {
  return a.length === b.length && a.every((c, i) => c.denom === b[i]?.denom && c.amount === b[i]?.amount);
}

/** Sorted, unique, positive; anything else is a defect of the caller. */
export function checkCoins(coins: readonly Coin[]): void {
  coins.forEach((c, i) => {
    const before = coins[i - 1];
    if (c.amount <= 0n || (before !== undefined && before.denom >= c.denom))
      throw new CorruptStateError(`bank: coins that are not sorted, unique and positive: ${c.amount}${c.denom}`);
  });
}

/** Throws Error naming the field: a known base unit of exponent 0 first, rising exponents, a display unit among them. */
export function checkMetadata(m: Metadata, path: string): Metadata {
  checkDenom(m.base, `${path}.base`);
  checkDenom(m.display, `${path}.display`);
  if (m.name.trim() === '') throw new Error(`${path}.name: must not be blank`);
  if (m.symbol.trim() === '') throw new Error(`${path}.symbol: must not be blank`);
  m.denomUnits.forEach((u, i) => {
    checkDenom(u.denom, `${path}.denom_units[${i}].denom`);
    const before = m.denomUnits[i - 1];
    if (before === undefined && (u.denom !== m.base || u.exponent !== 0))
      throw new Error(`${path}.denom_units[0]: must be the base denomination with exponent 0`);
    if (before !== undefined && before.exponent >= u.exponent) throw new Error(`${path}.denom_units[${i}].exponent: exponents must rise`);
  });
  if (!m.denomUnits.some((u) => u.denom === m.display)) throw new Error(`${path}.display: must be one of denom_units`);
  return m;
}

/** Throws Error naming the field: denominations sorted and unique. */
export function checkSendEnabled(list: readonly SendEnabled[], path: string): readonly SendEnabled[] {
  list.forEach((s, i) => {
    checkDenom(s.denom, `${path}[${i}].denom`);
    const before = list[i - 1];
    if (before !== undefined && before.denom >= s.denom) throw new Error(`${path}[${i}].denom: denominations must be sorted and unique`);
  });
  return list;
}
