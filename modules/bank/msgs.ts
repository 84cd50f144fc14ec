// SPDX-License-Identifier: Apache-2.0
import { parseAddress } from '../../core/address.ts';
import { type Coin, parseCoins } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import { errInvalidCoins, errUnauthorized } from '../../core/errors.ts';
import type { AnyMessageHandler, MessageHandler } from '../../core/module.ts';
import * as pb from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { errInputOutputMismatch, errMultipleSenders, errNoInputs, errNoOutputs, errSendDisabled } from './errors.ts';
import { isBlocked, isSendEnabled, sendCoins, sendToMany } from './keeper.ts';
import { equalCoins, sumCoins } from './types.ts';

const MAX_OUTPUTS = 1000;

function requireEnabled(ctx: Context, coins: readonly Coin[]): void {
  for (const { denom } of coins) if (!isSendEnabled(ctx, denom)) throw errSendDisabled(`${denom} transfers are currently disabled`);
}

function receiver(ctx: Context, text: string, field: string): Uint8Array {
  const to = parseAddress(text, ctx.chain.addressPrefix, field);
  if (isBlocked(to)) throw errUnauthorized(`${text} is not allowed to receive funds`);
  return to;
}

function someCoins(coins: pb.MsgSend['amount'], field: string): readonly Coin[] {
  if (coins.length === 0) throw errInvalidCoins(`${field}: at least one coin is required`);
  return parseCoins(coins, field);
}

const send: MessageHandler<pb.MsgSend, pb.MsgSendResponse> = {
  typeUrl: '/cosmos.bank.v1beta1.MsgSend',
  type: pb.MsgSend,
  response: pb.MsgSendResponse,
  signers: (msg) => [msg.fromAddress],
  validate(msg, chain) {
    parseAddress(msg.fromAddress, chain.addressPrefix, 'from_address');
    parseAddress(msg.toAddress, chain.addressPrefix, 'to_address');
    someCoins(msg.amount, 'amount');
  },
  handle(ctx, msg) {
    const coins = parseCoins(msg.amount, 'amount');
    requireEnabled(ctx, coins);
    const to = receiver(ctx, msg.toAddress, 'to_address');
    sendCoins(ctx, parseAddress(msg.fromAddress, ctx.chain.addressPrefix, 'from_address'), to, coins);
    return {};
  },
};

const multiSend: MessageHandler<pb.MsgMultiSend, pb.MsgMultiSendResponse> = {
  typeUrl: '/cosmos.bank.v1beta1.MsgMultiSend',
  type: pb.MsgMultiSend,
  response: pb.MsgMultiSendResponse,
  signers: (msg) => msg.inputs.map((i) => i.address),
  validate(msg, chain) {
    const [input, second] = msg.inputs;
    if (input === undefined) throw errNoInputs('inputs');
    if (second !== undefined) throw errMultipleSenders('inputs');
    if (msg.outputs.length === 0) throw errNoOutputs('outputs');
    if (msg.outputs.length > MAX_OUTPUTS) throw errInputOutputMismatch(`outputs: ${msg.outputs.length} outputs; at most ${MAX_OUTPUTS} are allowed`);
    parseAddress(input.address, chain.addressPrefix, 'inputs[0].address');
    const total = someCoins(input.coins, 'inputs[0].coins');
    const lists = msg.outputs.map((o, i) => {
      parseAddress(o.address, chain.addressPrefix, `outputs[${i}].address`);
      return someCoins(o.coins, `outputs[${i}].coins`);
    });
    if (!equalCoins(total, sumCoins(lists))) throw errInputOutputMismatch('outputs');
  },
  handle(ctx, msg) {
    const input = msg.inputs[0];
    if (input === undefined) throw errNoInputs('inputs');
    const total = parseCoins(input.coins, 'inputs[0].coins');
    requireEnabled(ctx, total);
    const outputs = msg.outputs.map((o, i) => ({
      to: receiver(ctx, o.address, `outputs[${i}].address`),
      coins: parseCoins(o.coins, `outputs[${i}].coins`),
    }));
    sendToMany(ctx, parseAddress(input.address, ctx.chain.addressPrefix, 'inputs[0].address'), total, outputs);
    return {};
  },
};

export const messages: readonly AnyMessageHandler[] = [send, multiSend];
