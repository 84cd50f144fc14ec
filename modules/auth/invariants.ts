// SPDX-License-Identifier: Apache-2.0
import { formatAddress } from '../../core/address.ts';
import type { ReadContext } from '../../core/context.ts';
import * as state from './state.ts';

/** Every account has its own number below the next one, and the index by number leads back to it. */
export function invariants(ctx: ReadContext): readonly string[] {
  const violations: string[] = [];
  const next = state.nextNumber.get(ctx) ?? 0n;
  let accounts = 0;
  for (const [address, account] of state.accounts.entries(ctx)) {
    accounts++;
    const text = formatAddress(address, ctx.chain.addressPrefix);
    if (account.address !== text) violations.push(`auth: the account under ${text} says that it is ${account.address}`);
    if (account.number >= next) violations.push(`auth: ${text} has number ${account.number}, the next one is ${next}`);
    const indexed = state.byNumber.get(ctx, account.number);
    if (indexed === undefined || formatAddress(indexed, ctx.chain.addressPrefix) !== text)
      violations.push(`auth: number ${account.number} does not lead to ${text}`);
  }
  const indexed = [...state.byNumber.entries(ctx)].length;
  if (indexed !== accounts) violations.push(`auth: ${indexed} numbers for ${accounts} accounts`);
  return violations;
}
