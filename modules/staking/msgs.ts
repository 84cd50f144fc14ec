// SPDX-License-Identifier: Apache-2.0
import { parseAddress } from '../../core/address.ts';
import { type Coin, formatCoins, parseCoin } from '../../core/coin.ts';
import type { ChainConfig, Context } from '../../core/context.ts';
import { formatDec } from '../../core/dec.ts';
import { errInvalidRequest } from '../../core/errors.ts';
import { event } from '../../core/events.ts';
import type { AnyMessageHandler, MessageHandler } from '../../core/module.ts';
import { formatTime, toTimestamp } from '../../core/time.ts';
import type { Coin as ProtoCoin } from '../../proto/gen/cosmos.base.v1beta1.ts';
import * as pb from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { delegate, sharesForAmount } from './delegation.ts';
import { getParams } from './keeper.ts';
import { cancelUnbonding, redelegate, undelegate } from './unbonding.ts';
import { createValidator, editValidator } from './validators.ts';

interface DelegatorMsg {
  readonly delegatorAddress: string;
  readonly validatorAddress: string;
  readonly amount?: ProtoCoin | undefined;
}

const delegatorOf = (chain: ChainConfig, msg: { readonly delegatorAddress: string }): Uint8Array =>
  parseAddress(msg.delegatorAddress, chain.addressPrefix, 'delegator_address');

const operatorOf = (chain: ChainConfig, text: string, field = 'validator_address'): Uint8Array =>
  parseAddress(text, chain.addressPrefix, field, 'valoper');

/** The coin of a message; throws when it is not of the bond denomination. */
function stakeOf(ctx: Context, coin: ProtoCoin | undefined): Coin {
  const amount = parseCoin(coin, 'amount');
  const { bondDenom } = getParams(ctx);
  if (amount.denom !== bondDenom) throw errInvalidRequest(`invalid coin denomination: got ${amount.denom}, expected ${bondDenom}`);
  return amount;
}

function validate(msg: DelegatorMsg, chain: ChainConfig): void {
  delegatorOf(chain, msg);
  operatorOf(chain, msg.validatorAddress);
  parseCoin(msg.amount, 'amount');
}

/** RFC 3339 without fractions, as events of the SDK carry times. */
const eventTime = (ns: bigint): string => formatTime(ns - (ns % 1_000_000_000n));

const delegateHandler: MessageHandler<pb.MsgDelegate, pb.MsgDelegateResponse> = {
  typeUrl: '/cosmos.staking.v1beta1.MsgDelegate',
  type: pb.MsgDelegate,
  response: pb.MsgDelegateResponse,
  signers: (msg) => [msg.delegatorAddress],
  validate,
  handle(ctx, msg) {
    const coin = stakeOf(ctx, msg.amount);
    const shares = delegate(ctx, delegatorOf(ctx.chain, msg), operatorOf(ctx.chain, msg.validatorAddress), coin.amount);
    const { validatorAddress: validator, delegatorAddress: delegator } = msg;
    ctx.emit(event('delegate', { validator, delegator, amount: formatCoins([coin]), new_shares: formatDec(shares) }));
    return {};
  },
};

const undelegateHandler: MessageHandler<pb.MsgUndelegate, pb.MsgUndelegateResponse> = {
  typeUrl: '/cosmos.staking.v1beta1.MsgUndelegate',
  type: pb.MsgUndelegate,
  response: pb.MsgUndelegateResponse,
  signers: (msg) => [msg.delegatorAddress],
  validate,
  handle(ctx, msg) {
    const delegator = delegatorOf(ctx.chain, msg);
    const operator = operatorOf(ctx.chain, msg.validatorAddress);
    const coin = stakeOf(ctx, msg.amount);
    const { amount, time } = undelegate(ctx, delegator, operator, sharesForAmount(ctx, delegator, operator, coin.amount));
    const paid = { denom: coin.denom, amount };
    ctx.emit(
      event('unbond', {
        validator: msg.validatorAddress,
        delegator: msg.delegatorAddress,
        amount: `${paid.amount}${paid.denom}`,
        completion_time: eventTime(time),
      }),
    );
    return { completionTime: toTimestamp(time), amount: { denom: coin.denom, amount: amount.toString() } };
  },
};

const redelegateHandler: MessageHandler<pb.MsgBeginRedelegate, pb.MsgBeginRedelegateResponse> = {
  typeUrl: '/cosmos.staking.v1beta1.MsgBeginRedelegate',
  type: pb.MsgBeginRedelegate,
  response: pb.MsgBeginRedelegateResponse,
  signers: (msg) => [msg.delegatorAddress],
  validate(msg, chain) {
    delegatorOf(chain, msg);
    operatorOf(chain, msg.validatorSrcAddress, 'validator_src_address');
    operatorOf(chain, msg.validatorDstAddress, 'validator_dst_address');
    parseCoin(msg.amount, 'amount');
  },
  handle(ctx, msg) {
    const delegator = delegatorOf(ctx.chain, msg);
    const source = operatorOf(ctx.chain, msg.validatorSrcAddress, 'validator_src_address');
    const destination = operatorOf(ctx.chain, msg.validatorDstAddress, 'validator_dst_address');
    const coin = stakeOf(ctx, msg.amount);
    const time = redelegate(ctx, { delegator, source, destination }, sharesForAmount(ctx, delegator, source, coin.amount));
    ctx.emit(
      event('redelegate', {
        source_validator: msg.validatorSrcAddress,
        destination_validator: msg.validatorDstAddress,
        amount: formatCoins([coin]),
        completion_time: eventTime(time),
      }),
    );
    return { completionTime: toTimestamp(time) };
  },
};

const cancelHandler: MessageHandler<pb.MsgCancelUnbondingDelegation, pb.MsgCancelUnbondingDelegationResponse> = {
  typeUrl: '/cosmos.staking.v1beta1.MsgCancelUnbondingDelegation',
  type: pb.MsgCancelUnbondingDelegation,
  response: pb.MsgCancelUnbondingDelegationResponse,
  signers: (msg) => [msg.delegatorAddress],
  validate(msg, chain) {
    validate(msg, chain);
    if (msg.creationHeight <= 0n) throw errInvalidRequest('creation_height: must be positive');
  },
  handle(ctx, msg) {
    const coin = stakeOf(ctx, msg.amount);
    const operator = operatorOf(ctx.chain, msg.validatorAddress);
    cancelUnbonding(ctx, delegatorOf(ctx.chain, msg), operator, coin.amount, msg.creationHeight);
    ctx.emit(
      event('cancel_unbonding_delegation', {
        amount: formatCoins([coin]),
        validator: msg.validatorAddress,
        delegator: msg.delegatorAddress,
        creation_height: msg.creationHeight,
      }),
    );
    return {};
  },
};

export const messages: readonly AnyMessageHandler[] = [
  createValidator,
  editValidator,
  delegateHandler,
  undelegateHandler,
  redelegateHandler,
  cancelHandler,
];
