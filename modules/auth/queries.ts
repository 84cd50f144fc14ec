// SPDX-License-Identifier: Apache-2.0
import { formatAddress, parseAddress } from '../../core/address.ts';
import type { ReadContext } from '../../core/context.ts';
import { errInvalidRequest, errKeyNotFound } from '../../core/errors.ts';
import type { AnyQueryHandler, QueryHandler } from '../../core/module.ts';
import { paginate } from '../../core/pagination.ts';
import * as pb from '../../proto/gen/cosmos.auth.v1beta1.ts';
import type { MessageType } from '../../proto/message.ts';
import { addressOfNumber, getParams } from './keeper.ts';
import * as state from './state.ts';
import { type Account, moduleHolders, publicKeyAny, toAny } from './types.ts';

const query = <Q, R>(
  method: string,
  request: MessageType<Q>,
  response: MessageType<R>,
  handle: (ctx: ReadContext, q: Q) => R,
): QueryHandler<Q, R> => ({
  service: 'cosmos.auth.v1beta1.Query',
  method,
  request,
  response,
  handle,
});

function find(ctx: ReadContext, text: string): Account {
  const account = state.accounts.get(ctx, parseAddress(text, ctx.chain.addressPrefix));
  if (account === undefined) throw errKeyNotFound(`account ${text} not found`);
  return account;
}

function moduleAccounts(ctx: ReadContext): readonly Account[] {
  return moduleHolders().flatMap((holder) => state.accounts.get(ctx, holder.address) ?? []);
}

export const queries: readonly AnyQueryHandler[] = [
  query('Account', pb.QueryAccountRequest, pb.QueryAccountResponse, (ctx, q) => ({ account: toAny(find(ctx, q.address)) })),
  query('Accounts', pb.QueryAccountsRequest, pb.QueryAccountsResponse, (ctx, q) => {
    const { items, pagination } = paginate(ctx, state.accounts, q.pagination, (_, account) => toAny(account));
    return { accounts: items, pagination };
  }),
  query('AccountInfo', pb.QueryAccountInfoRequest, pb.QueryAccountInfoResponse, (ctx, q) => {
    const { address, number, sequence, publicKey } = find(ctx, q.address);
    const key = publicKey === undefined ? {} : { pubKey: publicKeyAny(publicKey) };
    return { info: { address, accountNumber: number, sequence, ...key } };
  }),
  query('AccountAddressByID', pb.QueryAccountAddressByIDRequest, pb.QueryAccountAddressByIDResponse, (ctx, q) => {
    const number = q.accountId !== 0n ? q.accountId : q.id < 0n ? 0n : q.id;
    const accountAddress = addressOfNumber(ctx, number);
    if (accountAddress === undefined) throw errKeyNotFound(`account address not found with account number ${number}`);
    return { accountAddress };
  }),
  query('ModuleAccounts', pb.QueryModuleAccountsRequest, pb.QueryModuleAccountsResponse, (ctx) => ({ accounts: moduleAccounts(ctx).map(toAny) })),
  query('ModuleAccountByName', pb.QueryModuleAccountByNameRequest, pb.QueryModuleAccountByNameResponse, (ctx, q) => {
    const account = moduleAccounts(ctx).find((a) => a.module?.name === q.name);
    if (account === undefined) throw errKeyNotFound(`account ${q.name.slice(0, 100)} not found`);
    return { account: toAny(account) };
  }),
  query('Params', pb.QueryParamsRequest, pb.QueryParamsResponse, (ctx) => ({ params: getParams(ctx) })),
  query('Bech32Prefix', pb.Bech32PrefixRequest, pb.Bech32PrefixResponse, (ctx) => ({ bech32Prefix: ctx.chain.addressPrefix })),
  query('AddressBytesToString', pb.AddressBytesToStringRequest, pb.AddressBytesToStringResponse, (ctx, q) => {
    const { length } = q.addressBytes;
    if (length !== 20 && length !== 32) throw errInvalidRequest(`address_bytes: ${length} bytes, expected 20 or 32`);
    return { addressString: formatAddress(q.addressBytes, ctx.chain.addressPrefix) };
  }),
  query('AddressStringToBytes', pb.AddressStringToBytesRequest, pb.AddressStringToBytesResponse, (ctx, q) => ({
    addressBytes: parseAddress(q.addressString, ctx.chain.addressPrefix, 'address_string'),
  })),
];
