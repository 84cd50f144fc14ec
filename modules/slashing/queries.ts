// SPDX-License-Identifier: Apache-2.0
// Service cosmos.slashing.v1beta1.Query, with the texts of cosmos-sdk x/slashing/keeper/grpc_query.go.
import { parseAddress } from '../../core/address.ts';
import { errInvalidRequest, errKeyNotFound } from '../../core/errors.ts';
import type { AnyQueryHandler, QueryHandler } from '../../core/module.ts';
import { paginate } from '../../core/pagination.ts';
import * as pb from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import { getParams, getSigningInfo } from './keeper.ts';
import * as state from './state.ts';

const service = 'cosmos.slashing.v1beta1.Query';

const params: QueryHandler<pb.QueryParamsRequest, pb.QueryParamsResponse> = {
  service,
  method: 'Params',
  request: pb.QueryParamsRequest,
  response: pb.QueryParamsResponse,
  handle: (ctx) => ({ params: getParams(ctx) }),
};

const signingInfo: QueryHandler<pb.QuerySigningInfoRequest, pb.QuerySigningInfoResponse> = {
  service,
  method: 'SigningInfo',
  request: pb.QuerySigningInfoRequest,
  response: pb.QuerySigningInfoResponse,
  handle(ctx, q) {
    if (q.consAddress === '') throw errInvalidRequest('cons_address: must not be empty');
    const info = getSigningInfo(ctx, parseAddress(q.consAddress, ctx.chain.addressPrefix, 'cons_address', 'valcons'));
    if (info === undefined) throw errKeyNotFound(`SigningInfo not found for validator ${q.consAddress}`);
    return { valSigningInfo: info };
  },
};

const signingInfos: QueryHandler<pb.QuerySigningInfosRequest, pb.QuerySigningInfosResponse> = {
  service,
  method: 'SigningInfos',
  request: pb.QuerySigningInfosRequest,
  response: pb.QuerySigningInfosResponse,
  handle(ctx, q) {
    const { items, pagination } = paginate(ctx, state.infos, q.pagination, (_, info) => info);
    return { info: items, pagination };
  },
};

export const queries: readonly AnyQueryHandler[] = [params, signingInfo, signingInfos];
