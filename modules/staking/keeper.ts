// SPDX-License-Identifier: Apache-2.0
// Validators, their indexes and the two pools.
import { equalBytes } from '../../core/bytes.ts';
import type { Readable } from '../../core/collections.ts';
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import type { Params } from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { burn, sendFromModule } from '../bank/index.ts';
import { errNoValidatorFound } from './errors.ts';
import * as state from './state.ts';
import { BONDED_POOL, consensusAddressOf, decOf, isBonded, NOT_BONDED_POOL, powerOf, unbondingTimeOf, type Validator } from './types.ts';

export function getParams(ctx: Readable): Params {
  return state.params.need(ctx);
}

/** When what starts to unbond in this block is free, in nanoseconds. */
export function completionTime(ctx: Context): bigint {
  return ctx.block.time + unbondingTimeOf(getParams(ctx));
}

export function getValidator(ctx: Readable, operator: Uint8Array): Validator | undefined {
  return state.validators.get(ctx, operator);
}

/** As `getValidator`; throws TxError staking/3 when there is none. */
export function requireValidator(ctx: Readable, operator: Uint8Array): Validator {
  const v = getValidator(ctx, operator);
  if (v === undefined) throw errNoValidatorFound('');
  return v;
}

/** As `getValidator`, for an operator that an index of ours names. */
export function knownValidator(ctx: Readable, operator: Uint8Array): Validator {
  const v = getValidator(ctx, operator);
  if (v === undefined) throw new CorruptStateError('staking: an index names a validator that does not exist');
  return v;
}

/** Operator that uses or used a consensus address. */
export function operatorOf(ctx: Readable, consensusAddress: Uint8Array): Uint8Array | undefined {
  return state.operators.get(ctx, consensusAddress);
}

/** The validator that uses a consensus address now; undefined when it is gone or its operator came back with another key. */
export function validatorByConsensusAddress(ctx: Readable, consensusAddress: Uint8Array): Validator | undefined {
  const operator = operatorOf(ctx, consensusAddress);
  const v = operator === undefined ? undefined : getValidator(ctx, operator);
  return v !== undefined && equalBytes(consensusAddressOf(v), consensusAddress) ? v : undefined;
}

/** Writes a validator and moves it in the ranking; `before` is what stood there. */
export function setValidator(ctx: Context, v: Validator, before: Validator | undefined): void {
  state.validators.set(ctx, v.operator, v);
  const oldRank = before === undefined || before.jailed ? undefined : powerOf(before.tokens);
  const newRank = v.jailed ? undefined : powerOf(v.tokens);
  if (oldRank === newRank) return;
  if (oldRank !== undefined) state.ranking.delete(ctx, [oldRank, v.operator]);
  if (newRank !== undefined) state.ranking.set(ctx, [newRank, v.operator], v.operator);
}

/** Removes an unbonded validator without shares. Its consensus address keeps pointing to its operator. */
export function removeValidator(ctx: Context, v: Validator): void {
  if (v.tokens !== 0n || v.shares !== 0n) throw new CorruptStateError(`staking: ${v.operatorAddress} is to be removed with ${v.tokens} tokens`);
  state.validators.delete(ctx, v.operator);
  if (!v.jailed) state.ranking.delete(ctx, [powerOf(v.tokens), v.operator]);
}

/** Out of the ranking: it leaves the set at the end of the block and stays out until `unjail`. */
export function jail(ctx: Context, operator: Uint8Array): Validator {
  const v = knownValidator(ctx, operator);
  if (v.jailed) return v;
  const jailed = { ...v, jailed: true };
  setValidator(ctx, jailed, v);
  return jailed;
}

export function unjail(ctx: Context, operator: Uint8Array): void {
  const v = knownValidator(ctx, operator);
  if (v.jailed) setValidator(ctx, { ...v, jailed: false }, v);
}

/** The pool that holds a validator's tokens. */
export function poolOf(v: Validator): typeof BONDED_POOL {
  return isBonded(v) ? BONDED_POOL : NOT_BONDED_POOL;
}

/** Moves tokens between the pools; nothing for zero. */
export function movePool(ctx: Context, from: typeof BONDED_POOL, to: typeof BONDED_POOL, amount: bigint): void {
  if (amount === 0n || from.name === to.name) return;
  sendFromModule(ctx, from, to.address, [{ denom: getParams(ctx).bondDenom, amount }]);
}

/** Destroys tokens of a pool; nothing for zero. */
export function burnFrom(ctx: Context, pool: typeof BONDED_POOL, amount: bigint): void {
  if (amount > 0n) burn(ctx, pool, [{ denom: getParams(ctx).bondDenom, amount }]);
}

/** Number of the next unbonding. */
export function nextUnbondingId(ctx: Context): bigint {
  const id = (state.unbondingId.get(ctx) ?? 0n) + 1n;
  state.unbondingId.set(ctx, id);
  return id;
}

/** Shares of a delegation in 10^-18; undefined when there is none. */
export function sharesOf(ctx: Readable, delegator: Uint8Array, operator: Uint8Array): bigint | undefined {
  const delegation = state.delegations.get(ctx, [delegator, operator]);
  return delegation === undefined ? undefined : decOf(delegation.shares);
}
