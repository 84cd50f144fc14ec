// SPDX-License-Identifier: Apache-2.0
// Tokens against shares. A validator's tokens belong to its delegators in proportion to their shares; slashing takes
// tokens and leaves shares. Roundings are those of cosmos-sdk x/staking/types/validator.go.
import { type Dec, divHalfEven, fromInt, truncate } from '../../core/dec.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { errInsufficientShares } from './errors.ts';
import type { Validator } from './types.ts';

/** Shares that this amount is worth, rounded down: the rest stays with all delegators. Throws TxError staking/22 without tokens. */
export function sharesFromTokens(v: Validator, amount: bigint): Dec {
  if (v.tokens === 0n) throw errInsufficientShares('');
  return (v.shares * amount) / v.tokens;
}

/**
 * Tokens that these shares are worth: to the nearest 10^-18, halves to even, then down to whole tokens. Shares computed
 * of an amount give it back or one token less; the rest stays with all delegators.
 */
export function tokensFromShares(v: Validator, shares: Dec): bigint {
  return v.shares === 0n ? 0n : truncate(divHalfEven(shares * v.tokens, v.shares));
}

/** Whether shares exist that no token stands behind, so that a new token has no price in shares. */
export function isWorthless(v: Validator): boolean {
  return v.tokens === 0n && v.shares > 0n;
}

/** The validator with `amount` more tokens, and the shares given for them. */
export function withTokens(v: Validator, amount: bigint): readonly [Validator, issued: Dec] {
  // The first delegation sets the exchange rate to one.
  const issued = v.shares === 0n ? fromInt(amount) : sharesFromTokens(v, amount);
  return [{ ...v, tokens: v.tokens + amount, shares: v.shares + issued }, issued];
}

/** The validator without these shares, and the tokens paid out for them; the last share takes all that is left. */
export function withoutShares(v: Validator, shares: Dec): readonly [Validator, paid: bigint] {
  const rest = v.shares - shares;
  const paid = rest === 0n ? v.tokens : tokensFromShares(v, shares);
  if (rest < 0n || paid > v.tokens)
    throw new CorruptStateError(`staking: ${v.operatorAddress} has ${v.shares} shares and ${v.tokens} tokens, asked for ${shares}`);
  return [{ ...v, tokens: v.tokens - paid, shares: rest }, paid];
}
