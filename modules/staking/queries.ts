// SPDX-License-Identifier: Apache-2.0
// Service cosmos.staking.v1beta1.Query, with the texts of cosmos-sdk x/staking/keeper/grpc_query.go.
import { parseAddress } from '../../core/address.ts';
import type { KeyMap } from '../../core/collections.ts';
import type { ReadContext } from '../../core/context.ts';
import { CorruptStateError, errInvalidRequest, errKeyNotFound, errUnknownRequest } from '../../core/errors.ts';
import type { AnyQueryHandler, QueryHandler } from '../../core/module.ts';
import { paginate } from '../../core/pagination.ts';
import * as pb from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { MessageType } from '../../proto/message.ts';
import { getBalance } from '../bank/index.ts';
import { getParams, getValidator, knownValidator } from './keeper.ts';
import { tokensFromShares } from './shares.ts';
import * as state from './state.ts';
import { BONDED_POOL, decOf, NOT_BONDED_POOL, toProto } from './types.ts';

const query = <Q, R>(
  method: string,
  request: MessageType<Q>,
  response: MessageType<R>,
  handle: (ctx: ReadContext, q: Q) => R,
): QueryHandler<Q, R> => ({ service: 'cosmos.staking.v1beta1.Query', method, request, response, handle });

function delegatorOf(ctx: ReadContext, text: string): Uint8Array {
  if (text === '') throw errInvalidRequest('delegator address cannot be empty');
  return parseAddress(text, ctx.chain.addressPrefix, 'delegator_addr');
}

function operatorOf(ctx: ReadContext, text: string, field = 'validator_addr'): Uint8Array {
  if (text === '') throw errInvalidRequest('validator address cannot be empty');
  return parseAddress(text, ctx.chain.addressPrefix, field, 'valoper');
}

/** What an index of ours points to. */
function need<K, V>(ctx: ReadContext, map: KeyMap<K, V>, key: K): V {
  const value = map.get(ctx, key);
  if (value === undefined) throw new CorruptStateError(`staking: an index names an entry of ${map.prefix[0]} that does not exist`);
  return value;
}

function delegationResponse(ctx: ReadContext, operator: Uint8Array, delegation: pb.Delegation): pb.DelegationResponse {
  const amount = tokensFromShares(knownValidator(ctx, operator), decOf(delegation.shares));
  return { delegation, balance: { denom: getParams(ctx).bondDenom, amount: amount.toString() } };
}

const STATUSES = ['', 'BOND_STATUS_UNBONDED', 'BOND_STATUS_UNBONDING', 'BOND_STATUS_BONDED'];

function validators(ctx: ReadContext, q: pb.QueryValidatorsRequest): pb.QueryValidatorsResponse {
  const status = STATUSES.indexOf(q.status);
  if (status < 0) throw errInvalidRequest(`invalid validator status ${q.status.slice(0, 100)}`);
  const { items, pagination } = paginate(ctx, state.validators, q.pagination, (_, v) =>
    status === 0 || v.status === status ? toProto(v) : undefined,
  );
  return { validators: items, pagination };
}

function validator(ctx: ReadContext, q: pb.QueryValidatorRequest): pb.QueryValidatorResponse {
  const v = getValidator(ctx, operatorOf(ctx, q.validatorAddr));
  if (v === undefined) throw errKeyNotFound(`validator ${q.validatorAddr} not found`);
  return { validator: toProto(v) };
}

function validatorDelegations(ctx: ReadContext, q: pb.QueryValidatorDelegationsRequest): pb.QueryValidatorDelegationsResponse {
  const operator = operatorOf(ctx, q.validatorAddr);
  const { items, pagination } = paginate(
    ctx,
    state.delegationsByValidator,
    q.pagination,
    ([, delegator]) => delegationResponse(ctx, operator, need(ctx, state.delegations, [delegator, operator])),
    state.startingWith(operator),
  );
  return { delegationResponses: items, pagination };
}

function validatorUnbondings(ctx: ReadContext, q: pb.QueryValidatorUnbondingDelegationsRequest): pb.QueryValidatorUnbondingDelegationsResponse {
  const operator = operatorOf(ctx, q.validatorAddr);
  const find = ([, delegator]: readonly [Uint8Array, Uint8Array]): pb.UnbondingDelegation => need(ctx, state.unbondings, [delegator, operator]);
  const { items, pagination } = paginate(ctx, state.unbondingsByValidator, q.pagination, find, state.startingWith(operator));
  return { unbondingResponses: items, pagination };
}

function delegation(ctx: ReadContext, q: pb.QueryDelegationRequest): pb.QueryDelegationResponse {
  const delegator = delegatorOf(ctx, q.delegatorAddr);
  const operator = operatorOf(ctx, q.validatorAddr);
  const found = state.delegations.get(ctx, [delegator, operator]);
  if (found === undefined) throw errKeyNotFound(`delegation with delegator ${q.delegatorAddr} not found for validator ${q.validatorAddr}`);
  return { delegationResponse: delegationResponse(ctx, operator, found) };
}

function unbondingDelegation(ctx: ReadContext, q: pb.QueryUnbondingDelegationRequest): pb.QueryUnbondingDelegationResponse {
  const unbond = state.unbondings.get(ctx, [delegatorOf(ctx, q.delegatorAddr), operatorOf(ctx, q.validatorAddr)]);
  if (unbond === undefined) throw errKeyNotFound(`unbonding delegation with delegator ${q.delegatorAddr} not found for validator ${q.validatorAddr}`);
  return { unbond };
}

function delegatorDelegations(ctx: ReadContext, q: pb.QueryDelegatorDelegationsRequest): pb.QueryDelegatorDelegationsResponse {
  const prefix = state.startingWith(delegatorOf(ctx, q.delegatorAddr));
  const { items, pagination } = paginate(ctx, state.delegations, q.pagination, ([, operator], d) => delegationResponse(ctx, operator, d), prefix);
  return { delegationResponses: items, pagination };
}

function delegatorUnbondings(ctx: ReadContext, q: pb.QueryDelegatorUnbondingDelegationsRequest): pb.QueryDelegatorUnbondingDelegationsResponse {
  const prefix = state.startingWith(delegatorOf(ctx, q.delegatorAddr));
  const { items, pagination } = paginate(ctx, state.unbondings, q.pagination, (_, u) => u, prefix);
  return { unbondingResponses: items, pagination };
}

function delegatorValidators(ctx: ReadContext, q: pb.QueryDelegatorValidatorsRequest): pb.QueryDelegatorValidatorsResponse {
  const prefix = state.startingWith(delegatorOf(ctx, q.delegatorAddr));
  const find = ([, operator]: readonly [Uint8Array, Uint8Array]): pb.Validator => toProto(knownValidator(ctx, operator));
  const { items, pagination } = paginate(ctx, state.delegations, q.pagination, find, prefix);
  return { validators: items, pagination };
}

function delegatorValidator(ctx: ReadContext, q: pb.QueryDelegatorValidatorRequest): pb.QueryDelegatorValidatorResponse {
  const delegator = delegatorOf(ctx, q.delegatorAddr);
  const operator = operatorOf(ctx, q.validatorAddr);
  if (!state.delegations.has(ctx, [delegator, operator]))
    throw errUnknownRequest('rpc error: code = Internal desc = no delegation for (address, validator) tuple');
  return { validator: toProto(knownValidator(ctx, operator)) };
}

function redelegationResponse(ctx: ReadContext, destination: Uint8Array, r: pb.Redelegation): pb.RedelegationResponse {
  // The destination may be gone since: then nothing is left there.
  const v = getValidator(ctx, destination);
  const entries = r.entries.map((redelegationEntry) => {
    const balance = v === undefined ? 0n : tokensFromShares(v, decOf(redelegationEntry.sharesDst));
    return { redelegationEntry, balance: balance.toString() };
  });
  return { redelegation: { ...r, entries: [] }, entries };
}

function redelegations(ctx: ReadContext, q: pb.QueryRedelegationsRequest): pb.QueryRedelegationsResponse {
  const { delegatorAddr, srcValidatorAddr, dstValidatorAddr } = q;
  if (delegatorAddr !== '' && srcValidatorAddr !== '' && dstValidatorAddr !== '') {
    const destination = operatorOf(ctx, dstValidatorAddr, 'dst_validator_addr');
    const source = operatorOf(ctx, srcValidatorAddr, 'src_validator_addr');
    const r = state.redelegations.get(ctx, [delegatorOf(ctx, delegatorAddr), source, destination]);
    if (r !== undefined) return { redelegationResponses: [redelegationResponse(ctx, destination, r)], pagination: undefined };
    const text = `redelegation not found for delegator address ${delegatorAddr} from validator address ${srcValidatorAddr}`;
    // The SDK wraps its own NotFound, and clients know the text and the status that come of it.
    throw errUnknownRequest(`rpc error: code = Internal desc = rpc error: code = NotFound desc = ${text}`);
  }
  if (delegatorAddr === '' && srcValidatorAddr !== '' && dstValidatorAddr === '') {
    const source = operatorOf(ctx, srcValidatorAddr, 'src_validator_addr');
    const find = ([, delegator, to]: readonly [Uint8Array, Uint8Array, Uint8Array]): pb.RedelegationResponse =>
      redelegationResponse(ctx, to, need(ctx, state.redelegations, [delegator, source, to]));
    const { items, pagination } = paginate(ctx, state.redelegationsBySource, q.pagination, find, state.startingWith(source));
    return { redelegationResponses: items, pagination };
  }
  const prefix = state.startingWith(delegatorOf(ctx, delegatorAddr));
  const { items, pagination } = paginate(ctx, state.redelegations, q.pagination, ([, , to], r) => redelegationResponse(ctx, to, r), prefix);
  return { redelegationResponses: items, pagination };
}

function historicalInfo(ctx: ReadContext, q: pb.QueryHistoricalInfoRequest): pb.QueryHistoricalInfoResponse {
  if (q.height < 0n) throw errInvalidRequest('height cannot be negative');
  const hist = state.history.get(ctx, q.height);
  if (hist === undefined) throw errKeyNotFound(`historical info for height ${q.height} not found`);
  return { hist };
}

function pool(ctx: ReadContext): pb.QueryPoolResponse {
  const { bondDenom } = getParams(ctx);
  const held = (address: Uint8Array): string => getBalance(ctx, address, bondDenom).toString();
  return { pool: { notBondedTokens: held(NOT_BONDED_POOL.address), bondedTokens: held(BONDED_POOL.address) } };
}

export const queries: readonly AnyQueryHandler[] = [
  query('Validators', pb.QueryValidatorsRequest, pb.QueryValidatorsResponse, validators),
  query('Validator', pb.QueryValidatorRequest, pb.QueryValidatorResponse, validator),
  query('ValidatorDelegations', pb.QueryValidatorDelegationsRequest, pb.QueryValidatorDelegationsResponse, validatorDelegations),
  query(
    'ValidatorUnbondingDelegations',
    pb.QueryValidatorUnbondingDelegationsRequest,
    pb.QueryValidatorUnbondingDelegationsResponse,
    validatorUnbondings,
  ),
  query('Delegation', pb.QueryDelegationRequest, pb.QueryDelegationResponse, delegation),
  query('UnbondingDelegation', pb.QueryUnbondingDelegationRequest, pb.QueryUnbondingDelegationResponse, unbondingDelegation),
  query('DelegatorDelegations', pb.QueryDelegatorDelegationsRequest, pb.QueryDelegatorDelegationsResponse, delegatorDelegations),
  query(
    'DelegatorUnbondingDelegations',
    pb.QueryDelegatorUnbondingDelegationsRequest,
    pb.QueryDelegatorUnbondingDelegationsResponse,
    delegatorUnbondings,
  ),
  query('Redelegations', pb.QueryRedelegationsRequest, pb.QueryRedelegationsResponse, redelegations),
  query('DelegatorValidators', pb.QueryDelegatorValidatorsRequest, pb.QueryDelegatorValidatorsResponse, delegatorValidators),
  query('DelegatorValidator', pb.QueryDelegatorValidatorRequest, pb.QueryDelegatorValidatorResponse, delegatorValidator),
  query('HistoricalInfo', pb.QueryHistoricalInfoRequest, pb.QueryHistoricalInfoResponse, historicalInfo),
  query('Pool', pb.QueryPoolRequest, pb.QueryPoolResponse, pool),
  query('Params', pb.QueryParamsRequest, pb.QueryParamsResponse, (ctx) => ({ params: getParams(ctx) })),
];
