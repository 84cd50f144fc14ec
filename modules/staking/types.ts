// SPDX-License-Identifier: Apache-2.0
// Validators as the keeper handles them (integers instead of their texts), and the parameters.
import { consensusAddress, formatAddress, parseAddress } from '../../core/address.ts';
import { decodeStrict, encode } from '../../core/codec.ts';
import { formatDec, ONE } from '../../core/dec.ts';
import { CorruptStateError, errInvalidAddress } from '../../core/errors.ts';
import { fromTimestamp, toTimestamp } from '../../core/time.ts';
import { PubKey } from '../../proto/gen/cosmos.crypto.ed25519.ts';
import {
  BondStatus,
  type Commission,
  type Description,
  type Params,
  type Validator as ProtoValidator,
} from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { declareModuleAccount, type ModuleHolder } from '../auth/index.ts';
import { BURNER } from '../bank/index.ts';

/** Holds the tokens of validators in the set. */
export const BONDED_POOL: ModuleHolder = declareModuleAccount('bonded_tokens_pool', [BURNER, 'staking']);
/** Holds the tokens of all other validators, and those that unbond. */
export const NOT_BONDED_POOL: ModuleHolder = declareModuleAccount('not_bonded_tokens_pool', [BURNER, 'staking']);

export const ED25519_URL = '/cosmos.crypto.ed25519.PubKey';
/** Tokens per unit of voting power (cosmos-sdk types/staking.go, DefaultPowerReduction). */
export const POWER_REDUCTION = 1_000_000n;
/** CometBFT's limit on validators of one set (types/vote_set.go, MaxVotesCount). */
export const MAX_VALIDATORS = 10_000;
/** Power of one validator; with the limit above the sum stays within CometBFT's MaxTotalVotingPower, 2^63/8. */
export const MAX_POWER: bigint = (1n << 60n) / BigInt(MAX_VALIDATORS);

export interface Validator {
  /** Operator: the bytes of the account that runs it. */
  readonly operator: Uint8Array;
  /** bech32 of the operator, with `valoper`. */
  readonly operatorAddress: string;
  /** ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly jailed: boolean;
  readonly status: BondStatus;
  readonly tokens: bigint;
  /** Shares of all delegators, in 10^-18. */
  readonly shares: bigint;
  readonly description: Description;
  readonly unbondingHeight: bigint;
  /** Nanoseconds; when the validator is unbonded. */
  readonly unbondingTime: bigint;
  readonly commission: Commission;
  readonly minSelfDelegation: bigint;
  readonly unbondingIds: readonly bigint[];
}

/** Hundred years in nanoseconds: times of completion stay within the four digits of a year that keys and JSON have. */
export const LONGEST_WAIT = 3_155_760_000_000_000_000n;

/** Time of what has not happened yet (time.Unix(0, 0)). */
const EPOCH = { seconds: 0n, nanos: 0 };

/** cosmos-sdk x/staking/types/params.go, DefaultParams. */
export function defaultParams(bondDenom: string): Params {
  return {
    unbondingTime: { seconds: 1_814_400n, nanos: 0 },
    maxValidators: 100,
    maxEntries: 7,
    historicalEntries: 10_000,
    bondDenom,
    minCommissionRate: '0',
  };
}

/** Throws Error naming the field that breaks a rule. */
export function checkParams(p: Params | undefined, bondDenom: string, path: string): Params {
  if (p === undefined) throw new Error(`${path}: required`);
  if (unbondingTimeOf(p) <= 0n) throw new Error(`${path}.unbonding_time: must be positive`);
  if (unbondingTimeOf(p) > LONGEST_WAIT) throw new Error(`${path}.unbonding_time: must be at most 100 years`);
  if (p.maxValidators < 1 || p.maxValidators > MAX_VALIDATORS) throw new Error(`${path}.max_validators: must be 1 to ${MAX_VALIDATORS}`);
  if (p.maxEntries < 1) throw new Error(`${path}.max_entries: must be positive`);
  if (p.bondDenom !== bondDenom) throw new Error(`${path}.bond_denom: must be ${bondDenom}, the bond denomination of app_state.chain`);
  const rate = decOf(p.minCommissionRate);
  if (rate < 0n || rate > ONE) throw new Error(`${path}.min_commission_rate: must be 0 to 1, is ${formatDec(rate)}`);
  return p;
}

/** Nanoseconds. */
export function unbondingTimeOf(p: Params): bigint {
  return p.unbondingTime === undefined ? 0n : p.unbondingTime.seconds * 1_000_000_000n + BigInt(p.unbondingTime.nanos);
}

/** Decimal of its wire form, the integer multiple of 10^-18; empty is zero. Throws CorruptStateError for other text. */
export function decOf(text: string): bigint {
  if (text === '') return 0n;
  if (!/^-?\d+$/.test(text)) throw new CorruptStateError(`staking: a decimal of text ${text.slice(0, 60)}`);
  return BigInt(text);
}

/** The ed25519 key of an `Any`; undefined when it is something else. */
export function publicKeyOf(any: Any): Uint8Array | undefined {
  if (any.typeUrl !== ED25519_URL) return undefined;
  try {
    const { key } = decodeStrict(PubKey, any.value);
    return key.length === 32 ? key : undefined;
  } catch {
    return undefined;
  }
}

/** An ed25519 key as `Any`. */
export function publicKeyAny(key: Uint8Array): Any {
  return { typeUrl: ED25519_URL, value: encode(PubKey, { key }) };
}

/** Address prefix that a validator's address was made with; throws TxError sdk/7 naming `field`. */
function prefixOf(text: string, field: string): string {
  const hrp = text.slice(0, text.lastIndexOf('1'));
  if (!hrp.endsWith('valoper')) throw errInvalidAddress(`${field}: expected the address of a validator's operator, got ${text.slice(0, 100)}`);
  return hrp.slice(0, -'valoper'.length);
}

/** Account address (bech32) of a validator's operator, under the prefix of its own text. Throws TxError sdk/7. */
export function operatorAccount(text: string, field = 'validator_address'): string {
  const prefix = prefixOf(text, field);
  return formatAddress(parseAddress(text, prefix, field, 'valoper'), prefix);
}

/** Consensus address: what CometBFT knows a validator by. */
export function consensusAddressOf(v: Validator): Uint8Array {
  return consensusAddress(v.publicKey);
}

export function isBonded(v: Validator): boolean {
  return v.status === BondStatus.BOND_STATUS_BONDED;
}

export function isUnbonding(v: Validator): boolean {
  return v.status === BondStatus.BOND_STATUS_UNBONDING;
}

export function isUnbonded(v: Validator): boolean {
  return v.status === BondStatus.BOND_STATUS_UNBONDED;
}

/** Power that these tokens would give, rounded down. */
export function powerOf(tokens: bigint): bigint {
  const power = tokens / POWER_REDUCTION;
  return power > MAX_POWER ? MAX_POWER : power;
}

/** Validator as it is kept and as clients read it. */
export function toProto(v: Validator): ProtoValidator {
  return {
    operatorAddress: v.operatorAddress,
    consensusPubkey: publicKeyAny(v.publicKey),
    jailed: v.jailed,
    status: v.status,
    tokens: v.tokens.toString(),
    delegatorShares: v.shares.toString(),
    description: v.description,
    unbondingHeight: v.unbondingHeight,
    unbondingTime: toTimestamp(v.unbondingTime),
    commission: v.commission,
    minSelfDelegation: v.minSelfDelegation.toString(),
    unbondingOnHoldRefCount: 0n,
    unbondingIds: v.unbondingIds,
  };
}

const NO_DESCRIPTION: Description = { moniker: '', identity: '', website: '', securityContact: '', details: '' };
const NO_COMMISSION: Commission = { commissionRates: { rate: '0', maxRate: '0', maxChangeRate: '0' }, updateTime: EPOCH };

/** The kept form back; throws CorruptStateError when it is none of ours. */
export function fromProto(p: ProtoValidator): Validator {
  const publicKey = p.consensusPubkey === undefined ? undefined : publicKeyOf(p.consensusPubkey);
  if (publicKey === undefined) throw new CorruptStateError(`staking: validator ${p.operatorAddress} without an ed25519 key`);
  return {
    operator: parseAddress(p.operatorAddress, prefixOf(p.operatorAddress, 'operator_address'), 'operator_address', 'valoper'),
    operatorAddress: p.operatorAddress,
    publicKey,
    jailed: p.jailed,
    status: p.status as BondStatus,
    tokens: decOf(p.tokens),
    shares: decOf(p.delegatorShares),
    description: p.description ?? NO_DESCRIPTION,
    unbondingHeight: p.unbondingHeight,
    unbondingTime: fromTimestamp(p.unbondingTime ?? EPOCH),
    commission: p.commission ?? NO_COMMISSION,
    minSelfDelegation: decOf(p.minSelfDelegation),
    unbondingIds: p.unbondingIds,
  };
}
