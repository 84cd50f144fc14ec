// SPDX-License-Identifier: Apache-2.0
// `app_state.staking` checked without any state; every complaint names field and rule.
import { consensusAddress, formatAddress, parseAddress } from '../../core/address.ts';
import { fromUtf8, toHex } from '../../core/bytes.ts';
import { parseAmount } from '../../core/coin.ts';
import type { ChainConfig } from '../../core/context.ts';
import { asObject, type Json } from '../../core/json.ts';
import { fromProtoJson } from '../../core/protojson.ts';
import {
  BondStatus,
  type Delegation,
  GenesisState,
  type Params,
  type Redelegation,
  type UnbondingDelegation,
} from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { checkParams, decOf, fromProto, isBonded, MAX_POWER, powerOf, publicKeyOf, type Validator } from './types.ts';

export const PATH = 'app_state.staking';

export interface StakingGenesis {
  readonly params: Params;
  readonly validators: readonly Validator[];
  readonly delegations: readonly Delegation[];
  readonly unbondingDelegations: readonly UnbondingDelegation[];
  readonly redelegations: readonly Redelegation[];
  readonly lastPowers: readonly { readonly operator: Uint8Array; readonly power: bigint }[];
  readonly lastTotalPower: bigint;
  /** Written by an export: the last powers are CometBFT's set, and no change is due. */
  readonly exported: boolean;
}

type Known = ReadonlyMap<string, Validator>;

function unique(seen: Set<string>, id: string, path: string, what: string): void {
  if (seen.has(id)) throw new Error(`${path}: ${what} stands twice`);
  seen.add(id);
}

function checkValidators(g: GenesisState, chain: ChainConfig): readonly Validator[] {
  const operators = new Set<string>();
  const keys = new Set<string>();
  return g.validators.map((p, i) => {
    const path = `${PATH}.validators[${i}]`;
    parseAddress(p.operatorAddress, chain.addressPrefix, `${path}.operator_address`, 'valoper');
    const key = p.consensusPubkey === undefined ? undefined : publicKeyOf(p.consensusPubkey);
    if (key === undefined) throw new Error(`${path}.consensus_pubkey: expected an ed25519 key of 32 bytes`);
    parseAmount(p.tokens, `${path}.tokens`);
    parseAmount(p.minSelfDelegation, `${path}.min_self_delegation`);
    if (p.unbondingOnHoldRefCount !== 0n) throw new Error(`${path}.unbonding_on_hold_ref_count: holds on unbonding are not supported`);
    const v = fromProto(p);
    if (v.status < BondStatus.BOND_STATUS_UNBONDED) throw new Error(`${path}.status: must be unbonded, unbonding or bonded`);
    if (v.shares < 0n) throw new Error(`${path}.delegator_shares: must not be negative`);
    if (v.shares === 0n && v.tokens !== 0n) throw new Error(`${path}.tokens: must be zero without delegator_shares`);
    if (v.shares === 0n && v.status === BondStatus.BOND_STATUS_UNBONDED) throw new Error(`${path}.delegator_shares: must be positive`);
    if (!g.exported && isBonded(v) && (v.jailed || powerOf(v.tokens) === 0n)) throw new Error(`${path}.status: bonded, but jailed or without power`);
    unique(operators, v.operatorAddress, `${path}.operator_address`, v.operatorAddress);
    unique(keys, toHex(key), `${path}.consensus_pubkey`, formatAddress(consensusAddress(key), chain.addressPrefix, 'valcons'));
    return v;
  });
}

/** The parties of a delegation; the validator must exist. */
function checkParties(known: Known, chain: ChainConfig, delegator: string, operator: string, path: string): void {
  parseAddress(delegator, chain.addressPrefix, `${path}.delegator_address`);
  if (!known.has(operator)) throw new Error(`${path}.validator_address: ${operator.slice(0, 100)} is none of the validators`);
}

function checkDelegations(g: GenesisState, known: Known, chain: ChainConfig): void {
  const sums = new Map<string, bigint>();
  const seen = new Set<string>();
  g.delegations.forEach((d, i) => {
    const path = `${PATH}.delegations[${i}]`;
    checkParties(known, chain, d.delegatorAddress, d.validatorAddress, path);
    unique(seen, `${d.delegatorAddress}/${d.validatorAddress}`, path, 'the pair of delegator and validator');
    const shares = decOf(d.shares);
    if (shares <= 0n) throw new Error(`${path}.shares: must be positive`);
    sums.set(d.validatorAddress, (sums.get(d.validatorAddress) ?? 0n) + shares);
  });
  g.validators.forEach((v, i) => {
    if ((sums.get(v.operatorAddress) ?? 0n) !== decOf(v.delegatorShares))
      throw new Error(`${PATH}.validators[${i}].delegator_shares: must be the sum of the validator's delegations`);
  });
}

function checkEntries(
  entries: readonly { readonly initialBalance: string; readonly creationHeight: bigint; readonly unbondingOnHoldRefCount: bigint }[],
  path: string,
): void {
  if (entries.length === 0) throw new Error(`${path}.entries: must not be empty`);
  entries.forEach((e, i) => {
    parseAmount(e.initialBalance, `${path}.entries[${i}].initial_balance`);
    if (e.creationHeight < 0n) throw new Error(`${path}.entries[${i}].creation_height: must not be negative`);
    if (e.unbondingOnHoldRefCount !== 0n) throw new Error(`${path}.entries[${i}].unbonding_on_hold_ref_count: holds on unbonding are not supported`);
  });
}

function checkDeparted(g: GenesisState, chain: ChainConfig): void {
  const { addressPrefix } = chain;
  const seen = new Set<string>();
  g.unbondingDelegations.forEach((u, i) => {
    const path = `${PATH}.unbonding_delegations[${i}]`;
    parseAddress(u.delegatorAddress, addressPrefix, `${path}.delegator_address`);
    parseAddress(u.validatorAddress, addressPrefix, `${path}.validator_address`, 'valoper');
    unique(seen, `${u.delegatorAddress}/${u.validatorAddress}`, path, 'the pair of delegator and validator');
    checkEntries(u.entries, path);
    u.entries.forEach((e, j) => {
      parseAmount(e.balance, `${path}.entries[${j}].balance`);
    });
  });
  g.redelegations.forEach((r, i) => {
    const path = `${PATH}.redelegations[${i}]`;
    parseAddress(r.delegatorAddress, addressPrefix, `${path}.delegator_address`);
    parseAddress(r.validatorSrcAddress, addressPrefix, `${path}.validator_src_address`, 'valoper');
    parseAddress(r.validatorDstAddress, addressPrefix, `${path}.validator_dst_address`, 'valoper');
    if (r.validatorSrcAddress === r.validatorDstAddress) throw new Error(`${path}.validator_dst_address: must differ from validator_src_address`);
    unique(seen, `${r.delegatorAddress}/${r.validatorSrcAddress}/${r.validatorDstAddress}`, path, 'the redelegation');
    checkEntries(r.entries, path);
    r.entries.forEach((e, j) => {
      if (decOf(e.sharesDst) < 0n) throw new Error(`${path}.entries[${j}].shares_dst: must not be negative`);
    });
  });
}

function checkLastPowers(g: GenesisState, known: Known, chain: ChainConfig): StakingGenesis['lastPowers'] {
  const path = `${PATH}.last_validator_powers`;
  if (!g.exported && g.lastValidatorPowers.length > 0) throw new Error(`${path}: must be empty unless exported`);
  const seen = new Set<string>();
  const powers = g.lastValidatorPowers.map(({ address, power }, i) => {
    const v = known.get(address);
    if (v === undefined || !isBonded(v)) throw new Error(`${path}[${i}].address: ${address.slice(0, 100)} is none of the bonded validators`);
    unique(seen, address, `${path}[${i}].address`, address);
    if (power < 1n || power > MAX_POWER) throw new Error(`${path}[${i}].power: must be 1 to ${MAX_POWER}`);
    return { operator: parseAddress(address, chain.addressPrefix, `${path}[${i}].address`, 'valoper'), power };
  });
  if (g.exported && powers.length !== [...known.values()].filter(isBonded).length) throw new Error(`${path}: must name every bonded validator`);
  return powers;
}

/** Parses `app_state.staking`; throws Error naming field and rule. */
export function parseGenesis(json: Json, chain: ChainConfig): StakingGenesis {
  const g = fromProtoJson(GenesisState, asObject(json, PATH), PATH);
  const params = checkParams(g.params, chain.bondDenom, `${PATH}.params`);
  const validators = checkValidators(g, chain);
  const known = new Map(validators.map((v) => [v.operatorAddress, v]));
  checkDelegations(g, known, chain);
  checkDeparted(g, chain);
  const lastPowers = checkLastPowers(g, known, chain);
  const lastTotalPower = parseAmount(g.lastTotalPower.length === 0 ? '0' : fromUtf8(g.lastTotalPower), `${PATH}.last_total_power`);
  if (lastPowers.reduce((sum, p) => sum + p.power, 0n) !== lastTotalPower)
    throw new Error(`${PATH}.last_total_power: must be the sum of last_validator_powers`);
  const { delegations, unbondingDelegations, redelegations, exported } = g;
  return { params, validators, delegations, unbondingDelegations, redelegations, lastPowers, lastTotalPower, exported };
}
