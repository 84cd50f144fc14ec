// SPDX-License-Identifier: Apache-2.0
// The contract between the application and a module. A module is a value: names, handlers, hooks. Handlers are
// pure and synchronous: they read and write through the context only, and return or throw (core/errors.ts).
import type { MessageType } from '../proto/message.ts';
import type { ChainConfig, Context, ReadContext } from './context.ts';
import type { Json } from './json.ts';

/** A change of a validator's voting power for CometBFT; power 0 removes it. */
export interface ValidatorUpdate {
  /** ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly power: bigint;
}

/** One message type: `validate` is stateless and shared with clients, `handle` is the transition. */
export interface MessageHandler<M, R> {
  readonly typeUrl: string;
  readonly type: MessageType<M>;
  readonly response: MessageType<R>;
  /** Account addresses (bech32) that must sign, in order. */
  signers(msg: M): readonly string[];
  /** Throws TxError naming field and rule. */
  validate(msg: M, chain: ChainConfig): void;
  /** Runs in a forked overlay that is dropped when it throws. */
  handle(ctx: Context, msg: M): R;
}

/** One query method, reachable as ABCI path `/service/method`, later as REST and gRPC. */
export interface QueryHandler<Q, R> {
  /** Full service name, e.g. `cosmos.bank.v1beta1.Query`. */
  readonly service: string;
  readonly method: string;
  readonly request: MessageType<Q>;
  readonly response: MessageType<R>;
  /** Throws TxError; codes 22 and 38 of codespace sdk are NotFound. */
  handle(ctx: ReadContext, request: Q): R;
}

// biome-ignore lint/suspicious/noExplicitAny: a list of handlers of different messages; each is type-checked where it is defined
export type AnyMessageHandler = MessageHandler<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyQueryHandler = QueryHandler<any, any>;

export interface GenesisHooks {
  /** Checks the module's part of `app_state` without any state; throws Error naming the field. */
  validate(state: Json, chain: ChainConfig): void;
  init(ctx: Context, state: Json): readonly ValidatorUpdate[];
  /** Canonical: `export` after `init(g)` gives g. */
  export(ctx: ReadContext): Json;
}

export interface Module {
  /** Key in `app_state`. */
  readonly name: string;
  /** Sub-stores that it alone writes. */
  readonly stores: readonly string[];
  readonly messages: readonly AnyMessageHandler[];
  readonly queries: readonly AnyQueryHandler[];
  readonly genesis: GenesisHooks;
  beginBlock?(ctx: Context): void;
  endBlock?(ctx: Context): readonly ValidatorUpdate[];
  /** Violations found in the state, empty when it is sound. */
  invariants?(ctx: ReadContext): readonly string[];
}
