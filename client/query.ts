// SPDX-License-Identifier: Apache-2.0
// Typed queries over abci_query with gRPC method names as paths. One generic function carries them all; the named ones
// are what daemons, the command line and examples use.
import { decode, encode } from '../core/codec.ts';
import * as auth from '../proto/gen/cosmos.auth.v1beta1.ts';
import * as bank from '../proto/gen/cosmos.bank.v1beta1.ts';
import type { Coin } from '../proto/gen/cosmos.base.v1beta1.ts';
import * as staking from '../proto/gen/cosmos.staking.v1beta1.ts';
import * as pogo from '../proto/gen/pogo.v1.ts';
import type { Input, MessageType } from '../proto/message.ts';
import { QueryError } from './errors.ts';
import type { Rpc } from './rpc.ts';

export interface QueryMethod<Q, R> {
  /** Full service name, e.g. `pogo.v1.Query`. */
  readonly service: string;
  readonly method: string;
  readonly request: MessageType<Q>;
  readonly response: MessageType<R>;
}

/** Answer of a query method at `height` (latest unless given). Throws QueryError when the application refuses. */
export async function queryMethod<Q, R>(rpc: Rpc, method: QueryMethod<Q, R>, request: Input<Q>, height?: bigint): Promise<R> {
  const path = `/${method.service}/${method.method}`;
  const result = await rpc.abciQuery(path, encode(method.request, request), height === undefined ? {} : { height });
  if (result.code !== 0) throw new QueryError(path, result.codespace, result.code, result.log);
  return decode(method.response, result.value);
}

/** Whether an error says that what was asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof QueryError && error.codespace === 'sdk' && (error.code === 22 || error.code === 38);
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const PAGE = 100n;

/** All items of a paginated query, page after page. */
async function allPages<T>(
  page: (key: Uint8Array) => Promise<{ readonly items: readonly T[]; readonly next: Uint8Array | undefined }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let key: Uint8Array | undefined = new Uint8Array(0); key !== undefined; ) {
    const { items, next } = await page(key);
    all.push(...items);
    key = next !== undefined && next.length > 0 ? next : undefined;
  }
  return all;
}

export interface Account {
  readonly address: string;
  readonly accountNumber: bigint;
  readonly sequence: bigint;
}

/** What others ask a chain. Absent things are undefined; every other refusal throws QueryError. */
export interface Queries {
  account(address: string): Promise<Account | undefined>;
  balance(address: string, denom: string): Promise<bigint>;
  balances(address: string): Promise<readonly Coin[]>;
  validators(): Promise<readonly staking.Validator[]>;
  params(): Promise<pogo.Params>;
  job(jobId: bigint): Promise<pogo.Job | undefined>;
  jobs(filter?: { readonly owner?: string; readonly status?: number }): Promise<readonly pogo.Job[]>;
  round(jobId: bigint, round: bigint): Promise<pogo.Round | undefined>;
  commits(jobId: bigint, round: bigint): Promise<readonly pogo.Commit[]>;
  challenges(jobId: bigint, round: bigint, miner: string): Promise<readonly pogo.Challenge[]>;
  attestations(jobId: bigint, round: bigint, miner: string): Promise<readonly pogo.Attestation[]>;
  miner(address: string): Promise<pogo.Miner | undefined>;
  miners(): Promise<readonly pogo.Miner[]>;
  verifier(address: string): Promise<pogo.Verifier | undefined>;
  verifiers(): Promise<readonly pogo.Verifier[]>;
  unbondings(address: string): Promise<readonly pogo.Unbonding[]>;
  beacon(): Promise<pogo.Beacon | undefined>;
}

const POGO = 'pogo.v1.Query';

/** Base account inside whatever kind of account the chain answered. */
function baseAccount(any: { readonly typeUrl: string; readonly value: Uint8Array }): Account {
  const kind = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  const base = kind === auth.ModuleAccount.typeName ? decode(auth.ModuleAccount, any.value).baseAccount : decode(auth.BaseAccount, any.value);
  return { address: base?.address ?? '', accountNumber: base?.accountNumber ?? 0n, sequence: base?.sequence ?? 0n };
}

function chainQueries(rpc: Rpc): Pick<Queries, 'account' | 'balance' | 'balances' | 'validators'> {
  const account = { service: 'cosmos.auth.v1beta1.Query', method: 'Account', request: auth.QueryAccountRequest, response: auth.QueryAccountResponse };
  const bankQuery = 'cosmos.bank.v1beta1.Query';
  const balance = { service: bankQuery, method: 'Balance', request: bank.QueryBalanceRequest, response: bank.QueryBalanceResponse };
  const all = { service: bankQuery, method: 'AllBalances', request: bank.QueryAllBalancesRequest, response: bank.QueryAllBalancesResponse };
  const validators = {
    service: 'cosmos.staking.v1beta1.Query',
    method: 'Validators',
    request: staking.QueryValidatorsRequest,
    response: staking.QueryValidatorsResponse,
  };
  return {
    async account(address) {
      const found = await orUndefined(queryMethod(rpc, account, { address }));
      return found?.account === undefined ? undefined : baseAccount(found.account);
    },
    balance: async (address, denom) => BigInt((await queryMethod(rpc, balance, { address, denom })).balance?.amount ?? 0),
    balances: (address) =>
      allPages(async (key) => {
        const r = await queryMethod(rpc, all, { address, pagination: { key, limit: PAGE } });
        return { items: r.balances, next: r.pagination?.nextKey };
      }),
    validators: () =>
      allPages(async (key) => {
        const r = await queryMethod(rpc, validators, { pagination: { key, limit: PAGE } });
        return { items: r.validators, next: r.pagination?.nextKey };
      }),
  };
}

function jobQueries(rpc: Rpc): Pick<Queries, 'params' | 'job' | 'jobs' | 'round' | 'commits' | 'challenges' | 'attestations' | 'beacon'> {
  const m = <Q, R>(method: string, request: MessageType<Q>, response: MessageType<R>): QueryMethod<Q, R> => ({
    service: POGO,
    method,
    request,
    response,
  });
  const params = m('Params', pogo.QueryParamsRequest, pogo.QueryParamsResponse);
  const job = m('Job', pogo.QueryJobRequest, pogo.QueryJobResponse);
  const jobs = m('Jobs', pogo.QueryJobsRequest, pogo.QueryJobsResponse);
  const round = m('Round', pogo.QueryRoundRequest, pogo.QueryRoundResponse);
  const commits = m('Commits', pogo.QueryCommitsRequest, pogo.QueryCommitsResponse);
  const challenges = m('Challenges', pogo.QueryChallengesRequest, pogo.QueryChallengesResponse);
  const attestations = m('Attestations', pogo.QueryAttestationsRequest, pogo.QueryAttestationsResponse);
  const beacon = m('Beacon', pogo.QueryBeaconRequest, pogo.QueryBeaconResponse);
  return {
    async params() {
      const found = (await queryMethod(rpc, params, {})).params;
      if (found === undefined) throw new QueryError(`/${POGO}/Params`, 'sdk', 38, 'the answer has no params');
      return found;
    },
    job: async (jobId) => (await orUndefined(queryMethod(rpc, job, { jobId })))?.job,
    jobs: (filter = {}) =>
      allPages(async (key) => {
        const r = await queryMethod(rpc, jobs, { ...filter, pagination: { key, limit: PAGE } });
        return { items: r.jobs, next: r.pagination?.nextKey };
      }),
    round: async (jobId, number) => (await orUndefined(queryMethod(rpc, round, { jobId, round: number })))?.round,
    commits: async (jobId, number) => (await queryMethod(rpc, commits, { jobId, round: number })).commits,
    challenges: async (jobId, number, miner) => (await queryMethod(rpc, challenges, { jobId, round: number, miner })).challenges,
    attestations: async (jobId, number, miner) => (await queryMethod(rpc, attestations, { jobId, round: number, miner })).attestations,
    beacon: async () => (await queryMethod(rpc, beacon, {})).beacon,
  };
}

function roleQueries(rpc: Rpc): Pick<Queries, 'miner' | 'miners' | 'verifier' | 'verifiers' | 'unbondings'> {
  const m = <Q, R>(method: string, request: MessageType<Q>, response: MessageType<R>): QueryMethod<Q, R> => ({
    service: POGO,
    method,
    request,
    response,
  });
  const miner = m('Miner', pogo.QueryMinerRequest, pogo.QueryMinerResponse);
  const miners = m('Miners', pogo.QueryMinersRequest, pogo.QueryMinersResponse);
  const verifier = m('Verifier', pogo.QueryVerifierRequest, pogo.QueryVerifierResponse);
  const verifiers = m('Verifiers', pogo.QueryVerifiersRequest, pogo.QueryVerifiersResponse);
  const unbondings = m('Unbondings', pogo.QueryUnbondingsRequest, pogo.QueryUnbondingsResponse);
  return {
    miner: async (address) => (await orUndefined(queryMethod(rpc, miner, { address })))?.miner,
    miners: () =>
      allPages(async (key) => {
        const r = await queryMethod(rpc, miners, { pagination: { key, limit: PAGE } });
        return { items: r.miners, next: r.pagination?.nextKey };
      }),
    verifier: async (address) => (await orUndefined(queryMethod(rpc, verifier, { address })))?.verifier,
    verifiers: () =>
      allPages(async (key) => {
        const r = await queryMethod(rpc, verifiers, { pagination: { key, limit: PAGE } });
        return { items: r.verifiers, next: r.pagination?.nextKey };
      }),
    unbondings: async (address) => (await queryMethod(rpc, unbondings, { address })).unbondings,
  };
}

/** The named queries over one node. */
export function createQueries(rpc: Rpc): Queries {
  return { ...chainQueries(rpc), ...jobQueries(rpc), ...roleQueries(rpc) };
}
