// SPDX-License-Identifier: Apache-2.0
import { parseAddress } from '../../core/address.ts';
import type { AnyMessageHandler, MessageHandler } from '../../core/module.ts';
import { MsgUnjail, MsgUnjailResponse } from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import { consensusAddressOf, getValidator, operatorAccount, sharesOf, tokensFromShares, unjail } from '../staking/index.ts';
import { errMissingSelfDelegation, errNoValidatorForAddress, errSelfDelegationTooLow, errValidatorJailed, errValidatorNotJailed } from './errors.ts';
import { isHeld } from './keeper.ts';

const unjailHandler: MessageHandler<MsgUnjail, MsgUnjailResponse> = {
  typeUrl: '/cosmos.slashing.v1beta1.MsgUnjail',
  type: MsgUnjail,
  response: MsgUnjailResponse,
  signers: (msg) => [operatorAccount(msg.validatorAddr, 'validator_addr')],
  validate(msg, chain) {
    parseAddress(msg.validatorAddr, chain.addressPrefix, 'validator_addr', 'valoper');
  },
  handle(ctx, msg) {
    const operator = parseAddress(msg.validatorAddr, ctx.chain.addressPrefix, 'validator_addr', 'valoper');
    const v = getValidator(ctx, operator);
    if (v === undefined) throw errNoValidatorForAddress('');
    const shares = sharesOf(ctx, operator, operator);
    if (shares === undefined) throw errMissingSelfDelegation('');
    const own = tokensFromShares(v, shares);
    if (own < v.minSelfDelegation) throw errSelfDelegationTooLow(`${own} less than ${v.minSelfDelegation}`);
    if (!v.jailed) throw errValidatorNotJailed('');
    if (isHeld(ctx, consensusAddressOf(v))) throw errValidatorJailed('');
    unjail(ctx, operator);
    return {};
  },
};

export const messages: readonly AnyMessageHandler[] = [unjailHandler];
