// SPDX-License-Identifier: Apache-2.0
// Becoming a validator, and changing what it says of itself.
import { consensusAddress, parseAddress } from '../../core/address.ts';
import { equalBytes, utf8 } from '../../core/bytes.ts';
import { parseAmount, parseCoin } from '../../core/coin.ts';
import type { ChainConfig, Context } from '../../core/context.ts';
import { formatDec, ONE } from '../../core/dec.ts';
import { errInvalidRequest } from '../../core/errors.ts';
import { event } from '../../core/events.ts';
import type { MessageHandler } from '../../core/module.ts';
import { fromTimestamp, toTimestamp } from '../../core/time.ts';
import * as pb from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { delegate } from './delegation.ts';
import * as errors from './errors.ts';
import { beforeValidatorCreated } from './hooks.ts';
import { getParams, getValidator, operatorOf, requireValidator, setValidator } from './keeper.ts';
import * as state from './state.ts';
import { decOf, ED25519_URL, operatorAccount, publicKeyOf, type Validator } from './types.ts';

/** Longest parts of a description in bytes (cosmos-sdk x/staking/types/validator.go). */
const LENGTHS = { moniker: 70, identity: 3000, website: 140, securityContact: 140, details: 280 } as const;
const PARTS = ['moniker', 'identity', 'website', 'securityContact', 'details'] as const;
const NAMES = { moniker: 'moniker', identity: 'identity', website: 'website', securityContact: 'security contact', details: 'details' } as const;
/** Text that leaves a part of a description as it is. */
const DO_NOT_MODIFY = '[do-not-modify]';
const DAY = 86_400_000_000_000n;

function checkDescription(d: pb.Description | undefined): pb.Description {
  if (d === undefined || PARTS.every((p) => d[p] === '')) throw errInvalidRequest('empty description');
  for (const p of PARTS) {
    const { length } = utf8(d[p]);
    if (length > LENGTHS[p]) throw errInvalidRequest(`invalid ${NAMES[p]} length; got: ${length}, max: ${LENGTHS[p]}`);
  }
  return d;
}

/** Decimal of a message; throws TxError sdk/18 naming the field. */
function parseRate(text: string, field: string): bigint {
  if (!/^-?\d{1,80}$/.test(text)) throw errInvalidRequest(`${field}: expected a decimal as an integer multiple of 10^-18`);
  return BigInt(text);
}

function checkCommission(c: pb.CommissionRates | undefined): pb.CommissionRates {
  if (c === undefined) throw errInvalidRequest('empty commission');
  const rate = parseRate(c.rate, 'commission.rate');
  const maxRate = parseRate(c.maxRate, 'commission.max_rate');
  const maxChangeRate = parseRate(c.maxChangeRate, 'commission.max_change_rate');
  if (maxRate < 0n) throw errors.errCommissionNegative('');
  if (maxRate > ONE) throw errors.errCommissionHuge('');
  if (rate < 0n) throw errors.errCommissionNegative('');
  if (rate > maxRate) throw errors.errCommissionGTMaxRate('');
  if (maxChangeRate < 0n) throw errors.errCommissionChangeRateNegative('');
  if (maxChangeRate > maxRate) throw errors.errCommissionChangeRateGTMaxRate('');
  return { rate: rate.toString(), maxRate: maxRate.toString(), maxChangeRate: maxChangeRate.toString() };
}

function keyOf(msg: pb.MsgCreateValidator): Uint8Array {
  if (msg.pubkey === undefined) throw errors.errEmptyValidatorPubKey('');
  const key = publicKeyOf(msg.pubkey);
  if (key === undefined)
    throw errors.errValidatorPubKeyTypeNotSupported(`got: ${msg.pubkey.typeUrl.slice(0, 100)}, expected: ${ED25519_URL} of 32 bytes`);
  return key;
}

function validateCreate(msg: pb.MsgCreateValidator, chain: ChainConfig): void {
  parseAddress(msg.validatorAddress, chain.addressPrefix, 'validator_address', 'valoper');
  keyOf(msg);
  const { amount } = parseCoin(msg.value, 'value');
  checkDescription(msg.description);
  checkCommission(msg.commission);
  const least = parseAmount(msg.minSelfDelegation, 'min_self_delegation');
  if (least === 0n) throw errInvalidRequest('minimum self delegation must be a positive integer');
  if (amount < least) throw errors.errSelfDelegationBelowMinimum('');
}

/** A key belongs for ever to the operator that used it first: evidence of its past must never meet another's stake. */
function checkUnused(ctx: Context, operator: Uint8Array, key: Uint8Array): void {
  if (getValidator(ctx, operator) !== undefined) throw errors.errValidatorOwnerExists('');
  const address = consensusAddress(key);
  const owner = operatorOf(ctx, address);
  if (owner !== undefined && !equalBytes(owner, operator)) throw errors.errValidatorPubKeyExists('');
  beforeValidatorCreated(ctx, address);
}

export const createValidator: MessageHandler<pb.MsgCreateValidator, pb.MsgCreateValidatorResponse> = {
  typeUrl: '/cosmos.staking.v1beta1.MsgCreateValidator',
  type: pb.MsgCreateValidator,
  response: pb.MsgCreateValidatorResponse,
  signers: (msg) => [operatorAccount(msg.validatorAddress)],
  validate: validateCreate,
  handle(ctx, msg) {
    const operator = parseAddress(msg.validatorAddress, ctx.chain.addressPrefix, 'validator_address', 'valoper');
    const publicKey = keyOf(msg);
    const commissionRates = checkCommission(msg.commission);
    const { bondDenom, minCommissionRate } = getParams(ctx);
    const least = decOf(minCommissionRate);
    if (BigInt(commissionRates.rate) < least)
      throw errors.errCommissionLTMinRate(`cannot set validator commission to less than minimum rate of ${formatDec(least)}`);
    checkUnused(ctx, operator, publicKey);
    const value = parseCoin(msg.value, 'value');
    if (value.denom !== bondDenom) throw errInvalidRequest(`invalid coin denomination: got ${value.denom}, expected ${bondDenom}`);
    const v: Validator = {
      operator,
      operatorAddress: msg.validatorAddress,
      publicKey,
      jailed: false,
      status: pb.BondStatus.BOND_STATUS_UNBONDED,
      tokens: 0n,
      shares: 0n,
      description: checkDescription(msg.description),
      unbondingHeight: 0n,
      unbondingTime: 0n,
      commission: { commissionRates, updateTime: toTimestamp(ctx.block.time) },
      minSelfDelegation: parseAmount(msg.minSelfDelegation, 'min_self_delegation'),
      unbondingIds: [],
    };
    setValidator(ctx, v, undefined);
    state.operators.set(ctx, consensusAddress(publicKey), operator);
    delegate(ctx, operator, operator, value.amount);
    ctx.emit(event('create_validator', { validator: msg.validatorAddress, amount: `${value.amount}${value.denom}` }));
    return {};
  },
};

/** The commission with a new rate. Throws TxError staking/9, 11, 12 or 15. */
function changedRate(ctx: Context, v: Validator, rate: bigint): pb.Commission {
  const rates = v.commission.commissionRates;
  const current = decOf(rates?.rate ?? '');
  const maxRate = rates?.maxRate ?? '';
  const maxChangeRate = rates?.maxChangeRate ?? '';
  if (ctx.block.time - fromTimestamp(v.commission.updateTime) < DAY) throw errors.errCommissionUpdateTime('');
  if (rate < 0n) throw errors.errCommissionNegative('');
  if (rate > decOf(maxRate)) throw errors.errCommissionGTMaxRate('');
  if (rate - current > decOf(maxChangeRate)) throw errors.errCommissionGTMaxChangeRate('');
  return { commissionRates: { rate: rate.toString(), maxRate, maxChangeRate }, updateTime: toTimestamp(ctx.block.time) };
}

function changedDescription(old: pb.Description, change: pb.Description): pb.Description {
  const pick = (p: (typeof PARTS)[number]): string => (change[p] === DO_NOT_MODIFY ? old[p] : change[p]);
  return {
    moniker: pick('moniker'),
    identity: pick('identity'),
    website: pick('website'),
    securityContact: pick('securityContact'),
    details: pick('details'),
  };
}

export const editValidator: MessageHandler<pb.MsgEditValidator, pb.MsgEditValidatorResponse> = {
  typeUrl: '/cosmos.staking.v1beta1.MsgEditValidator',
  type: pb.MsgEditValidator,
  response: pb.MsgEditValidatorResponse,
  signers: (msg) => [operatorAccount(msg.validatorAddress)],
  validate(msg, chain) {
    parseAddress(msg.validatorAddress, chain.addressPrefix, 'validator_address', 'valoper');
    checkDescription(msg.description);
    if (msg.minSelfDelegation !== '' && parseAmount(msg.minSelfDelegation, 'min_self_delegation') === 0n)
      throw errInvalidRequest('minimum self delegation must be a positive integer');
    if (msg.commissionRate === '') return;
    const rate = parseRate(msg.commissionRate, 'commission_rate');
    if (rate < 0n || rate > ONE) throw errInvalidRequest('commission rate must be between 0 and 1 (inclusive)');
  },
  handle(ctx, msg) {
    const before = requireValidator(ctx, parseAddress(msg.validatorAddress, ctx.chain.addressPrefix, 'validator_address', 'valoper'));
    let v: Validator = { ...before, description: changedDescription(before.description, checkDescription(msg.description)) };
    if (msg.commissionRate !== '') {
      const rate = parseRate(msg.commissionRate, 'commission_rate');
      const least = decOf(getParams(ctx).minCommissionRate);
      if (rate < least) throw errInvalidRequest(`commission rate cannot be less than the min commission rate ${formatDec(least)}`);
      v = { ...v, commission: changedRate(ctx, v, rate) };
    }
    if (msg.minSelfDelegation !== '') {
      const least = parseAmount(msg.minSelfDelegation, 'min_self_delegation');
      if (least <= v.minSelfDelegation) throw errors.errMinSelfDelegationDecreased('');
      if (least > v.tokens) throw errors.errSelfDelegationBelowMinimum('');
      v = { ...v, minSelfDelegation: least };
    }
    setValidator(ctx, v, before);
    const rate = formatDec(decOf(v.commission.commissionRates?.rate ?? ''));
    ctx.emit(event('edit_validator', { commission_rate: rate, min_self_delegation: v.minSelfDelegation }));
    return {};
  },
};
