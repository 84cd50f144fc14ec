// SPDX-License-Identifier: Apache-2.0
import { formatAddress, parseAddress } from '../../core/address.ts';
import { compareBytes, equalBytes, utf8 } from '../../core/bytes.ts';
import type { ChainConfig, Context, ReadContext } from '../../core/context.ts';
import { asObject, type JsonObject } from '../../core/json.ts';
import type { GenesisHooks, ValidatorUpdate } from '../../core/module.ts';
import { toProtoJson } from '../../core/protojson.ts';
import { fromTimestamp } from '../../core/time.ts';
import { GenesisState } from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { ensureModuleAccount } from '../auth/index.ts';
import { getBalance } from '../bank/index.ts';
import { PATH, parseGenesis, type StakingGenesis } from './checks.ts';
import { afterValidatorBonded } from './hooks.ts';
import { knownValidator, setValidator } from './keeper.ts';
import { applyValidatorSetUpdates, electedValidators } from './power.ts';
import * as state from './state.ts';
import { BONDED_POOL, consensusAddressOf, defaultParams, isBonded, isUnbonding, NOT_BONDED_POOL, toProto } from './types.ts';
import { setRedelegation, setUnbonding } from './unbonding.ts';

/** `app_state.staking` of a new chain: no validators. */
export function defaultGenesis(chain: ChainConfig): JsonObject {
  const empty: GenesisState = {
    params: defaultParams(chain.bondDenom),
    lastTotalPower: utf8('0'),
    lastValidatorPowers: [],
    validators: [],
    delegations: [],
    unbondingDelegations: [],
    redelegations: [],
    exported: false,
  };
  return asObject(toProtoJson(GenesisState, empty), PATH);
}

function initValidators(ctx: Context, g: StakingGenesis): void {
  for (const v of g.validators) {
    setValidator(ctx, v, undefined);
    state.operators.set(ctx, consensusAddressOf(v), v.operator);
    if (isUnbonding(v)) state.validatorQueue.set(ctx, [v.unbondingTime, v.operator], true);
    if (!g.exported && isBonded(v)) afterValidatorBonded(ctx, consensusAddressOf(v));
  }
}

function initDelegations(ctx: Context, g: StakingGenesis): void {
  const account = (text: string): Uint8Array => parseAddress(text, ctx.chain.addressPrefix);
  const operator = (text: string): Uint8Array => parseAddress(text, ctx.chain.addressPrefix, 'validator_address', 'valoper');
  let lastId = 0n;
  for (const d of g.delegations) {
    const key = [account(d.delegatorAddress), operator(d.validatorAddress)] as const;
    state.delegations.set(ctx, key, d);
    state.delegationsByValidator.set(ctx, [key[1], key[0]], true);
  }
  for (const u of g.unbondingDelegations) {
    const key = [account(u.delegatorAddress), operator(u.validatorAddress)] as const;
    setUnbonding(ctx, key[0], key[1], u);
    for (const e of u.entries) {
      state.unbondingQueue.set(ctx, [fromTimestamp(e.completionTime), key], true);
      if (e.unbondingId > lastId) lastId = e.unbondingId;
    }
  }
  for (const r of g.redelegations) {
    const key = [account(r.delegatorAddress), operator(r.validatorSrcAddress), operator(r.validatorDstAddress)] as const;
    setRedelegation(ctx, key[0], key[1], key[2], r);
    for (const e of r.entries) {
      state.redelegationQueue.set(ctx, [fromTimestamp(e.completionTime), key], true);
      if (e.unbondingId > lastId) lastId = e.unbondingId;
    }
  }
  for (const v of g.validators) for (const id of v.unbondingIds) if (id > lastId) lastId = id;
  if (lastId > 0n) state.unbondingId.set(ctx, lastId);
}

/** The pools exist and hold exactly what genesis says that they hold. */
function checkPools(ctx: Context, g: StakingGenesis): void {
  let bonded = 0n;
  let notBonded = 0n;
  for (const v of g.validators) {
    if (isBonded(v)) bonded += v.tokens;
    else notBonded += v.tokens;
  }
  for (const u of g.unbondingDelegations) for (const e of u.entries) notBonded += BigInt(e.balance);
  for (const [pool, expected] of [
    [BONDED_POOL, bonded],
    [NOT_BONDED_POOL, notBonded],
  ] as const) {
    ensureModuleAccount(ctx, pool);
    const held = getBalance(ctx, pool.address, g.params.bondDenom);
    if (held !== expected) {
      const address = formatAddress(pool.address, ctx.chain.addressPrefix);
      throw new Error(
        `app_state.bank.balances: ${pool.name} (${address}) holds ${held}${g.params.bondDenom}, app_state.staking asks for ${expected}`,
      );
    }
  }
}

/** The set as it was when exported; the next block changes it where the stake says so. */
function restoreSet(ctx: Context, g: StakingGenesis): readonly ValidatorUpdate[] {
  for (const { operator, power } of g.lastPowers) state.lastPowers.set(ctx, operator, power);
  state.lastTotalPower.set(ctx, g.lastTotalPower);
  const sorted = [...g.lastPowers].sort((a, b) => (a.power === b.power ? compareBytes(a.operator, b.operator) : a.power > b.power ? -1 : 1));
  return sorted.map(({ operator, power }) => ({ publicKey: knownValidator(ctx, operator).publicKey, power }));
}

function checkElected(ctx: Context, g: StakingGenesis): void {
  const elected = electedValidators(ctx);
  g.validators.forEach((v, i) => {
    if (isBonded(v) && !elected.some((e) => equalBytes(e.operator, v.operator)))
      throw new Error(`${PATH}.validators[${i}].status: bonded, but not among the ${g.params.maxValidators} strongest (max_validators)`);
  });
}

export const genesis: GenesisHooks = {
  validate: (json, chain) => {
    parseGenesis(json, chain);
  },
  init(ctx, json) {
    const g = parseGenesis(json, ctx.chain);
    state.params.set(ctx, g.params);
    initValidators(ctx, g);
    initDelegations(ctx, g);
    checkPools(ctx, g);
    if (g.exported) return restoreSet(ctx, g);
    checkElected(ctx, g);
    return applyValidatorSetUpdates(ctx);
  },
  export: (ctx: ReadContext) =>
    toProtoJson(GenesisState, {
      params: state.params.need(ctx),
      lastTotalPower: utf8((state.lastTotalPower.get(ctx) ?? 0n).toString()),
      lastValidatorPowers: [...state.lastPowers.entries(ctx)].map(([operator, power]) => ({
        address: formatAddress(operator, ctx.chain.addressPrefix, 'valoper'),
        power,
      })),
      validators: [...state.validators.entries(ctx)].map(([, v]) => toProto(v)),
      delegations: [...state.delegations.entries(ctx)].map(([, d]) => d),
      unbondingDelegations: [...state.unbondings.entries(ctx)].map(([, u]) => u),
      redelegations: [...state.redelegations.entries(ctx)].map(([, r]) => r),
      exported: true,
    }),
};
