// SPDX-License-Identifier: Apache-2.0
import { formatAddress, parseAddress } from '../../core/address.ts';
import { checkDenom, toProtoCoin } from '../../core/coin.ts';
import type { ReadContext } from '../../core/context.ts';
import { errKeyNotFound } from '../../core/errors.ts';
import type { AnyQueryHandler, QueryHandler } from '../../core/module.ts';
import { paginate } from '../../core/pagination.ts';
import * as pb from '../../proto/gen/cosmos.bank.v1beta1.ts';
import type { Coin as ProtoCoin } from '../../proto/gen/cosmos.base.v1beta1.ts';
import type { MessageType } from '../../proto/message.ts';
import { getBalance, getSupply } from './keeper.ts';
import * as state from './state.ts';

const query = <Q, R>(
  method: string,
  request: MessageType<Q>,
  response: MessageType<R>,
  handle: (ctx: ReadContext, q: Q) => R,
): QueryHandler<Q, R> => ({
  service: 'cosmos.bank.v1beta1.Query',
  method,
  request,
  response,
  handle,
});

const owner = (ctx: ReadContext, text: string): Uint8Array => parseAddress(text, ctx.chain.addressPrefix);

function balanceOf(ctx: ReadContext, q: { readonly address: string; readonly denom: string }): { readonly balance: ProtoCoin } {
  checkDenom(q.denom);
  return { balance: toProtoCoin({ denom: q.denom, amount: getBalance(ctx, owner(ctx, q.address), q.denom) }) };
}

function allBalances(ctx: ReadContext, q: pb.QueryAllBalancesRequest | pb.QuerySpendableBalancesRequest): pb.QueryAllBalancesResponse {
  const prefix = state.balancesOf(owner(ctx, q.address));
  const { items, pagination } = paginate(ctx, state.balances, q.pagination, ([, denom], amount) => toProtoCoin({ denom, amount }), prefix);
  return { balances: items, pagination };
}

function denomOwners(ctx: ReadContext, q: pb.QueryDenomOwnersRequest): pb.QueryDenomOwnersResponse {
  checkDenom(q.denom);
  const select = ([denom, address]: readonly [string, Uint8Array]): pb.DenomOwner => ({
    address: formatAddress(address, ctx.chain.addressPrefix),
    balance: toProtoCoin({ denom, amount: getBalance(ctx, address, denom) }),
  });
  const { items, pagination } = paginate(ctx, state.holders, q.pagination, select, state.holdersOf(q.denom));
  return { denomOwners: items, pagination };
}

function denomMetadata(ctx: ReadContext, q: { readonly denom: string }): pb.QueryDenomMetadataResponse {
  checkDenom(q.denom);
  const metadata = state.metadata.get(ctx, q.denom);
  if (metadata === undefined) throw errKeyNotFound(`client metadata for denom ${q.denom}`);
  return { metadata };
}

function sendEnabled(ctx: ReadContext, q: pb.QuerySendEnabledRequest): pb.QuerySendEnabledResponse {
  if (q.denoms.length === 0) {
    const { items, pagination } = paginate(ctx, state.sendEnabled, q.pagination, (denom, enabled) => ({ denom, enabled }));
    return { sendEnabled: items, pagination };
  }
  const found = q.denoms.slice(0, 1000).flatMap((denom) => {
    const enabled = state.sendEnabled.get(ctx, denom);
    return enabled === undefined ? [] : [{ denom, enabled }];
  });
  return { sendEnabled: found, pagination: undefined };
}

export const queries: readonly AnyQueryHandler[] = [
  query('Balance', pb.QueryBalanceRequest, pb.QueryBalanceResponse, balanceOf),
  query('AllBalances', pb.QueryAllBalancesRequest, pb.QueryAllBalancesResponse, allBalances),
  query('SpendableBalances', pb.QuerySpendableBalancesRequest, pb.QuerySpendableBalancesResponse, allBalances),
  query('SpendableBalanceByDenom', pb.QuerySpendableBalanceByDenomRequest, pb.QuerySpendableBalanceByDenomResponse, balanceOf),
  query('TotalSupply', pb.QueryTotalSupplyRequest, pb.QueryTotalSupplyResponse, (ctx, q) => {
    const { items, pagination } = paginate(ctx, state.supply, q.pagination, (denom, amount) => toProtoCoin({ denom, amount }));
    return { supply: items, pagination };
  }),
  query('SupplyOf', pb.QuerySupplyOfRequest, pb.QuerySupplyOfResponse, (ctx, q) => {
    checkDenom(q.denom);
    return { amount: toProtoCoin({ denom: q.denom, amount: getSupply(ctx, q.denom) }) };
  }),
  query('Params', pb.QueryParamsRequest, pb.QueryParamsResponse, (ctx) => ({ params: state.params.need(ctx) })),
  query('DenomMetadata', pb.QueryDenomMetadataRequest, pb.QueryDenomMetadataResponse, denomMetadata),
  query('DenomMetadataByQueryString', pb.QueryDenomMetadataByQueryStringRequest, pb.QueryDenomMetadataByQueryStringResponse, denomMetadata),
  query('DenomsMetadata', pb.QueryDenomsMetadataRequest, pb.QueryDenomsMetadataResponse, (ctx, q) => {
    const { items, pagination } = paginate(ctx, state.metadata, q.pagination, (_, metadata) => metadata);
    return { metadatas: items, pagination };
  }),
  query('DenomOwners', pb.QueryDenomOwnersRequest, pb.QueryDenomOwnersResponse, denomOwners),
  query('DenomOwnersByQuery', pb.QueryDenomOwnersByQueryRequest, pb.QueryDenomOwnersByQueryResponse, denomOwners),
  query('SendEnabled', pb.QuerySendEnabledRequest, pb.QuerySendEnabledResponse, sendEnabled),
];
