// SPDX-License-Identifier: Apache-2.0
// Sends transactions of one account. Sequences are handed out here and nowhere else, and one logical action never
// becomes two transactions: a second one is signed only after the first was refused by CheckTx on this very node.
import { decode } from '../core/codec.ts';
import type { Coin } from '../core/coin.ts';
import { TxMsgData } from '../proto/gen/cosmos.base.abci.v1beta1.ts';
import { SimulateRequest, SimulateResponse } from '../proto/gen/cosmos.tx.v1beta1.ts';
import type { Any } from '../proto/gen/google.protobuf.ts';
import type { MessageType } from '../proto/message.ts';
import type { BroadcastResult, IndexedTx } from './answers.ts';
import { ConnectionError, QueryError, RpcError, TxExpiredError, TxFailedError, TxUnknownError } from './errors.ts';
import { createQueries, type Queries, queryMethod } from './query.ts';
import { type Rpc, sleep } from './rpc.ts';
import type { Signer } from './signer.ts';
import { feeFor, type GasPrice, hashOf, type SignedTx, signTx, simulationTx } from './signing.ts';

export interface SenderOptions {
  readonly rpc: Rpc;
  readonly signer: Signer;
  readonly chainId: string;
  readonly gasPrice?: GasPrice;
  /** Simulated gas is multiplied by this many hundredths; 140 unless told. */
  readonly gasAdjustmentPercent?: bigint;
  /** Between two looks for an included transaction; 250 unless told. */
  readonly pollMs?: number;
  /** How long to wait for inclusion; 60,000 unless told. */
  readonly waitMs?: number;
}

export interface SendOptions {
  /** Gas limit; simulated when absent. */
  readonly gas?: bigint;
  /** Replaces gas limit times price. */
  readonly fee?: readonly Coin[];
  readonly memo?: string;
  /** Last height that may include the transaction. After it TxExpiredError is certain, so the action may be tried again. */
  readonly timeoutHeight?: bigint;
  /** Called with the signed bytes before they are sent, e.g. to write them to a journal. */
  readonly onSigned?: (tx: SignedTx) => void | Promise<void>;
}

export interface TxResult extends IndexedTx {
  /** Answers of the messages, in order. */
  readonly responses: readonly Any[];
}

/**
 * `send` signs, broadcasts and waits for the block. Throws TxFailedError (refused or failed, with code), TxExpiredError
 * (never included), TxUnknownError (look for the hash first), ConnectionError or QueryError (nothing was sent).
 */
export interface TxSender {
  readonly address: string;
  send(messages: readonly Any[], options?: SendOptions): Promise<TxResult>;
  /** As `send`, but returns when the mempool has the transaction; `wait` it later. */
  broadcast(messages: readonly Any[], options?: SendOptions): Promise<SignedTx>;
  /** Sends bytes signed earlier once more (after a crash) and waits; harmless when they are in a block already. */
  resume(tx: Pick<SignedTx, 'bytes' | 'timeoutHeight'>): Promise<TxResult>;
  /** Waits until a block has the transaction. */
  wait(tx: Pick<SignedTx, 'hash' | 'timeoutHeight'>): Promise<TxResult>;
  /** Gas that the messages would use. */
  simulate(messages: readonly Any[], memo?: string): Promise<bigint>;
}

const SIMULATE = { service: 'cosmos.tx.v1beta1.Service', method: 'Simulate', request: SimulateRequest, response: SimulateResponse };
const REBROADCASTS = 5;
const RESIMULATIONS = 4;
const REFUSED_WAIT_MS = 5_000;

interface Turn {
  accountNumber: bigint;
  sequence: bigint;
}

interface State {
  readonly options: SenderOptions;
  readonly queries: Queries;
  /** Next sequence; undefined when it must be asked for. */
  turn: Turn | undefined;
  /** The sending that goes on; the next one waits for it. */
  busy: Promise<unknown>;
}

async function currentTurn(state: State): Promise<Turn> {
  const account = await state.queries.account(state.options.signer.address);
  if (account === undefined) {
    const log = `account ${state.options.signer.address} does not exist; send it coins first`;
    throw new QueryError('/cosmos.auth.v1beta1.Query/Account', 'sdk', 22, log);
  }
  return { accountNumber: account.accountNumber, sequence: account.sequence };
}

async function simulate(state: State, messages: readonly Any[], memo = ''): Promise<bigint> {
  const { rpc, signer } = state.options;
  for (let attempt = 0; ; attempt++) {
    // Simulation runs on committed state, so pending transactions of ours do not count.
    const { sequence } = await currentTurn(state);
    try {
      const answer = await queryMethod(rpc, SIMULATE, { txBytes: simulationTx(signer.publicKey, { messages, memo, sequence }) });
      return answer.gasInfo?.gasUsed ?? 0n;
    } catch (error) {
      // A block with a transaction of ours came between the two queries; nothing was sent.
      if (!(error instanceof QueryError && isWrongSequence(error)) || attempt === RESIMULATIONS) throw error;
    }
  }
}

/** Incorrect account sequence, of codespace sdk. */
function isWrongSequence({ codespace, code }: { readonly codespace: string; readonly code: number }): boolean {
  return codespace === 'sdk' && code === 32;
}

/** Whether the mempool or a block of this node has these bytes already. */
function isKnown(error: unknown): boolean {
  return error instanceof RpcError && error.data.includes('already exists in cache');
}

type Broadcast = { readonly kind: 'in' } | { readonly kind: 'maybe' } | { readonly kind: 'refused'; readonly result: BroadcastResult };

async function broadcastOnce(rpc: Rpc, bytes: Uint8Array): Promise<Broadcast> {
  try {
    const result = await rpc.broadcastTxSync(bytes);
    return result.code === 0 ? { kind: 'in' } : { kind: 'refused', result };
  } catch (error) {
    if (isKnown(error)) return { kind: 'in' };
    if (error instanceof ConnectionError) return { kind: 'maybe' };
    throw error;
  }
}

/** Brings the very same bytes to the node until their fate is clear. */
async function deliver(rpc: Rpc, bytes: Uint8Array): Promise<Broadcast> {
  let sent = false;
  for (let attempt = 0; ; attempt++) {
    const outcome = await broadcastOnce(rpc, bytes);
    if (outcome.kind === 'in') return outcome;
    // Once an attempt may have reached the node, a refusal can be the echo of our own success: only a block decides.
    if (outcome.kind === 'refused') return sent ? { kind: 'maybe' } : outcome;
    sent = true;
    if (attempt === REBROADCASTS) return outcome;
    await sleep(300);
  }
}

function expectedSequence(result: BroadcastResult): bigint | undefined {
  if (!isWrongSequence(result)) return undefined;
  const m = /expected (\d+), got \d+/.exec(result.log);
  return m === null ? undefined : BigInt(m[1] as string);
}

async function sign(state: State, messages: readonly Any[], gas: bigint, options: SendOptions): Promise<SignedTx> {
  const { signer, chainId, gasPrice } = state.options;
  state.turn ??= await currentTurn(state);
  const fee = options.fee === undefined ? feeFor(gas, gasPrice) : { amount: options.fee, gas };
  const { memo = '', timeoutHeight = 0n } = options;
  return signTx(signer, { messages, fee, memo, timeoutHeight, chainId, ...state.turn });
}

async function signAndDeliver(state: State, messages: readonly Any[], gas: bigint, options: SendOptions, retry: boolean): Promise<SignedTx> {
  const tx = await sign(state, messages, gas, options);
  await options.onSigned?.(tx);
  const outcome = await deliver(state.options.rpc, tx.bytes);
  if (outcome.kind === 'refused') {
    const expected = expectedSequence(outcome.result);
    const { accountNumber } = state.turn as Turn;
    state.turn = expected === undefined ? undefined : { accountNumber, sequence: expected };
    if (expected === undefined || !retry) throw new TxFailedError('check', tx.hash, outcome.result);
    return await signAndDeliver(state, messages, gas, options, false);
  }
  // When the fate is open, the node is asked for the sequence next time.
  if (outcome.kind === 'maybe') state.turn = undefined;
  else if (state.turn !== undefined) state.turn.sequence += 1n;
  return tx;
}

async function gasLimit(state: State, messages: readonly Any[], options: SendOptions): Promise<bigint> {
  if (options.gas !== undefined) return options.gas;
  const used = await simulate(state, messages, options.memo);
  return (used * (state.options.gasAdjustmentPercent ?? 140n)) / 100n;
}

async function broadcast(state: State, messages: readonly Any[], options: SendOptions): Promise<SignedTx> {
  const gas = await gasLimit(state, messages, options);
  const mine = state.busy.then(() => signAndDeliver(state, messages, gas, options, true));
  state.busy = mine.catch(() => undefined);
  return await mine;
}

function withResponses(found: IndexedTx): TxResult {
  return { ...found, responses: decode(TxMsgData, found.outcome.data).msgResponses };
}

async function look(rpc: Rpc, hash: string): Promise<IndexedTx | undefined> {
  try {
    return await rpc.tx(hash);
  } catch (error) {
    // The transaction is out already: a node that is away for a moment decides nothing.
    if (error instanceof ConnectionError) return undefined;
    throw error;
  }
}

async function isPast(rpc: Rpc, height: bigint): Promise<boolean> {
  // One block of slack, since the index follows the block.
  return (
    height > 0n &&
    (await rpc
      .status()
      .catch(() => undefined)
      .then((s) => (s?.height ?? 0n) > height + 1n))
  );
}

async function wait(state: State, tx: Pick<SignedTx, 'hash' | 'timeoutHeight'>, limitMs?: number): Promise<TxResult> {
  const { rpc, pollMs = 250 } = state.options;
  const waitMs = limitMs ?? state.options.waitMs ?? 60_000;
  const until = Date.now() + waitMs;
  for (;;) {
    const past = await isPast(rpc, tx.timeoutHeight);
    const found = await look(rpc, tx.hash);
    if (found !== undefined) {
      if (found.outcome.code === 0) return withResponses(found);
      state.turn = undefined;
      throw new TxFailedError('deliver', found.hash, found.outcome);
    }
    if (past || Date.now() >= until) {
      state.turn = undefined;
      if (past) throw new TxExpiredError(tx.hash, tx.timeoutHeight);
      throw new TxUnknownError(tx.hash, `in no block after ${waitMs} ms`);
    }
    await sleep(pollMs);
  }
}

async function resume(state: State, tx: Pick<SignedTx, 'bytes' | 'timeoutHeight'>): Promise<TxResult> {
  const { rpc } = state.options;
  const hash = hashOf(tx.bytes);
  const sent = { hash, timeoutHeight: tx.timeoutHeight };
  if ((await rpc.tx(hash)) !== undefined) return await wait(state, sent);
  state.turn = undefined;
  const outcome = await deliver(rpc, tx.bytes);
  if (outcome.kind !== 'refused') return await wait(state, sent);
  try {
    // A refusal can be the echo of an earlier sending that is in a block, but not yet in the index.
    return await wait(state, sent, REFUSED_WAIT_MS);
  } catch (error) {
    if (error instanceof TxUnknownError) throw new TxFailedError('check', hash, outcome.result);
    throw error;
  }
}

/** A sender for one account; use one sender per account and process. */
export function createTxSender(options: SenderOptions): TxSender {
  const state: State = { options, queries: createQueries(options.rpc), turn: undefined, busy: Promise.resolve() };
  return {
    address: options.signer.address,
    send: async (messages, o = {}) => await wait(state, await broadcast(state, messages, o)),
    broadcast: (messages, o = {}) => broadcast(state, messages, o),
    resume: (tx) => resume(state, tx),
    wait: (tx) => wait(state, tx),
    simulate: (messages, memo) => simulate(state, messages, memo),
  };
}

/** Answer of message `index` of an included transaction. */
export function responseOf<T>(result: TxResult, type: MessageType<T>, index = 0): T {
  const any = result.responses[index];
  if (any === undefined || any.typeUrl !== `/${type.typeName}`)
    throw new Error(`response ${index}: expected ${type.typeName}, got ${any?.typeUrl ?? 'none'}`);
  return decode(type, any.value);
}
