// SPDX-License-Identifier: Apache-2.0
// What the daemons need of a chain: queries and two ways to send. They know it by nothing else, so tests give them
// another one.

import { ConnectionError, QueryError, TxFailedError } from '../client/errors.ts';
import { createQueries, type Queries } from '../client/query.ts';
import { createRpc, type Rpc } from '../client/rpc.ts';
import type { Signer } from '../client/signer.ts';
import type { GasPrice } from '../client/signing.ts';
import { createTxSender, type TxSender } from '../client/tx.ts';
import { parseAddress } from '../core/address.ts';
import type { Any } from '../proto/gen/google.protobuf.ts';

/** The chain said no, by a rule. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly codespace: string;
  readonly code: number;
  constructor(codespace: string, code: number, log: string) {
    super(`${log} (${codespace}/${code})`);
    this.codespace = codespace;
    this.code = code;
  }
}

export interface SubmitOptions {
  /** Last height that may include the transaction. */
  readonly timeoutHeight?: bigint;
  /** Gas limit; with it nothing is simulated first. */
  readonly gas?: bigint;
}

type Questions = Pick<
  Queries,
  'params' | 'job' | 'jobs' | 'round' | 'commits' | 'challenges' | 'attestations' | 'miner' | 'miners' | 'verifier' | 'verifiers' | 'balance'
>;

/** Methods throw ConnectionError while no node answers and QueryError for refused queries. */
export interface Chain extends Questions {
  readonly chainId: string;
  /** Own account, bech32. */
  readonly address: string;
  /** Height of the last block. */
  height(): Promise<bigint>;
  /** Bytes of an address of this chain. */
  bytesOf(address: string): Uint8Array;
  /** Sends one transaction; resolves when a mempool has it. RefusedError when a rule forbids it. */
  submit(messages: readonly Any[], options?: SubmitOptions): Promise<void>;
  /** As `submit`, but resolves when a block has it. */
  deliver(messages: readonly Any[], options?: SubmitOptions): Promise<void>;
}

export interface ConnectOptions {
  readonly signer: Signer;
  /** Address prefix. */
  readonly prefix: string;
  /** Refuses a node of another chain. */
  readonly chainId?: string;
  readonly gasPrice?: GasPrice;
  /** Milliseconds between two looks for a sent transaction. */
  readonly pollMs?: number;
  /** Hears of transactions that failed in their block after `submit` had returned. */
  onFailed?(error: Error): void;
}

/** A chain behind its nodes' RPC. Throws when no node answers or one is of another chain. */
export async function connectChain(options: ConnectOptions & { readonly nodes: readonly string[] }): Promise<Chain> {
  return await chainOver(failover(options.nodes.map((node) => createRpc(node))), options);
}

/** As `connectChain`, over an RPC. */
export async function chainOver(rpc: Rpc, options: ConnectOptions): Promise<Chain> {
  const { chainId } = await rpc.status();
  if (options.chainId !== undefined && options.chainId !== chainId) {
    throw new RefusedError('client', 1, `chain_id: the nodes are of ${chainId}, ${options.chainId} is configured`);
  }
  const { signer, prefix, gasPrice, pollMs } = options;
  const settings = { ...(gasPrice === undefined ? {} : { gasPrice }), ...(pollMs === undefined ? {} : { pollMs }) };
  const sender = createTxSender({ rpc, signer, chainId, ...settings });
  return {
    ...createQueries(rpc),
    chainId,
    address: signer.address,
    height: async () => (await rpc.status()).height,
    bytesOf: (address) => parseAddress(address, prefix),
    submit: (messages, o) => refusals(() => submit(sender, messages, o, options.onFailed)),
    deliver: (messages, o) => refusals(async () => void (await sender.send(messages, o))),
  };
}

async function submit(sender: TxSender, messages: readonly Any[], o: SubmitOptions | undefined, onFailed: ConnectOptions['onFailed']): Promise<void> {
  const tx = await sender.broadcast(messages, o);
  sender.wait(tx).catch((error: Error) => onFailed?.(error));
}

/** Refusals of simulation, CheckTx and block as one kind of error. */
async function refusals(send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof QueryError || error instanceof TxFailedError)) throw error;
    throw new RefusedError(error.codespace, error.code, error.log);
  }
}

/** One RPC over several nodes. A node that cannot be had is left for the next one, and the question is asked again there. */
export function failover(nodes: readonly Rpc[]): Rpc {
  let current = 0;
  const node = (): Rpc => nodes[current] as Rpc;
  const ask = async <T>(question: (rpc: Rpc) => Promise<T>): Promise<T> => {
    for (let tried = 1; ; tried++) {
      const asked = current;
      try {
        return await question(node());
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        if (current === asked) current = (current + 1) % nodes.length;
        if (tried >= nodes.length) throw error;
      }
    }
  };
  return {
    get url() {
      return node().url;
    },
    call: (method, params) => ask((rpc) => rpc.call(method, params)),
    status: () => ask((rpc) => rpc.status()),
    abciQuery: (path, data, o) => ask((rpc) => rpc.abciQuery(path, data, o)),
    // Which node has a transaction matters to its sender, who repeats it himself.
    broadcastTxSync: async (bytes) => {
      try {
        return await node().broadcastTxSync(bytes);
      } catch (error) {
        if (error instanceof ConnectionError) current = (current + 1) % nodes.length;
        throw error;
      }
    },
    tx: (hash) => ask((rpc) => rpc.tx(hash)),
    block: (height) => ask((rpc) => rpc.block(height)),
    blockResults: (height) => ask((rpc) => rpc.blockResults(height)),
  };
}
