// SPDX-License-Identifier: Apache-2.0
// Delegating, and taking back at once; what waits for its time is in unbonding.ts.
import { formatAddress } from '../../core/address.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import type { Dec } from '../../core/dec.ts';
import { errInvalidRequest } from '../../core/errors.ts';
import { sendToModule } from '../bank/index.ts';
import { stakeGas } from '../chain/index.ts';
import { errDelegatorShareExRateInvalid, errNoDelegation, errNoDelegatorForAddress, errNotEnoughDelegationShares } from './errors.ts';
import { getParams, jail, movePool, poolOf, removeValidator, requireValidator, setValidator, sharesOf } from './keeper.ts';
import { isWorthless, sharesFromTokens, tokensFromShares, withoutShares, withTokens } from './shares.ts';
import * as state from './state.ts';
import { type BONDED_POOL, isUnbonded, type Validator } from './types.ts';

function setShares(ctx: Context, delegator: Uint8Array, v: Validator, shares: Dec): void {
  const delegatorAddress = formatAddress(delegator, ctx.chain.addressPrefix);
  state.delegations.set(ctx, [delegator, v.operator], { delegatorAddress, validatorAddress: v.operatorAddress, shares: shares.toString() });
  state.delegationsByValidator.set(ctx, [v.operator, delegator], true);
}

/** Adds tokens that lie in the validator's pool already to a delegation; returns the new shares. */
function credit(ctx: Context, delegator: Uint8Array, v: Validator, amount: bigint): Dec {
  ctx.gas.consume(stakeGas(ctx), 'stake');
  const [after, issued] = withTokens(v, amount);
  setValidator(ctx, after, v);
  setShares(ctx, delegator, v, (sharesOf(ctx, delegator, v.operator) ?? 0n) + issued);
  return issued;
}

function checkPrice(v: Validator): void {
  if (isWorthless(v)) throw errDelegatorShareExRateInvalid('');
}

/** Delegates from the delegator's balance; returns the new shares. Throws TxError staking/3, 34 or sdk/5. */
export function delegate(ctx: Context, delegator: Uint8Array, operator: Uint8Array, amount: bigint): Dec {
  const v = requireValidator(ctx, operator);
  checkPrice(v);
  sendToModule(ctx, delegator, poolOf(v), [{ denom: getParams(ctx).bondDenom, amount }]);
  return credit(ctx, delegator, v, amount);
}

/** Delegates tokens that lie in `from`, a pool; returns the new shares. Throws TxError staking/3 or 34. */
export function delegateFromPool(ctx: Context, delegator: Uint8Array, operator: Uint8Array, amount: bigint, from: typeof BONDED_POOL): Dec {
  const v = requireValidator(ctx, operator);
  checkPrice(v);
  movePool(ctx, from, poolOf(v), amount);
  return credit(ctx, delegator, v, amount);
}

/** Shares to take back for `amount`, at most all of them. Throws TxError staking/3, 19, 22 or sdk/18. */
export function sharesForAmount(ctx: Context, delegator: Uint8Array, operator: Uint8Array, amount: bigint): Dec {
  const v = requireValidator(ctx, operator);
  const owned = sharesOf(ctx, delegator, operator);
  if (owned === undefined) throw errNoDelegation('');
  const shares = sharesFromTokens(v, amount);
  if (shares > owned) throw errInvalidRequest('invalid shares amount');
  return shares;
}

/**
 * Takes shares out of a delegation; returns the tokens they were worth, which stay in the validator's pool. An operator
 * left with less than its minimum self-delegation is jailed; an unbonded validator left without shares is removed.
 * Throws TxError staking/3, 21 or 24.
 */
export function unbond(ctx: Context, delegator: Uint8Array, operator: Uint8Array, shares: Dec): bigint {
  ctx.gas.consume(stakeGas(ctx), 'stake');
  const owned = sharesOf(ctx, delegator, operator);
  if (owned === undefined) throw errNoDelegatorForAddress('');
  if (owned < shares) throw errNotEnoughDelegationShares(owned.toString());
  let v = requireValidator(ctx, operator);
  const rest = owned - shares;
  if (equalBytes(delegator, operator) && !v.jailed && tokensFromShares(v, rest) < v.minSelfDelegation) v = jail(ctx, operator);
  if (rest > 0n) setShares(ctx, delegator, v, rest);
  else {
    state.delegations.delete(ctx, [delegator, operator]);
    state.delegationsByValidator.delete(ctx, [operator, delegator]);
  }
  const [after, paid] = withoutShares(v, shares);
  setValidator(ctx, after, v);
  if (after.shares === 0n && isUnbonded(after)) removeValidator(ctx, after);
  return paid;
}
