// SPDX-License-Identifier: Apache-2.0
// ABCI queries: gRPC method names, raw keys with proofs, and the few legacy paths that clients still use.
import type { GasInfo, Result } from '../proto/gen/cosmos.base.abci.v1beta1.ts';
import { SimulateRequest, SimulateResponse, TxRaw } from '../proto/gen/cosmos.tx.v1beta1.ts';
import type { RequestQuery, ResponseQuery } from '../proto/gen/tendermint.abci.ts';
import type { ProofOps } from '../proto/gen/tendermint.crypto.ts';
import { utf8 } from './bytes.ts';
import { CodecError, decode, encode } from './codec.ts';
import { CorruptStateError, errInvalidHeight, errInvalidRequest, errUnknownRequest, TxError } from './errors.ts';
import { createContext, type Environment, executeTx, type TxOutcome } from './execute.ts';
import { freeMeter } from './gas.ts';
import { Overlay } from './overlay.ts';
import type { MultiReadStore, ProofOp, StateStore } from './store.ts';

export interface QueryHost {
  readonly store: StateStore;
  readonly version: string;
  /** Environment of the state at a height. */
  environment(state: MultiReadStore, height: bigint): Environment;
}

const SIMULATE = '/cosmos.tx.v1beta1.Service/Simulate';
const MAX_UINT64 = (1n << 64n) - 1n;
/** Gas of a simulation at most, which nobody pays for: some seconds of the one thread that consensus needs too. */
const SIMULATION_GAS = 300_000_000n;
const EMPTY = new Uint8Array(0);

interface Answer {
  readonly value: Uint8Array;
  readonly key?: Uint8Array;
  readonly proof?: readonly ProofOp[];
}

/** gRPC status of an application error, in the words that cosmjs and relayers match on (cosmos-sdk baseapp/grpcrouter, types/errors). */
export function queryError(error: TxError): { readonly code: number; readonly codespace: string; readonly log: string } {
  const status = error.codespace === 'sdk' ? error.code : 0;
  if (status === 22 || status === 38) {
    const text = error.message.endsWith('key not found') ? error.message : `${error.message}: key not found`;
    return { code: 22, codespace: 'sdk', log: text.startsWith('rpc error') ? text : `rpc error: code = NotFound desc = ${text}` };
  }
  if (status === 7 || status === 10 || status === 18) {
    const text = error.message.endsWith('invalid request') ? error.message : `${error.message}: invalid request`;
    return { code: 18, codespace: 'sdk', log: `rpc error: code = InvalidArgument desc = ${text}` };
  }
  return { code: status === 0 ? 6 : error.code, codespace: 'sdk', log: error.message };
}

function simulated(outcome: TxOutcome): Uint8Array {
  if (outcome.code !== 0) throw new TxError(outcome.codespace, outcome.code, outcome.log);
  return encode(SimulateResponse, {
    gasInfo: { gasWanted: MAX_UINT64, gasUsed: outcome.gasUsed } satisfies GasInfo,
    result: { data: outcome.data, log: '', events: outcome.events, msgResponses: [] } satisfies Result,
  });
}

function simulate(env: Environment, state: MultiReadStore, data: Uint8Array): Uint8Array {
  const request = decode(SimulateRequest, data);
  let bytes = request.txBytes;
  if (bytes.length === 0 && request.tx !== undefined) {
    // The deprecated form carries the parts as messages; re-encoding them is what the sender would sign.
    const tx = request.tx;
    if (tx.body === undefined || tx.authInfo === undefined) throw errInvalidRequest('tx: body and auth_info are required');
    bytes = encode(TxRaw, {
      bodyBytes: encode({ typeName: 'cosmos.tx.v1beta1.TxBody' }, tx.body),
      authInfoBytes: encode({ typeName: 'cosmos.tx.v1beta1.AuthInfo' }, tx.authInfo),
      signatures: tx.signatures,
    });
  }
  if (bytes.length === 0) throw errInvalidRequest('tx_bytes: empty');
  return simulated(executeTx(env, new Overlay(state), bytes, 'simulate', SIMULATION_GAS));
}

function byKey(host: QueryHost, state: MultiReadStore, height: bigint, path: string, request: RequestQuery): Answer {
  const [, , name, kind] = path.split('/');
  if (name === undefined || kind !== 'key') throw errUnknownRequest(`path: expected /store/NAME/key, got ${path.slice(0, 100)}`);
  if (!state.names.includes(name)) throw errUnknownRequest(`path: no such store: ${name.slice(0, 40)}`);
  if (request.data.length === 0) throw errInvalidRequest('data: the key is empty');
  const value = state.store(name).get(request.data) ?? EMPTY;
  const proof = request.prove ? host.store.prove(height, name, request.data) : undefined;
  return { value, key: request.data, ...(proof === undefined ? {} : { proof }) };
}

function answer(host: QueryHost, state: MultiReadStore, height: bigint, request: RequestQuery): Answer {
  const path = request.path.startsWith('/') ? request.path : `/${request.path}`;
  if (path.startsWith('/p2p/filter/')) return { value: EMPTY };
  if (path === '/app/version') return { value: utf8(host.version) };
  if (path.startsWith('/store/')) return byKey(host, state, height, path, request);
  const env = host.environment(state, height);
  if (path === SIMULATE) return { value: simulate(env, state, request.data) };
  if (path === '/app/simulate') return { value: simulated(executeTx(env, new Overlay(state), request.data, 'simulate', SIMULATION_GAS)) };
  const handler = env.router.query(path);
  if (handler === undefined) throw errUnknownRequest(`path: unknown query path: ${path.slice(0, 200)}`);
  const ctx = createContext(env, new Overlay(state), 'query', freeMeter());
  return { value: encode(handler.response, handler.handle(ctx, decode(handler.request, request.data))) };
}

function stateAt(host: QueryHost, asked: bigint): { readonly state: MultiReadStore; readonly height: bigint } {
  const last = host.store.last().height;
  if (last === 0n) throw errInvalidHeight('height: no block has been committed; queries start after the first block');
  if (asked < 0n || asked > last) throw errInvalidHeight(`height: cannot query height ${asked}; the latest is ${last}`);
  if (asked === 0n || asked === last) return { state: host.store.latest(), height: last };
  const state = host.store.at(asked);
  if (state === undefined) throw errInvalidHeight(`height: the state of height ${asked} is pruned; the latest is ${last}`);
  return { state, height: asked };
}

/** Answers a query; never throws but for CorruptStateError. */
export function runQuery(host: QueryHost, request: RequestQuery, onInternalError: (error: unknown) => void): ResponseQuery {
  const base = { code: 0, log: '', info: '', index: 0n, key: EMPTY, value: EMPTY, height: 0n, codespace: '' };
  try {
    const { state, height } = stateAt(host, request.height);
    const found = answer(host, state, height, request);
    const proofOps = found.proof === undefined ? undefined : ({ ops: found.proof } satisfies ProofOps);
    return { ...base, value: found.value, key: found.key ?? EMPTY, height, proofOps };
  } catch (error) {
    if (error instanceof CorruptStateError) throw error;
    if (error instanceof TxError) return { ...base, ...queryError(error) };
    if (error instanceof CodecError) return { ...base, ...queryError(errInvalidRequest(`data: ${error.message}`)) };
    onInternalError(error);
    return { ...base, code: 1, codespace: 'sdk', log: 'internal error' };
  }
}
