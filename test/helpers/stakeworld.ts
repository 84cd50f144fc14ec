// SPDX-License-Identifier: Apache-2.0
// The modules of stake without transactions around them: messages go to their handlers, blocks to their hooks, and the
// validator sets are kept and checked as CometBFT keeps and checks them. Far quicker than whole applications.
import assert from 'node:assert/strict';
import { consensusAddress, formatAddress } from '../../core/address.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import { decode } from '../../core/codec.ts';
import type { BlockInfo, Context, Misbehavior } from '../../core/context.ts';
import { TxError } from '../../core/errors.ts';
import type { Event } from '../../core/events.ts';
import { createContext } from '../../core/execute.ts';
import { DEFAULT_GAS_TABLE, freeMeter } from '../../core/gas.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { AnyMessageHandler, Module, ValidatorUpdate } from '../../core/module.ts';
import { Overlay } from '../../core/overlay.ts';
import { auth } from '../../modules/auth/index.ts';
import { bank } from '../../modules/bank/index.ts';
import { chain, chainState } from '../../modules/chain/index.ts';
import { defaultGenesis, storeNames } from '../../modules/index.ts';
import { slashing } from '../../modules/slashing/index.ts';
import { staking } from '../../modules/staking/index.ts';
import * as pb from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { memoryStore } from '../../store/memory.ts';
import { testCrypto } from './crypto.ts';
import { CHAIN, consensusKey, message, type Signer, signer } from './fixture.ts';
import { assertInvariants } from './invariants.ts';
import { GENESIS_TIME, SECOND } from './mockcomet.ts';

export const WORLD_MODULES: readonly Module[] = [chain, auth, bank, staking, slashing];
const EMPTY = new Uint8Array(0);
const NO_GAS_BLOCK = { hash: EMPTY, proposer: EMPTY, lastCommit: [], misbehavior: [] };

export type Powers = ReadonlyMap<string, bigint>;

/** The set after these updates; asserts what CometBFT asserts (types/validator_set.go, verifyUpdates and verifyRemovals). */
export function nextSet(set: Powers, updates: readonly ValidatorUpdate[]): Powers {
  const next = new Map(set);
  const seen = new Set<string>();
  for (const { publicKey, power } of updates) {
    const address = toHex(consensusAddress(publicKey));
    assert.ok(!seen.has(address), `duplicate update of ${address}`);
    seen.add(address);
    if (power > 0n) next.set(address, power);
    else assert.ok(next.delete(address), `removal of ${address}, which is no member`);
  }
  assert.ok(next.size > 0, 'the set is empty');
  return next;
}

export interface WorldOptions {
  readonly accounts?: number;
  readonly staking?: JsonObject;
  readonly slashing?: JsonObject;
  /** Starts from an exported `app_state` instead. */
  readonly appState?: JsonObject;
}

export interface WorldBlock {
  readonly seconds?: bigint;
  /** Hex consensus addresses. */
  readonly absent?: readonly string[];
  readonly misbehavior?: readonly Misbehavior[];
}

export const coin = (amount: bigint): { readonly denom: string; readonly amount: string } => ({ denom: CHAIN.bondDenom, amount: amount.toString() });
export const FUNDS = 1_000_000_000n;
const POOR = { rate: '100000000000000000', maxRate: '1000000000000000000', maxChangeRate: '1000000000000000000' };

/** The message that makes `operator` a validator with the consensus key of that name. */
export function create(operator: Signer, key: string, amount: bigint, change: Partial<pb.MsgCreateValidator> = {}): Any {
  return message(pb.MsgCreateValidator, {
    description: { moniker: key, identity: '', website: '', securityContact: '', details: '' },
    commission: POOR,
    minSelfDelegation: '1',
    delegatorAddress: '',
    validatorAddress: operator.operator,
    pubkey: consensusKey(key).any,
    value: coin(amount),
    ...change,
  });
}

export const delegate = (from: Signer, to: Signer, amount: bigint): Any =>
  message(pb.MsgDelegate, { delegatorAddress: from.address, validatorAddress: to.operator, amount: coin(amount) });
export const undelegate = (from: Signer, to: Signer, amount: bigint): Any =>
  message(pb.MsgUndelegate, { delegatorAddress: from.address, validatorAddress: to.operator, amount: coin(amount) });
export const redelegate = (from: Signer, source: Signer, to: Signer, amount: bigint): Any =>
  message(pb.MsgBeginRedelegate, {
    delegatorAddress: from.address,
    validatorSrcAddress: source.operator,
    validatorDstAddress: to.operator,
    amount: coin(amount),
  });
export const cancel = (from: Signer, to: Signer, amount: bigint, creationHeight: bigint): Any =>
  message(pb.MsgCancelUnbondingDelegation, { delegatorAddress: from.address, validatorAddress: to.operator, amount: coin(amount), creationHeight });

function worldGenesis(accounts: readonly Signer[], options: WorldOptions): JsonObject {
  const all = defaultGenesis(CHAIN);
  const params = (name: string, change: JsonObject | undefined): Json => {
    const part = all[name] as JsonObject;
    return { ...part, params: { ...(part['params'] as JsonObject), ...change } };
  };
  const balances = accounts.map((a) => ({ address: a.address, coins: [coin(FUNDS)] }));
  return {
    chain: all['chain'] as Json,
    auth: all['auth'] as Json,
    bank: { ...(all['bank'] as JsonObject), balances },
    staking: params('staking', options.staking),
    slashing: params('slashing', options.slashing),
  };
}

export class StakeWorld {
  readonly accounts: readonly Signer[];
  private readonly overlay: Overlay;
  height = 0n;
  time: bigint = GENESIS_TIME;
  /** Set that votes on each height. */
  readonly sets: Map<bigint, Powers> = new Map();
  /** Events of the last block. */
  events: readonly Event[] = [];
  private info: BlockInfo = { ...NO_GAS_BLOCK, height: 0n, time: GENESIS_TIME };

  /** Starts with one validator, account 0 with key `0`, staking 10 million. */
  constructor(options: WorldOptions = {}) {
    this.accounts = Array.from({ length: options.accounts ?? 6 }, (_, i) => signer(`world ${i}`));
    this.overlay = new Overlay(memoryStore({ stores: storeNames }).latest());
    const appState = options.appState ?? worldGenesis(this.accounts, options);
    const ctx = this.context('genesis');
    chainState.start(ctx, undefined);
    const updates = WORLD_MODULES.flatMap((m) => {
      m.genesis.validate(appState[m.name] as Json, CHAIN);
      return [...m.genesis.init(ctx, appState[m.name] as Json)];
    });
    if (options.appState === undefined) {
      assert.equal(this.send(create(this.accounts[0] as Signer, '0', 10_000_000n)), undefined);
      updates.push(...(staking.endBlock?.(ctx) ?? []));
    }
    const set = nextSet(new Map(), updates);
    this.sets.set(1n, set).set(2n, set);
  }

  context(mode: Context['mode'] = 'deliver'): Context {
    return createContext({ chain: CHAIN, gasTable: DEFAULT_GAS_TABLE, crypto: testCrypto, block: this.info }, this.overlay, mode, freeMeter());
  }

  /** Runs a message as a transaction would; the rule that refused it, if any. */
  send(any: Any): TxError | undefined {
    const handlers: readonly AnyMessageHandler[] = [...staking.messages, ...slashing.messages];
    const handler = handlers.find((h) => h.typeUrl === any.typeUrl);
    assert.ok(handler !== undefined, any.typeUrl);
    const layer = this.overlay.fork();
    try {
      const msg = decode(handler.type, any.value);
      handler.validate(msg, CHAIN);
      handler.handle(
        createContext({ chain: CHAIN, gasTable: DEFAULT_GAS_TABLE, crypto: testCrypto, block: this.info }, layer, 'deliver', freeMeter()),
        msg,
      );
    } catch (error) {
      if (error instanceof TxError) return error;
      throw error;
    }
    layer.apply(this.overlay);
    return undefined;
  }

  /** A block of these messages, which may fail; returns the updates and what refused each message. */
  block(
    messages: readonly Any[] = [],
    options: WorldBlock = {},
  ): { readonly updates: readonly ValidatorUpdate[]; readonly refused: readonly (TxError | undefined)[] } {
    this.height += 1n;
    this.time += (options.seconds ?? 1n) * SECOND;
    const votes = [...(this.sets.get(this.height - 1n) ?? [])].sort(([a, p], [b, q]) => (p === q ? (a < b ? -1 : 1) : p > q ? -1 : 1));
    const lastCommit = votes.map(([a, power]) => ({ address: fromHex(a), power, signed: !(options.absent ?? []).includes(a) }));
    this.info = { ...NO_GAS_BLOCK, height: this.height, time: this.time, lastCommit, misbehavior: options.misbehavior ?? [] };
    this.overlay.takeEvents();
    for (const m of WORLD_MODULES) m.beginBlock?.(this.context());
    const refused = messages.map((m) => this.send(m));
    const updates = WORLD_MODULES.flatMap((m) => [...(m.endBlock?.(this.context()) ?? [])]);
    this.events = this.overlay.takeEvents();
    this.sets.set(this.height + 2n, nextSet(this.sets.get(this.height + 1n) ?? new Map(), updates));
    assertInvariants(WORLD_MODULES, this.context('query'));
    return { updates, refused };
  }

  /** Evidence against a member of the set of `height`. */
  evidence(address: string, height: bigint, kind: Misbehavior['kind'] = 'duplicate_vote'): Misbehavior {
    const power = this.sets.get(height)?.get(address) ?? 0n;
    return { kind, address: fromHex(address), power, height, time: this.time - (this.height - height) * SECOND };
  }

  export(): JsonObject {
    const ctx = this.context('query');
    return Object.fromEntries(WORLD_MODULES.map((m) => [m.name, m.genesis.export(ctx)]));
  }

  validator(who: Signer): pb.Validator | undefined {
    const handler = staking.queries.find((q) => q.method === 'Validators');
    const all = handler?.handle(this.context('query'), { status: '', pagination: undefined }) as pb.QueryValidatorsResponse;
    return all.validators.find((v) => v.operatorAddress === who.operator);
  }
}

/** bech32 of a hex consensus address. */
export const valcons = (address: string): string => formatAddress(fromHex(address), CHAIN.addressPrefix, 'valcons');
