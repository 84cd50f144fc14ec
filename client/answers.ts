// SPDX-License-Identifier: Apache-2.0
// The answers of CometBFT 0.38's RPC as typed values. A node is not trusted to answer in the right shape, so each is
// checked; CometBFT writes 64-bit integers in strings, bytes in base64, hashes and addresses in hexadecimal.
import { base64 } from '@scure/base';
import { z } from 'zod';
import { fromHex } from '../core/bytes.ts';
import { parseTime } from '../core/time.ts';

const integer = z.union([z.string().regex(/^-?\d+$/), z.number().int()]).transform((n) => BigInt(n));
const hex = z.string().transform((text) => fromHex(text));
const bytes = z
  .string()
  .nullish()
  .transform((text) => (text ? base64.decode(text) : new Uint8Array(0)));
const text = z
  .string()
  .nullish()
  .transform((t) => t ?? '');
const time = z.string().transform((t) => parseTime(t));
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

const eventShape = z.object({ type: z.string(), attributes: list(z.object({ key: text, value: text })) });

const outcomeShape = z
  .object({
    code: z.number().int().default(0),
    codespace: text,
    log: text,
    data: bytes,
    gas_wanted: integer.default(0n),
    gas_used: integer.default(0n),
    events: list(eventShape),
  })
  .transform(({ gas_wanted, gas_used, ...rest }) => ({ ...rest, gasWanted: gas_wanted, gasUsed: gas_used }));

const statusShape = z
  .object({
    node_info: z.object({ network: z.string(), moniker: z.string(), version: z.string() }),
    sync_info: z.object({ latest_block_height: integer, latest_block_time: time, latest_app_hash: hex, catching_up: z.boolean() }),
  })
  .transform(({ node_info: node, sync_info: sync }) => ({
    chainId: node.network,
    moniker: node.moniker,
    version: node.version,
    height: sync.latest_block_height,
    time: sync.latest_block_time,
    appHash: sync.latest_app_hash,
    catchingUp: sync.catching_up,
  }));

const proofOp = z.object({ type: z.string(), key: bytes, data: bytes });
const queryShape = z
  .object({
    response: z.object({
      code: z.number().int().default(0),
      codespace: text,
      log: text,
      key: bytes,
      value: bytes,
      height: integer.default(0n),
      proofOps: z.object({ ops: list(proofOp) }).nullish(),
    }),
  })
  .transform(({ response: { proofOps, ...rest } }) => ({ ...rest, proofOps: proofOps?.ops ?? [] }));

const blockShape = z
  .object({
    block_id: z.object({ hash: hex }),
    block: z.object({
      header: z.object({ chain_id: z.string(), height: integer, time, app_hash: hex, proposer_address: hex }),
      data: z.object({ txs: list(z.string().transform((tx) => base64.decode(tx))) }),
    }),
  })
  .transform(({ block_id, block: { header: h, data } }) => ({
    hash: block_id.hash,
    header: { chainId: h.chain_id, height: h.height, time: h.time, appHash: h.app_hash, proposer: h.proposer_address },
    txs: data.txs,
  }));

const resultsShape = z
  .object({ height: integer, txs_results: list(outcomeShape), finalize_block_events: list(eventShape), app_hash: bytes })
  .transform((r) => ({ height: r.height, txs: r.txs_results, events: r.finalize_block_events, appHash: r.app_hash }));

const broadcastShape = z.object({ code: z.number().int(), codespace: text, log: text, hash: z.string() });

const txShape = z
  .object({ hash: z.string(), height: integer, index: z.number().int().default(0), tx: z.string(), tx_result: outcomeShape })
  .transform((r) => ({ hash: r.hash.toUpperCase(), height: r.height, index: r.index, bytes: base64.decode(r.tx), outcome: r.tx_result }));

/** One event: its type and its attributes in order. */
export interface ChainEvent {
  readonly type: string;
  readonly attributes: readonly { readonly key: string; readonly value: string }[];
}

export interface TxOutcome {
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
  readonly data: Uint8Array;
  readonly gasWanted: bigint;
  readonly gasUsed: bigint;
  readonly events: readonly ChainEvent[];
}

export interface NodeStatus {
  readonly chainId: string;
  readonly moniker: string;
  readonly version: string;
  readonly height: bigint;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly appHash: Uint8Array;
  readonly catchingUp: boolean;
}

export interface AbciQueryResult {
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly height: bigint;
  readonly proofOps: readonly { readonly type: string; readonly key: Uint8Array; readonly data: Uint8Array }[];
}

export interface Block {
  readonly hash: Uint8Array;
  readonly header: {
    readonly chainId: string;
    readonly height: bigint;
    /** Nanoseconds since 1970. */
    readonly time: bigint;
    /** Application hash after the block before. */
    readonly appHash: Uint8Array;
    readonly proposer: Uint8Array;
  };
  readonly txs: readonly Uint8Array[];
}

export interface BlockResults {
  readonly height: bigint;
  readonly txs: readonly TxOutcome[];
  /** Of the block's hooks, not of its transactions. */
  readonly events: readonly ChainEvent[];
  readonly appHash: Uint8Array;
}

export interface BroadcastResult {
  readonly code: number;
  readonly codespace: string;
  readonly log: string;
  /** Upper-case hexadecimal. */
  readonly hash: string;
}

export interface IndexedTx {
  /** Upper-case hexadecimal. */
  readonly hash: string;
  readonly height: bigint;
  /** Position in the block. */
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly outcome: TxOutcome;
}

export type Reader<T> = (answer: unknown) => T;

function reader<T>(method: string, shape: z.ZodType<T>): Reader<T> {
  return (answer) => {
    const parsed = shape.safeParse(answer);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new Error(`${method}: the node's answer has an unexpected form at ${issue?.path.join('.')}: ${issue?.message}`);
  };
}

export const readStatus: Reader<NodeStatus> = reader('status', statusShape);
export const readQuery: Reader<AbciQueryResult> = reader('abci_query', queryShape);
export const readBlock: Reader<Block> = reader('block', blockShape);
export const readResults: Reader<BlockResults> = reader('block_results', resultsShape);
export const readBroadcast: Reader<BroadcastResult> = reader('broadcast_tx_sync', broadcastShape);
export const readTx: Reader<IndexedTx> = reader('tx', txShape);
