// SPDX-License-Identifier: Apache-2.0
// Transactions as cosmos-sdk's command line shows them (cosmos.base.abci.v1beta1.TxResponse).
import { toHex } from '../../core/bytes.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { IndexedTx } from '../answers.ts';
import { txToJson } from '../gentx.ts';

/** What is known of a transaction right after the mempool took or refused it. */
export function pendingResponse(hash: string, result: { readonly code: number; readonly codespace: string; readonly log: string }): JsonObject {
  const { code, codespace, log } = result;
  return {
    height: '0',
    txhash: hash,
    codespace,
    code,
    data: '',
    raw_log: log,
    logs: [],
    info: '',
    gas_wanted: '0',
    gas_used: '0',
    tx: null,
    timestamp: '',
    events: [],
  };
}

/** An included transaction; `timestamp` is its block's time. */
export function txResponse(found: IndexedTx, timestamp: string): JsonObject {
  const { outcome } = found;
  return {
    height: found.height.toString(),
    txhash: found.hash,
    codespace: outcome.codespace,
    code: outcome.code,
    data: toHex(outcome.data).toUpperCase(),
    raw_log: outcome.log,
    logs: [],
    info: '',
    gas_wanted: outcome.gasWanted.toString(),
    gas_used: outcome.gasUsed.toString(),
    tx: { '@type': '/cosmos.tx.v1beta1.Tx', ...(txToJson(found.bytes) as JsonObject) },
    timestamp,
    events: outcome.events.map((e) => ({ type: e.type, attributes: e.attributes.map((a) => ({ ...a })) })) as unknown as readonly Json[],
  };
}
