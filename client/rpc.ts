// SPDX-License-Identifier: Apache-2.0
// CometBFT's RPC over HTTP POST (JSON-RPC 2.0), with a time limit on every attempt.
import { base64 } from '@scure/base';
import { fromHex, toHex } from '../core/bytes.ts';
import {
  type AbciQueryResult,
  type Block,
  type BlockResults,
  type BroadcastResult,
  type IndexedTx,
  type NodeStatus,
  readBlock,
  readBroadcast,
  readQuery,
  readResults,
  readStatus,
  readTx,
} from './answers.ts';
import { ConnectionError, RpcError, UsageError } from './errors.ts';

export interface RpcOptions {
  /** Of one attempt; 10 s unless told. */
  readonly timeoutMs?: number;
  /** How long to go on trying while the node refuses connections; 0 unless told. */
  readonly retryMs?: number;
}

/** Where an abci_query is to be answered: latest height unless told. */
export interface QueryOptions {
  readonly height?: bigint;
  readonly prove?: boolean;
}

/** Every method throws ConnectionError when the node cannot be had and RpcError when it refuses the request. */
export interface Rpc {
  readonly url: string;
  /** Any method by name; the answer's `result`. */
  call(method: string, params?: Readonly<Record<string, unknown>>): Promise<unknown>;
  status(): Promise<NodeStatus>;
  abciQuery(path: string, data: Uint8Array, options?: QueryOptions): Promise<AbciQueryResult>;
  /** Answers after CheckTx. */
  broadcastTxSync(bytes: Uint8Array): Promise<BroadcastResult>;
  /** The transaction of a hash (hexadecimal) once a block has it; undefined before. */
  tx(hash: string): Promise<IndexedTx | undefined>;
  /** Latest when no height is given. */
  block(height?: bigint): Promise<Block>;
  blockResults(height?: bigint): Promise<BlockResults>;
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: string };
}

const RETRY_PAUSE_MS = 200;

/** Resolves after `ms`. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function post(url: string, method: string, params: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(timeoutMs),
  });
  return (await response.json()) as Answer;
}

function causeOf(error: unknown): { readonly code?: string; readonly message?: string } {
  return (error as { cause?: { code?: string; message?: string } }).cause ?? {};
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if ((error as Error).name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const cause = causeOf(error);
  if (cause.code === 'ECONNREFUSED') return 'connection refused (is the node running?)';
  return cause.code ?? cause.message ?? (error as Error).message;
}

async function callNode(url: string, method: string, params: Readonly<Record<string, unknown>>, limits: Required<RpcOptions>): Promise<unknown> {
  const until = Date.now() + limits.retryMs;
  for (;;) {
    try {
      const { result, error } = await post(url, method, params, limits.timeoutMs);
      if (error !== undefined) throw new RpcError(method, error.code, error.message, error.data ?? '');
      if (result === undefined) throw new ConnectionError(`${url}: ${method}: the answer is no JSON-RPC`);
      return result;
    } catch (error) {
      if (error instanceof RpcError || error instanceof ConnectionError) throw error;
      // A refused connection has had no effect, so trying again is always safe; anything else is the caller's decision.
      if (causeOf(error).code !== 'ECONNREFUSED' || Date.now() >= until)
        throw new ConnectionError(`${url}: ${method}: ${reasonOf(error, limits.timeoutMs)}`);
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

/** HTTP form of an address as nodes are told it: `tcp://` becomes `http://`. Throws UsageError when it is no URL. */
export function httpUrl(address: string): string {
  const text = address.includes('://') ? address.replace(/^tcp:/, 'http:') : `http://${address}`;
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new UsageError(`node: expected an address like tcp://localhost:26657, got "${address}"`);
  return new URL(text).href;
}

/** A client of the node at `address` (`http://`, `https://` or `tcp://`). Nothing is sent until a method is called. */
export function createRpc(address: string, options: RpcOptions = {}): Rpc {
  const url = httpUrl(address);
  const limits = { timeoutMs: options.timeoutMs ?? 10_000, retryMs: options.retryMs ?? 0 };
  const call: Rpc['call'] = (method, params = {}) => callNode(url, method, params, limits);
  const at = (height?: bigint): Record<string, string> => (height === undefined ? {} : { height: height.toString() });
  return {
    url,
    call,
    status: async () => readStatus(await call('status')),
    abciQuery: async (path, data, o = {}) =>
      readQuery(await call('abci_query', { path, data: toHex(data), prove: o.prove ?? false, ...at(o.height) })),
    broadcastTxSync: async (tx) => readBroadcast(await call('broadcast_tx_sync', { tx: base64.encode(tx) })),
    async tx(hash) {
      try {
        return readTx(await call('tx', { hash: base64.encode(fromHex(hash)) }));
      } catch (error) {
        if (error instanceof RpcError && error.data.includes('not found')) return undefined;
        throw error;
      }
    },
    block: async (height) => readBlock(await call('block', at(height))),
    blockResults: async (height) => readResults(await call('block_results', at(height))),
  };
}
