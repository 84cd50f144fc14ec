// SPDX-License-Identifier: Apache-2.0
// Which transactions a proposer takes, and which proposals the others accept. Whatever `select` makes, `acceptable`
// accepts, from any state of the mempool: both read nothing but the transactions and the limits.
import { TxError } from './errors.ts';
import type { Router } from './router.ts';
import { decodeTx } from './tx.ts';

/** Bytes that a transaction takes in the block: field tag, length and content. */
function protoSize(bytes: Uint8Array): bigint {
  let varint = 1n;
  for (let n = bytes.length; n >= 128; n >>>= 7) varint++;
  return 1n + varint + BigInt(bytes.length);
}

function gasOf(router: Router, bytes: Uint8Array): bigint | undefined {
  try {
    return decodeTx(router, bytes).gasLimit;
  } catch (error) {
    if (error instanceof TxError) return undefined;
    throw error;
  }
}

/** Transactions in mempool order as long as bytes and gas last; undecodable ones are left out. */
export function selectTxs(router: Router, txs: readonly Uint8Array[], maxBytes: bigint, maxGas: bigint | undefined): readonly Uint8Array[] {
  const out: Uint8Array[] = [];
  let bytes = 0n;
  let gas = 0n;
  for (const tx of txs) {
    const size = protoSize(tx);
    if (maxBytes >= 0n && bytes + size > maxBytes) break;
    const cost = gasOf(router, tx);
    if (cost === undefined) continue;
    if (maxGas !== undefined && gas + cost > maxGas) break;
    bytes += size;
    gas += cost;
    out.push(tx);
  }
  return out;
}

/** Rejects only what no honest proposer makes: undecodable transactions and more gas than a block may use. */
export function acceptable(router: Router, txs: readonly Uint8Array[], maxGas: bigint | undefined): boolean {
  let gas = 0n;
  for (const tx of txs) {
    const cost = gasOf(router, tx);
    if (cost === undefined) return false;
    gas += cost;
    if (maxGas !== undefined && gas > maxGas) return false;
  }
  return true;
}
