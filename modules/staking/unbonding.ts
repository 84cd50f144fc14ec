// SPDX-License-Identifier: Apache-2.0
// Undelegating and redelegating: stake that has left a validator stays slashable for the unbonding time.
import { formatAddress } from '../../core/address.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import type { Dec } from '../../core/dec.ts';
import { errInvalidRequest, errKeyNotFound, errNotFound } from '../../core/errors.ts';
import { fromTimestamp, toTimestamp } from '../../core/time.ts';
import type { Redelegation, UnbondingDelegation } from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { sendFromModule } from '../bank/index.ts';
import { delegateFromPool, unbond } from './delegation.ts';
import {
  errBadRedelegationDst,
  errMaxRedelegationEntries,
  errMaxUnbondingDelegationEntries,
  errSelfRedelegation,
  errTinyRedelegationAmount,
  errTransitiveRedelegation,
  errValidatorJailed,
} from './errors.ts';
import { completionTime, getParams, getValidator, movePool, nextUnbondingId, poolOf, requireValidator } from './keeper.ts';
import * as state from './state.ts';
import { isBonded, isUnbonded, NOT_BONDED_POOL, type Validator } from './types.ts';

/** Writes an unbonding delegation with its index, or removes it when no entry is left. */
export function setUnbonding(ctx: Context, delegator: Uint8Array, operator: Uint8Array, u: UnbondingDelegation): void {
  if (u.entries.length === 0) {
    state.unbondings.delete(ctx, [delegator, operator]);
    state.unbondingsByValidator.delete(ctx, [operator, delegator]);
    return;
  }
  state.unbondings.set(ctx, [delegator, operator], u);
  state.unbondingsByValidator.set(ctx, [operator, delegator], true);
}

/** As `setUnbonding`, for a redelegation. */
export function setRedelegation(ctx: Context, delegator: Uint8Array, source: Uint8Array, destination: Uint8Array, r: Redelegation): void {
  if (r.entries.length === 0) {
    state.redelegations.delete(ctx, [delegator, source, destination]);
    state.redelegationsBySource.delete(ctx, [source, delegator, destination]);
    state.redelegationsByDestination.delete(ctx, [destination, delegator, source]);
    return;
  }
  state.redelegations.set(ctx, [delegator, source, destination], r);
  state.redelegationsBySource.set(ctx, [source, delegator, destination], true);
  state.redelegationsByDestination.set(ctx, [destination, delegator, source], true);
}

function addUnbonding(ctx: Context, delegator: Uint8Array, v: Validator, amount: bigint): bigint {
  const time = completionTime(ctx);
  const old = state.unbondings.get(ctx, [delegator, v.operator]);
  const entries = [...(old?.entries ?? [])];
  const same = entries.findIndex((e) => e.creationHeight === ctx.block.height && fromTimestamp(e.completionTime) === time);
  const merged = entries[same];
  if (merged !== undefined) {
    const balance = (BigInt(merged.balance) + amount).toString();
    entries[same] = { ...merged, balance, initialBalance: (BigInt(merged.initialBalance) + amount).toString() };
  } else {
    entries.push({
      creationHeight: ctx.block.height,
      completionTime: toTimestamp(time),
      initialBalance: amount.toString(),
      balance: amount.toString(),
      unbondingId: nextUnbondingId(ctx),
      unbondingOnHoldRefCount: 0n,
    });
  }
  const delegatorAddress = formatAddress(delegator, ctx.chain.addressPrefix);
  setUnbonding(ctx, delegator, v.operator, { delegatorAddress, validatorAddress: v.operatorAddress, entries });
  state.unbondingQueue.set(ctx, [time, [delegator, v.operator]], true);
  return time;
}

/** Starts to give shares back; returns the amount and when it is paid. Throws TxError staking/3, 21, 24 or 27. */
export function undelegate(
  ctx: Context,
  delegator: Uint8Array,
  operator: Uint8Array,
  shares: Dec,
): { readonly amount: bigint; readonly time: bigint } {
  const v = requireValidator(ctx, operator);
  const old = state.unbondings.get(ctx, [delegator, operator]);
  if ((old?.entries.length ?? 0) >= getParams(ctx).maxEntries) throw errMaxUnbondingDelegationEntries('');
  const amount = unbond(ctx, delegator, operator, shares);
  movePool(ctx, poolOf(v), NOT_BONDED_POOL, amount);
  return { amount, time: addUnbonding(ctx, delegator, v, amount) };
}

/** Pays the entries that are due; returns what was paid. */
export function completeUnbonding(ctx: Context, delegator: Uint8Array, operator: Uint8Array): bigint {
  const u = state.unbondings.get(ctx, [delegator, operator]);
  // Cancelled before its time.
  if (u === undefined) return 0n;
  const due = u.entries.filter((e) => fromTimestamp(e.completionTime) <= ctx.block.time);
  const amount = due.reduce((sum, e) => sum + BigInt(e.balance), 0n);
  setUnbonding(ctx, delegator, operator, { ...u, entries: u.entries.filter((e) => fromTimestamp(e.completionTime) > ctx.block.time) });
  if (amount > 0n) sendFromModule(ctx, NOT_BONDED_POOL, delegator, [{ denom: getParams(ctx).bondDenom, amount }]);
  return amount;
}

/** Delegates an amount back that unbonds since `creationHeight`. Throws TxError staking/3, 7, 34, sdk/18, 22 or 38. */
export function cancelUnbonding(ctx: Context, delegator: Uint8Array, operator: Uint8Array, amount: bigint, creationHeight: bigint): void {
  const v = requireValidator(ctx, operator);
  if (v.jailed) throw errValidatorJailed('');
  const u = state.unbondings.get(ctx, [delegator, operator]);
  if (u === undefined) {
    const text = formatAddress(delegator, ctx.chain.addressPrefix);
    throw errKeyNotFound(`unbonding delegation with delegator ${text} not found for validator ${v.operatorAddress}`);
  }
  const at = u.entries.findIndex((e) => e.creationHeight === creationHeight);
  const entry = u.entries[at];
  if (entry === undefined) throw errNotFound(`unbonding delegation entry is not found at block height ${creationHeight}`);
  const balance = BigInt(entry.balance);
  if (balance < amount) throw errInvalidRequest('amount is greater than the unbonding delegation entry balance');
  if (fromTimestamp(entry.completionTime) < ctx.block.time) throw errInvalidRequest('unbonding delegation is already processed');
  delegateFromPool(ctx, delegator, operator, amount, NOT_BONDED_POOL);
  const entries = [...u.entries];
  if (balance === amount) entries.splice(at, 1);
  else entries[at] = { ...entry, balance: (balance - amount).toString(), initialBalance: (BigInt(entry.initialBalance) - amount).toString() };
  setUnbonding(ctx, delegator, operator, { ...u, entries });
}

interface Move {
  readonly delegator: Uint8Array;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

function addRedelegation(ctx: Context, move: Move, source: Validator, balance: bigint, sharesDst: Dec): bigint {
  const { delegator, destination } = move;
  // What leaves an unbonding validator is free with it: it was not in the set since then.
  const bonded = isBonded(source);
  const time = bonded ? completionTime(ctx) : source.unbondingTime;
  const creationHeight = bonded ? ctx.block.height : source.unbondingHeight;
  const old = state.redelegations.get(ctx, [delegator, source.operator, destination]);
  const entry = {
    creationHeight,
    completionTime: toTimestamp(time),
    initialBalance: balance.toString(),
    sharesDst: sharesDst.toString(),
    unbondingId: nextUnbondingId(ctx),
    unbondingOnHoldRefCount: 0n,
  };
  const { addressPrefix } = ctx.chain;
  setRedelegation(ctx, delegator, source.operator, destination, {
    delegatorAddress: formatAddress(delegator, addressPrefix),
    validatorSrcAddress: source.operatorAddress,
    validatorDstAddress: formatAddress(destination, addressPrefix, 'valoper'),
    entries: [...(old?.entries ?? []), entry],
  });
  state.redelegationQueue.set(ctx, [time, [delegator, source.operator, destination]], true);
  return time;
}

/** Moves shares to another validator at once; returns until when they answer for the first one. Throws TxError staking/3 and 21 to 34. */
export function redelegate(ctx: Context, move: Move, shares: Dec): bigint {
  const { delegator, source, destination } = move;
  if (equalBytes(source, destination)) throw errSelfRedelegation('');
  if (getValidator(ctx, destination) === undefined) throw errBadRedelegationDst('');
  const src = requireValidator(ctx, source);
  // A chain of moves would carry stake out of reach of the validator that it left first.
  for (const _ of state.redelegationsByDestination.entries(ctx, { prefix: state.startingWithPair(source, delegator) }))
    throw errTransitiveRedelegation('');
  const old = state.redelegations.get(ctx, [delegator, source, destination]);
  if ((old?.entries.length ?? 0) >= getParams(ctx).maxEntries) throw errMaxRedelegationEntries('');
  const amount = unbond(ctx, delegator, source, shares);
  if (amount === 0n) throw errTinyRedelegationAmount('');
  const sharesDst = delegateFromPool(ctx, delegator, destination, amount, poolOf(src));
  if (isUnbonded(src)) return ctx.block.time;
  return addRedelegation(ctx, move, src, amount, sharesDst);
}

/** Ends the entries that are due; returns their initial balance. */
export function completeRedelegation(ctx: Context, { delegator, source, destination }: Move): bigint {
  const r = state.redelegations.get(ctx, [delegator, source, destination]);
  if (r === undefined) return 0n;
  const due = r.entries.filter((e) => fromTimestamp(e.completionTime) <= ctx.block.time);
  setRedelegation(ctx, delegator, source, destination, { ...r, entries: r.entries.filter((e) => fromTimestamp(e.completionTime) > ctx.block.time) });
  return due.reduce((sum, e) => sum + BigInt(e.initialBalance), 0n);
}
