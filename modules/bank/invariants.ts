// SPDX-License-Identifier: Apache-2.0
import { formatAddress } from '../../core/address.ts';
import { type Coin, formatCoins } from '../../core/coin.ts';
import type { ReadContext } from '../../core/context.ts';
import { sumOfBalances } from './keeper.ts';
import * as state from './state.ts';
import { equalCoins } from './types.ts';

/** The supply is the sum of the balances, no balance is zero or negative, and the index of holders is complete. */
export function invariants(ctx: ReadContext): readonly string[] {
  const violations: string[] = [];
  const supply: Coin[] = [...state.supply.entries(ctx)].map(([denom, amount]) => ({ denom, amount }));
  const sum = sumOfBalances(ctx);
  if (!equalCoins(supply, sum)) violations.push(`bank: the supply is ${formatCoins(supply)}, the balances sum to ${formatCoins(sum)}`);
  let held = 0;
  for (const [[address, denom], amount] of state.balances.entries(ctx)) {
    held++;
    const text = formatAddress(address, ctx.chain.addressPrefix);
    if (amount <= 0n) violations.push(`bank: ${text} owns ${amount}${denom}`);
    if (!state.holders.has(ctx, [denom, address])) violations.push(`bank: ${text} is missing among the holders of ${denom}`);
  }
  const indexed = [...state.holders.entries(ctx)].length;
  if (indexed !== held) violations.push(`bank: ${indexed} holders for ${held} balances`);
  return violations;
}
