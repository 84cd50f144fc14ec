// SPDX-License-Identifier: Apache-2.0
// A whole chain in this process behind the RPC interface that the daemons' own client uses, with blocks as fast as
// the daemons need them.

import { createQueries, createSigner, type IndexedTx, type Queries, type Rpc, sleep } from '../../../client/index.ts';
import { toHex } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import type { JsonObject } from '../../../core/json.ts';
import { type Chain, chainOver } from '../../../miner/chain.ts';
import { modules } from '../../../modules/index.ts';
import { defaultPogoGenesis, pogo } from '../../../modules/pogo/index.ts';
import { CHAIN, genesisOf, type Signer, signer } from '../../helpers/fixture.ts';
import { MockComet } from '../../helpers/mockcomet.ts';

export interface MockChain {
  readonly comet: MockComet;
  readonly rpc: Rpc;
  readonly queries: Queries;
  readonly accounts: readonly Signer[];
  /** A daemon's chain for account `index`. */
  connect(index: number): Promise<Chain>;
  /** Makes blocks until `stop`: at once when there are transactions, else after a quiet moment. */
  run(signal: AbortSignal): Promise<void>;
}

const QUIET_MS = 80;

export async function mockChain(accounts: number, params: JsonObject): Promise<MockChain> {
  const signers = Array.from({ length: accounts }, (_, i) => signer(`${i}`, BigInt(i)));
  const all = modules.some((m) => m.name === 'pogo') ? modules : [...modules, pogo];
  const base = defaultPogoGenesis(CHAIN);
  const genesis = { ...genesisOf(signers, 1_000_000_000_000n), pogo: { ...base, params: { ...(base['params'] as JsonObject), ...params } } };
  const comet = new MockComet({ chainId: CHAIN.chainId, appState: genesis, modules: all });
  await comet.block();
  const index = new Map<string, IndexedTx>();
  let pending: Uint8Array[] = [];
  const rpc = rpcOver(comet, index, (tx) => pending.push(tx));
  return {
    comet,
    rpc,
    queries: createQueries(rpc),
    accounts: signers,
    connect: (i) =>
      chainOver(rpc, { signer: createSigner((signers[i] as Signer).privateKey, CHAIN.addressPrefix), prefix: CHAIN.addressPrefix, pollMs: 5 }),
    async run(signal) {
      while (!signal.aborted) {
        for (let waited = 0; waited < QUIET_MS && pending.length === 0; waited += 5) await sleep(5);
        await sleep(10);
        const txs = pending;
        pending = [];
        const block = await comet.deliver(txs);
        txs.forEach((bytes, i) => {
          const result = block.txResults[i];
          if (result === undefined) return;
          const hash = toHex(sha256(bytes)).toUpperCase();
          index.set(hash, { hash, height: block.height, index: i, bytes, outcome: { ...result, events: [] } });
        });
      }
    },
  };
}

function rpcOver(comet: MockComet, index: ReadonlyMap<string, IndexedTx>, take: (tx: Uint8Array) => void): Rpc {
  const none = (): never => {
    throw new Error('the mock has no such method');
  };
  return {
    url: 'mock',
    call: none,
    block: none,
    blockResults: none,
    status: async () => ({
      chainId: CHAIN.chainId,
      moniker: 'mock',
      version: '0.38.25',
      height: comet.height,
      time: comet.time,
      appHash: new Uint8Array(32),
      catchingUp: false,
    }),
    abciQuery: async (path, data) => {
      const { code, codespace, log, key, value, height } = comet.app.query({ path, data, height: 0n, prove: false });
      return { code, codespace, log, key, value, height, proofOps: [] };
    },
    broadcastTxSync: async (bytes) => {
      const { code, codespace, log } = comet.app.checkTx({ tx: bytes, type: 0 });
      if (code === 0) take(bytes);
      return { code, codespace, log, hash: toHex(sha256(bytes)).toUpperCase() };
    },
    tx: async (hash) => index.get(hash),
  };
}
