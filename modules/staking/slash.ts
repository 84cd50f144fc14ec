// SPDX-License-Identifier: Apache-2.0
// Punishment by the stake of the time of the fault: what stood behind the validator then pays, also what has left
// since (cosmos-sdk x/staking/keeper/slash.go). All fractions round down, in favour of the punished.
import { equalBytes } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import { type Dec, mulHalfEven, ONE } from '../../core/dec.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { fromTimestamp } from '../../core/time.ts';
import type { Redelegation, RedelegationEntry, UnbondingDelegation, UnbondingDelegationEntry } from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { unbond } from './delegation.ts';
import { burnFrom, knownValidator, poolOf, setValidator, sharesOf, validatorByConsensusAddress } from './keeper.ts';
import * as state from './state.ts';
import { decOf, isUnbonded, NOT_BONDED_POOL, POWER_REDUCTION } from './types.ts';
import { setUnbonding } from './unbonding.ts';

export interface Infraction {
  /** Consensus address. */
  readonly address: Uint8Array;
  /** When it happened. */
  readonly height: bigint;
  /** Power of the validator at that height. */
  readonly power: bigint;
  /** Part of the stake of then, 0 to 1. */
  readonly fraction: Dec;
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const part = (fraction: Dec, amount: bigint): bigint => (fraction * amount) / ONE;

/** Whether stake that left at this entry's time stood behind the validator at the fault, and has not been paid out. */
function answers(ctx: Context, entry: UnbondingDelegationEntry | RedelegationEntry, height: bigint): boolean {
  return entry.creationHeight >= height && fromTimestamp(entry.completionTime) > ctx.block.time;
}

/** Takes up to `limit(entry)` from each entry that answers; returns the unbonding delegation after and what was taken. */
function takeFromEntries(
  ctx: Context,
  u: UnbondingDelegation,
  height: bigint,
  limit: (entry: UnbondingDelegationEntry, taken: bigint) => bigint,
): readonly [UnbondingDelegation, taken: bigint] {
  let taken = 0n;
  const entries = u.entries.map((entry) => {
    if (!answers(ctx, entry, height)) return entry;
    const amount = min(limit(entry, taken), BigInt(entry.balance));
    taken += amount;
    return { ...entry, balance: (BigInt(entry.balance) - amount).toString() };
  });
  return [{ ...u, entries }, taken];
}

/** Slashes what unbonds from the validator; returns what its entries owed, whether or not so much was left in them. */
function slashUnbonding(ctx: Context, delegator: Uint8Array, operator: Uint8Array, { height, fraction }: Infraction): bigint {
  const u = state.unbondings.get(ctx, [delegator, operator]);
  if (u === undefined) throw new CorruptStateError('staking: the index of unbonding delegations names one that does not exist');
  const owed = u.entries.filter((e) => answers(ctx, e, height)).reduce((sum, e) => sum + part(fraction, BigInt(e.initialBalance)), 0n);
  const [after, taken] = takeFromEntries(ctx, u, height, (e) => part(fraction, BigInt(e.initialBalance)));
  if (taken > 0n) setUnbonding(ctx, delegator, operator, after);
  burnFrom(ctx, NOT_BONDED_POOL, taken);
  return owed;
}

/** Slashes one entry of a redelegation at its destination: first what unbonds from there, then the delegation. */
function slashMoved(
  ctx: Context,
  delegator: Uint8Array,
  destination: Uint8Array,
  entry: RedelegationEntry,
  { height, fraction }: Infraction,
): bigint {
  const owed = part(fraction, BigInt(entry.initialBalance));
  let rest = owed;
  const u = state.unbondings.get(ctx, [delegator, destination]);
  if (u !== undefined && rest > 0n) {
    const [after, taken] = takeFromEntries(ctx, u, height, (_, soFar) => rest - soFar);
    if (taken > 0n) setUnbonding(ctx, delegator, destination, after);
    burnFrom(ctx, NOT_BONDED_POOL, taken);
    rest -= taken;
  }
  const owned = sharesOf(ctx, delegator, destination);
  const shares = min(mulHalfEven(fraction, decOf(entry.sharesDst)), owned ?? 0n);
  if (shares === 0n || rest === 0n) return owed;
  // The last share of an unbonded validator removes it: its pool is asked before.
  const pool = poolOf(knownValidator(ctx, destination));
  burnFrom(ctx, pool, unbond(ctx, delegator, destination, shares));
  return owed;
}

function slashRedelegation(ctx: Context, delegator: Uint8Array, destination: Uint8Array, r: Redelegation, infraction: Infraction): bigint {
  let owed = 0n;
  for (const entry of r.entries) {
    if (answers(ctx, entry, infraction.height)) owed += slashMoved(ctx, delegator, destination, entry, infraction);
  }
  return owed;
}

/** What left the validator since the fault; returns what it owed. */
function slashDeparted(ctx: Context, operator: Uint8Array, infraction: Infraction): bigint {
  const prefix = state.startingWith(operator);
  let owed = 0n;
  for (const [[, delegator]] of [...state.unbondingsByValidator.entries(ctx, { prefix })])
    owed += slashUnbonding(ctx, delegator, operator, infraction);
  for (const [[, delegator, destination]] of [...state.redelegationsBySource.entries(ctx, { prefix })]) {
    const r = state.redelegations.get(ctx, [delegator, operator, destination]);
    if (r === undefined || equalBytes(operator, destination))
      throw new CorruptStateError('staking: the index of redelegations names one that does not exist');
    owed += slashRedelegation(ctx, delegator, destination, r, infraction);
  }
  return owed;
}

/**
 * Destroys `fraction` of the tokens that `power` stood for at `height`: first the part of what has left since, then
 * of the validator's own tokens. Returns what was taken of those. Nothing happens when the validator is gone, came
 * back with another key or is unbonded: its stake was free before the evidence came. Throws RangeError for a fraction
 * outside 0 to 1 or a height that has not come, which only a caller's defect can give.
 */
export function slash(ctx: Context, infraction: Infraction): bigint {
  const { address, height, power, fraction } = infraction;
  if (fraction < 0n || fraction > ONE) throw new RangeError(`slash: fraction ${fraction} is outside 0 to 1`);
  if (height > ctx.block.height) throw new RangeError(`slash: height ${height} has not come; this is ${ctx.block.height}`);
  const v = validatorByConsensusAddress(ctx, address);
  if (v === undefined || isUnbonded(v)) return 0n;
  let rest = part(fraction, power * POWER_REDUCTION);
  if (height < ctx.block.height) rest -= slashDeparted(ctx, v.operator, infraction);
  // Slashing a redelegation does not touch the validator that it left; read again all the same.
  const now = knownValidator(ctx, v.operator);
  const amount = min(rest, now.tokens);
  if (amount <= 0n) return 0n;
  setValidator(ctx, { ...now, tokens: now.tokens - amount }, now);
  burnFrom(ctx, poolOf(now), amount);
  return amount;
}
