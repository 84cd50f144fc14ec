// SPDX-License-Identifier: Apache-2.0
// The validator set: who is in it, with which power, and what CometBFT has to be told. CometBFT stops for ever on an empty
// set, a duplicate or the removal of a non-member (state/execution.go, types/validator_set.go), so none can leave here.
import { compareBytes, toHex } from '../../core/bytes.ts';
import type { Context, ReadContext } from '../../core/context.ts';
import type { ValidatorUpdate } from '../../core/module.ts';
import { BondStatus } from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { afterValidatorBonded } from './hooks.ts';
import { completionTime, getParams, knownValidator, movePool, nextUnbondingId, removeValidator } from './keeper.ts';
import * as state from './state.ts';
import { BONDED_POOL, consensusAddressOf, isBonded, isUnbonding, NOT_BONDED_POOL, powerOf, type Validator } from './types.ts';

/** Validators that belong into the set by rank: not jailed, power at least 1, at most max_validators; of equal powers the lower operator first. */
export function electedValidators(ctx: ReadContext): readonly Validator[] {
  const { maxValidators } = getParams(ctx);
  const elected: Validator[] = [];
  for (const [[power], operator] of state.ranking.entries(ctx, { reverse: true })) {
    if (elected.length >= maxValidators || power === 0n) break;
    elected.push(knownValidator(ctx, operator));
  }
  return elected;
}

/** Members of the set that CometBFT was told last, in order of power, then operator. */
export function lastValidators(ctx: ReadContext): readonly Validator[] {
  const members = [...state.lastPowers.entries(ctx)].map(([operator, power]) => ({ power, v: knownValidator(ctx, operator) }));
  members.sort((a, b) => (a.power === b.power ? compareBytes(a.v.operator, b.v.operator) : a.power > b.power ? -1 : 1));
  return members.map((m) => m.v);
}

function bond(ctx: Context, v: Validator): void {
  if (isUnbonding(v)) state.validatorQueue.delete(ctx, [v.unbondingTime, v.operator]);
  state.validators.set(ctx, v.operator, { ...v, status: BondStatus.BOND_STATUS_BONDED });
  afterValidatorBonded(ctx, consensusAddressOf(v));
}

function beginUnbonding(ctx: Context, v: Validator): void {
  const unbondingTime = completionTime(ctx);
  state.validators.set(ctx, v.operator, {
    ...v,
    status: BondStatus.BOND_STATUS_UNBONDING,
    unbondingTime,
    unbondingHeight: ctx.block.height,
    unbondingIds: [...v.unbondingIds, nextUnbondingId(ctx)],
  });
  state.validatorQueue.set(ctx, [unbondingTime, v.operator], true);
}

/** Tokens of all that left move against tokens of all that entered, so that at most one transfer is made. */
function settlePools(ctx: Context, entered: bigint, left: bigint): void {
  if (entered > left) movePool(ctx, NOT_BONDED_POOL, BONDED_POOL, entered - left);
  else movePool(ctx, BONDED_POOL, NOT_BONDED_POOL, left - entered);
}

/**
 * Makes the set follow the ranking and returns the changes against what CometBFT was told last, strongest first, then
 * removals in order of operator. When nobody can be elected the set of before stays as it is, jailed members too.
 */
export function applyValidatorSetUpdates(ctx: Context): readonly ValidatorUpdate[] {
  const elected = electedValidators(ctx);
  if (elected.length === 0) return [];
  const last = new Map([...state.lastPowers.entries(ctx)].map(([operator, power]) => [toHex(operator), { operator, power }]));
  const updates: ValidatorUpdate[] = [];
  let entered = 0n;
  let left = 0n;
  let total = 0n;
  for (const v of elected) {
    if (!isBonded(v)) {
      bond(ctx, v);
      entered += v.tokens;
    }
    const power = powerOf(v.tokens);
    if (last.get(toHex(v.operator))?.power !== power) {
      updates.push({ publicKey: v.publicKey, power });
      state.lastPowers.set(ctx, v.operator, power);
    }
    last.delete(toHex(v.operator));
    total += power;
  }
  for (const { operator } of last.values()) {
    const v = knownValidator(ctx, operator);
    beginUnbonding(ctx, v);
    left += v.tokens;
    state.lastPowers.delete(ctx, operator);
    updates.push({ publicKey: v.publicKey, power: 0n });
  }
  settlePools(ctx, entered, left);
  if (updates.length > 0) state.lastTotalPower.set(ctx, total);
  return updates;
}

/** Ends the unbonding of validators that are due; those without shares are removed. */
export function completeValidators(ctx: Context): void {
  const due: (readonly [bigint, Uint8Array])[] = [];
  for (const [key] of state.validatorQueue.entries(ctx)) {
    if (key[0] > ctx.block.time) break;
    due.push(key);
  }
  for (const key of due) {
    state.validatorQueue.delete(ctx, key);
    const v = { ...knownValidator(ctx, key[1]), status: BondStatus.BOND_STATUS_UNBONDED, unbondingIds: [] };
    state.validators.set(ctx, v.operator, v);
    if (v.shares === 0n) removeValidator(ctx, v);
  }
}
