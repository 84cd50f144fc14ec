// SPDX-License-Identifier: Apache-2.0
import { toHex } from '../../core/bytes.ts';
import type { ReadContext } from '../../core/context.ts';
import { getBalance } from '../bank/index.ts';
import { getParams } from './keeper.ts';
import * as state from './state.ts';
import { BONDED_POOL, consensusAddressOf, decOf, isBonded, isUnbonded, MAX_POWER, NOT_BONDED_POOL, powerOf } from './types.ts';

function pools(ctx: ReadContext, out: string[]): void {
  let bonded = 0n;
  let notBonded = 0n;
  for (const [, v] of state.validators.entries(ctx)) {
    if (isBonded(v)) bonded += v.tokens;
    else notBonded += v.tokens;
  }
  for (const [, u] of state.unbondings.entries(ctx)) for (const e of u.entries) notBonded += BigInt(e.balance);
  const { bondDenom } = getParams(ctx);
  const heldBonded = getBalance(ctx, BONDED_POOL.address, bondDenom);
  const heldNotBonded = getBalance(ctx, NOT_BONDED_POOL.address, bondDenom);
  if (heldBonded !== bonded) out.push(`staking: the bonded pool holds ${heldBonded}, bonded validators have ${bonded}`);
  if (heldNotBonded !== notBonded) out.push(`staking: the not bonded pool holds ${heldNotBonded}, others and what unbonds have ${notBonded}`);
}

function shares(ctx: ReadContext, out: string[]): void {
  const sums = new Map<string, bigint>();
  for (const [[delegator, operator], d] of state.delegations.entries(ctx)) {
    const own = decOf(d.shares);
    if (own <= 0n) out.push(`staking: ${d.delegatorAddress} has ${own} shares of ${d.validatorAddress}`);
    if (!state.delegationsByValidator.has(ctx, [operator, delegator])) out.push(`staking: a delegation to ${d.validatorAddress} is not indexed`);
    sums.set(toHex(operator), (sums.get(toHex(operator)) ?? 0n) + own);
  }
  for (const [operator, v] of state.validators.entries(ctx)) {
    const sum = sums.get(toHex(operator)) ?? 0n;
    if (sum !== v.shares) out.push(`staking: ${v.operatorAddress} has ${v.shares} shares, its delegations ${sum}`);
    if (v.tokens < 0n || (v.shares === 0n && v.tokens !== 0n))
      out.push(`staking: ${v.operatorAddress} has ${v.tokens} tokens and ${v.shares} shares`);
    if (v.shares === 0n && isUnbonded(v)) out.push(`staking: ${v.operatorAddress} is unbonded and empty`);
    sums.delete(toHex(operator));
  }
  for (const operator of sums.keys()) out.push(`staking: delegations to ${operator}, which is no validator`);
}

function ranks(ctx: ReadContext, out: string[]): void {
  let ranked = 0;
  for (const [[power, operator]] of state.ranking.entries(ctx)) {
    const v = state.validators.get(ctx, operator);
    if (v === undefined || v.jailed || powerOf(v.tokens) !== power) out.push(`staking: ${toHex(operator)} is ranked with power ${power}`);
    ranked++;
  }
  let free = 0;
  for (const [operator, v] of state.validators.entries(ctx)) {
    if (!v.jailed) free++;
    if (toHex(state.operators.get(ctx, consensusAddressOf(v)) ?? new Uint8Array(0)) !== toHex(operator))
      out.push(`staking: the consensus address of ${v.operatorAddress} does not lead to it`);
    if (isBonded(v) !== state.lastPowers.has(ctx, operator))
      out.push(`staking: ${v.operatorAddress} is of status ${v.status}, which the last set contradicts`);
  }
  if (ranked !== free) out.push(`staking: ${ranked} validators are ranked, ${free} are not jailed`);
}

function powers(ctx: ReadContext, out: string[]): void {
  let total = 0n;
  for (const [operator, power] of state.lastPowers.entries(ctx)) {
    if (power < 1n || power > MAX_POWER) out.push(`staking: ${toHex(operator)} has power ${power}`);
    total += power;
  }
  const last = state.lastTotalPower.get(ctx) ?? 0n;
  if (total !== last) out.push(`staking: the powers sum to ${total}, the total says ${last}`);
}

function departed(ctx: ReadContext, out: string[]): void {
  for (const [[delegator, operator], u] of state.unbondings.entries(ctx)) {
    if (u.entries.length === 0 || u.entries.some((e) => BigInt(e.balance) < 0n)) out.push(`staking: ${u.delegatorAddress} unbonds less than nothing`);
    if (!state.unbondingsByValidator.has(ctx, [operator, delegator])) out.push(`staking: an unbonding from ${u.validatorAddress} is not indexed`);
  }
  for (const [[delegator, source, destination], r] of state.redelegations.entries(ctx)) {
    if (r.entries.length === 0) out.push(`staking: ${r.delegatorAddress} redelegates without entries`);
    const indexed =
      state.redelegationsBySource.has(ctx, [source, delegator, destination]) &&
      state.redelegationsByDestination.has(ctx, [destination, delegator, source]);
    if (!indexed) out.push(`staking: a redelegation from ${r.validatorSrcAddress} is not indexed`);
  }
}

/** Pools match tokens, delegations match shares, the ranking and the last set match the validators. */
export function invariants(ctx: ReadContext): readonly string[] {
  const out: string[] = [];
  for (const check of [pools, shares, ranks, powers, departed]) check(ctx, out);
  return out;
}
