// SPDX-License-Identifier: Apache-2.0
// A CometBFT RPC over HTTP with one account behind it, whose every step a test controls: it checks sequences as the
// application does, keeps a mempool, and makes blocks when told. Faults are per call.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hashOf } from '../../client/index.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import { decode, encode } from '../../core/codec.ts';
import { BaseAccount, QueryAccountResponse } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { TxMsgData } from '../../proto/gen/cosmos.base.abci.v1beta1.ts';
import { AuthInfo, SimulateRequest, SimulateResponse, TxBody, TxRaw } from '../../proto/gen/cosmos.tx.v1beta1.ts';

interface Included {
  readonly height: number;
  readonly bytes: Uint8Array;
  readonly code: number;
}

/** What happens to the next broadcast: the answer is lost before or after the node acted, or it stays without answer. */
export type Fault = 'lost-before' | 'lost-after';

export interface FakeRpc {
  readonly url: string;
  height: number;
  sequence: number;
  readonly mempool: Uint8Array[];
  readonly broadcasts: Uint8Array[];
  readonly included: Map<string, Included>;
  faults: Fault[];
  /** Code of delivery for the next block. */
  deliverCode: number;
  /** Simulations that a block with a transaction of the account comes before. */
  overtaken: number;
  /** Whether the mempool's cache forgets what blocks contain. */
  forgets: boolean;
  /** Puts the mempool into a block. */
  makeBlock(): void;
  /** Number of calls by method. */
  readonly calls: Map<string, number>;
  close(): Promise<void>;
}

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function sequenceOf(bytes: Uint8Array): number {
  const raw = decode(TxRaw, bytes);
  return Number(decode(AuthInfo, raw.authInfoBytes).signerInfos[0]?.sequence ?? 0n);
}

class Node implements FakeRpc {
  url = '';
  height = 5;
  sequence = 0;
  readonly mempool: Uint8Array[] = [];
  readonly broadcasts: Uint8Array[] = [];
  readonly included = new Map<string, Included>();
  readonly calls = new Map<string, number>();
  faults: Fault[] = [];
  deliverCode = 0;
  overtaken = 0;
  forgets = false;
  readonly server = createServer((request, response) => void this.serve(request, response));

  makeBlock(): void {
    this.height += 1;
    for (const bytes of this.mempool.splice(0)) {
      const { timeoutHeight } = decode(TxBody, decode(TxRaw, bytes).bodyBytes);
      if (timeoutHeight !== 0n && timeoutHeight < BigInt(this.height)) continue;
      this.included.set(hashOf(bytes), { height: this.height, bytes, code: this.deliverCode });
      this.sequence += 1;
    }
    this.deliverCode = 0;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private query(path: string, data: Uint8Array): unknown {
    if (path.endsWith('/Simulate') && this.overtaken > 0) {
      this.overtaken -= 1;
      this.sequence += 1;
    }
    if (path.endsWith('/Simulate') && sequenceOf(decode(SimulateRequest, data).txBytes) !== this.sequence)
      return { response: { code: 32, codespace: 'sdk', log: 'account sequence mismatch: incorrect account sequence', height: String(this.height) } };
    const value =
      path === '/cosmos.auth.v1beta1.Query/Account'
        ? encode(QueryAccountResponse, {
            account: {
              typeUrl: `/${BaseAccount.typeName}`,
              value: encode(BaseAccount, { address: 'x', accountNumber: 9n, sequence: BigInt(this.sequence) }),
            },
          })
        : encode(SimulateResponse, { gasInfo: { gasUsed: BigInt(decode(SimulateRequest, data).txBytes.length) * 100n } });
    return { response: { code: 0, value: b64(value), height: String(this.height) } };
  }

  private check(bytes: Uint8Array): { readonly code: number; readonly codespace: string; readonly log: string } {
    const expected = this.sequence + this.mempool.length;
    const got = sequenceOf(bytes);
    if (got !== expected)
      return { code: 32, codespace: 'sdk', log: `account sequence mismatch, expected ${expected}, got ${got}: incorrect account sequence` };
    this.mempool.push(bytes);
    return { code: 0, codespace: '', log: '' };
  }

  private broadcast(bytes: Uint8Array): unknown {
    this.broadcasts.push(bytes);
    const hash = hashOf(bytes);
    if ((this.included.has(hash) && !this.forgets) || this.mempool.some((m) => hashOf(m) === hash)) {
      return { error: { code: -32603, message: 'Internal error', data: 'tx already exists in cache' } };
    }
    return { result: { ...this.check(bytes), hash, data: '' } };
  }

  private tx(hash: string): unknown {
    const found = this.included.get(hash);
    if (found === undefined) return { error: { code: -32603, message: 'Internal error', data: `tx (${hash}) not found` } };
    const { bytes, code, height } = found;
    const tx_result = {
      code,
      codespace: code === 0 ? '' : 'sdk',
      log: '',
      data: b64(encode(TxMsgData, {})),
      gas_wanted: '1',
      gas_used: '1',
      events: [],
    };
    return { result: { hash, height: String(height), index: 0, tx: b64(bytes), tx_result } };
  }

  private status(): unknown {
    const sync_info = {
      latest_block_height: String(this.height),
      latest_block_time: '2024-01-01T00:00:00Z',
      latest_app_hash: '',
      catching_up: false,
    };
    return { node_info: { network: 'fake-1', moniker: 'fake', version: '0.38.25' }, sync_info };
  }

  private answer(method: string, params: Record<string, string>): unknown {
    if (method === 'status') return { result: this.status() };
    if (method === 'abci_query') return { result: this.query(params['path'] as string, fromHex(params['data'] as string)) };
    if (method === 'broadcast_tx_sync') return this.broadcast(new Uint8Array(Buffer.from(params['tx'] as string, 'base64')));
    if (method === 'tx') return this.tx(toHex(new Uint8Array(Buffer.from(params['hash'] as string, 'base64'))).toUpperCase());
    return { error: { code: -32601, message: 'Method not found' } };
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += String(part);
    const { method, params } = JSON.parse(body) as { method: string; params: Record<string, string> };
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    const fault = method === 'broadcast_tx_sync' ? this.faults.shift() : undefined;
    const answer = fault === 'lost-before' ? undefined : this.answer(method, params);
    if (fault !== undefined) {
      request.socket.destroy();
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, ...(answer as object) }));
  }
}

/** Starts a node that answers on a free port. */
export async function startFakeRpc(): Promise<FakeRpc> {
  const node = new Node();
  await new Promise<void>((resolve) => node.server.listen(0, '127.0.0.1', resolve));
  node.url = `http://127.0.0.1:${(node.server.address() as AddressInfo).port}`;
  return node;
}
