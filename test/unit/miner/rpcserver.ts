// SPDX-License-Identifier: Apache-2.0
// The mock chain as a node's JSON-RPC server, for daemons that run as processes.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { base64 } from '@scure/base';
import type { IndexedTx, Rpc } from '../../../client/index.ts';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { formatTime } from '../../../core/time.ts';

type Params = Readonly<Record<string, string>>;

async function answer(rpc: Rpc, method: string, params: Params): Promise<unknown> {
  switch (method) {
    case 'status': {
      const s = await rpc.status();
      const sync = {
        latest_block_height: s.height.toString(),
        latest_block_time: formatTime(s.time),
        latest_app_hash: toHex(s.appHash),
        catching_up: false,
      };
      return { node_info: { network: s.chainId, moniker: s.moniker, version: s.version }, sync_info: sync };
    }
    case 'abci_query': {
      const r = await rpc.abciQuery(params['path'] ?? '', fromHex(params['data'] ?? ''));
      const { code, codespace, log } = r;
      return { response: { code, codespace, log, key: base64.encode(r.key), value: base64.encode(r.value), height: r.height.toString() } };
    }
    case 'broadcast_tx_sync':
      return await rpc.broadcastTxSync(base64.decode(params['tx'] ?? ''));
    case 'tx': {
      const found = await rpc.tx(toHex(base64.decode(params['hash'] ?? '')).toUpperCase());
      return found === undefined ? undefined : indexed(found);
    }
    default:
      throw new Error(`the mock has no ${method}`);
  }
}

function indexed({ hash, height, index, bytes, outcome }: IndexedTx): unknown {
  const { code, codespace, log, data, gasWanted, gasUsed } = outcome;
  const result = { code, codespace, log, data: base64.encode(data), gas_wanted: gasWanted.toString(), gas_used: gasUsed.toString(), events: [] };
  return { hash, height: height.toString(), index, tx: base64.encode(bytes), tx_result: result };
}

/** Serves `rpc`; the address and the server to close. */
export async function serveRpc(rpc: Rpc): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', async () => {
      const { method, params } = JSON.parse(body) as { method: string; params: Params };
      const base = { jsonrpc: '2.0', id: 1 };
      try {
        const result = await answer(rpc, method, params);
        if (result === undefined) throw new Error('tx not found');
        response.end(JSON.stringify({ ...base, result }));
      } catch (error) {
        response.end(JSON.stringify({ ...base, error: { code: -32603, message: 'Internal error', data: (error as Error).message } }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
