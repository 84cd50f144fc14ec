// SPDX-License-Identifier: Apache-2.0
// The application: the block as a list of calls. FinalizeBlock keeps everything in memory, commit makes it durable;
// whatever was not committed is forgotten when CometBFT comes again (spec/abci, "Crash recovery").
import type * as abci from '../proto/gen/tendermint.abci.ts';
import type { Application } from './application.ts';
import { equalBytes, fromUtf8 } from './bytes.ts';
import type { ChainState } from './chainstate.ts';
import type { BlockInfo, Context } from './context.ts';
import type { Crypto } from './crypto.ts';
import { CorruptStateError } from './errors.ts';
import type { Event } from './events.ts';
import { type Ante, createContext, type Environment, executeTx } from './execute.ts';
import { freeMeter } from './gas.ts';
import { asObject, canonicalJson, type Json, type JsonObject } from './json.ts';
import type { Module, ValidatorUpdate } from './module.ts';
import { Overlay } from './overlay.ts';
import { acceptable, selectTxs } from './proposal.ts';
import { runQuery } from './query.ts';
import { createRouter } from './router.ts';
import type { MultiReadStore, StateStore } from './store.ts';
import { fromTimestamp } from './time.ts';

export interface ApplicationOptions {
  /** In the order of their hooks. */
  readonly modules: readonly Module[];
  readonly chainState: ChainState;
  readonly ante: Ante;
  readonly crypto: Crypto;
  readonly store: StateStore;
  /** Semantic version of this software. */
  readonly version: string;
  readonly minGasPrices?: ReadonlyMap<string, bigint>;
  /** Told of exceptions that no rule foresaw, for logs and counters. */
  readonly onInternalError?: (error: unknown) => void;
}

const EMPTY = new Uint8Array(0);
const NO_BLOCK: BlockInfo = { height: 0n, time: 0n, hash: EMPTY, proposer: EMPTY, lastCommit: [], misbehavior: [] };

function blockInfo(request: abci.RequestFinalizeBlock): BlockInfo {
  return {
    height: request.height,
    time: fromTimestamp(request.time),
    hash: request.hash,
    proposer: request.proposerAddress,
    lastCommit: (request.decidedLastCommit?.votes ?? []).map((v) => ({
      address: v.validator?.address ?? EMPTY,
      power: v.validator?.power ?? 0n,
      signed: v.blockIdFlag !== 1,
    })),
    misbehavior: request.misbehavior.map((m) => ({
      kind: m.type === 2 ? 'light_client_attack' : 'duplicate_vote',
      address: m.validator?.address ?? EMPTY,
      power: m.validator?.power ?? 0n,
      height: m.height,
      time: fromTimestamp(m.time),
    })),
  };
}

function toAbciUpdates(updates: readonly ValidatorUpdate[]): abci.ValidatorUpdate[] {
  return updates.map((u) => ({ pubKey: { ed25519: u.publicKey }, power: u.power }));
}

function tagged(events: readonly Event[], mode: string): Event[] {
  return events.map((e) => ({ type: e.type, attributes: [...e.attributes, { key: 'mode', value: mode, index: true }] }));
}

/** Creates the application over its store; the state continues from the store's last commit. */
export function createApplication(options: ApplicationOptions): Application {
  const { modules, store, crypto, chainState } = options;
  const router = createRouter(modules);
  const onInternalError = options.onInternalError ?? (() => undefined);
  const minGasPrices = options.minGasPrices ?? new Map<string, bigint>();
  // State of InitChain until the first commit; nothing of it is durable before.
  let genesis: Overlay | undefined;
  let firstHeight = 1n;
  let pending: bigint | undefined;
  let check = new Overlay(store.latest());

  const base = (): MultiReadStore => genesis ?? store.latest();
  const lastHeight = (): bigint => (genesis === undefined ? store.last().height : firstHeight - 1n);

  /** What the transactions of `block` have in common; of a state that is read only, the block is its last one. */
  function environment(state: MultiReadStore, block: BlockInfo | bigint): Environment {
    const { chain, gasTable, blockTime } = chainState.read(state);
    const info = typeof block === 'bigint' ? { ...NO_BLOCK, height: block, time: blockTime } : block;
    return { router, ante: options.ante, crypto, chain, gasTable, block: info, minGasPrices, onInternalError };
  }

  function hookContext(env: Environment, overlay: Overlay): Context {
    return createContext(env, overlay, 'deliver', freeMeter());
  }

  function initChain(request: abci.RequestInitChain): abci.ResponseInitChain {
    if (store.last().height !== 0n)
      throw new CorruptStateError(
        `InitChain after height ${store.last().height} was committed: the node's data and the application's belong to different chains; restore both or reset both`,
      );
    const appState = parseAppState(request.appStateBytes);
    const chain = chainState.fromGenesis(appState, request.chainId);
    const overlay = new Overlay(store.latest());
    const block: BlockInfo = { ...NO_BLOCK, height: request.initialHeight, time: fromTimestamp(request.time) };
    const seed = createContext({ chain, block, crypto, gasTable: NO_GAS }, overlay, 'genesis', freeMeter());
    chainState.start(seed, request.consensusParams);
    const updates: ValidatorUpdate[] = [];
    const stray = Object.keys(appState).find((name) => !modules.some((m) => m.name === name));
    if (stray !== undefined) throw new Error(`app_state.${stray}: no module has this name`);
    for (const module of modules) {
      const part = appState[module.name];
      if (part === undefined) throw new Error(`app_state.${module.name}: missing`);
      module.genesis.validate(part, chain);
      updates.push(...module.genesis.init(seed, part));
    }
    overlay.takeEvents();
    genesis = overlay;
    firstHeight = request.initialHeight;
    pending = undefined;
    check = new Overlay(overlay);
    return { consensusParams: chainState.updates(seed), validators: toAbciUpdates(updates), appHash: EMPTY };
  }

  function expectedHeight(request: abci.RequestFinalizeBlock): void {
    const expected = lastHeight() + 1n;
    if (store.last().height === 0n && genesis === undefined)
      throw new CorruptStateError('FinalizeBlock before InitChain: the node has data of a chain that the application lacks; restore or reset both');
    if (request.height !== expected) throw new CorruptStateError(`FinalizeBlock for height ${request.height}; the application expects ${expected}`);
  }

  function deliver(env: Environment, overlay: Overlay, txs: readonly Uint8Array[]): abci.ExecTxResult[] {
    let gasLeft = chainState.read(overlay).maxBlockGas;
    return txs.map((bytes) => {
      const { tx: _tx, ...result } = executeTx(env, overlay, bytes, 'deliver', gasLeft);
      if (gasLeft !== undefined) gasLeft = result.gasUsed > gasLeft ? 0n : gasLeft - result.gasUsed;
      return result;
    });
  }

  function finalizeBlock(request: abci.RequestFinalizeBlock): abci.ResponseFinalizeBlock {
    // A repeated call means that CometBFT restarted alone: what was staged was never committed.
    store.discard();
    pending = undefined;
    expectedHeight(request);
    const block = blockInfo(request);
    const overlay = new Overlay(base());
    const before = environment(overlay, block);
    for (const module of modules) module.beginBlock?.(hookContext(before, overlay));
    const events = tagged(overlay.takeEvents(), 'BeginBlock');
    // A migration in beginBlock may have changed the gas table: read it again.
    const env = environment(overlay, block);
    const txResults = deliver(env, overlay, request.txs);
    overlay.takeEvents();
    const updates: ValidatorUpdate[] = [];
    for (const module of modules) updates.push(...(module.endBlock?.(hookContext(env, overlay)) ?? []));
    events.push(...tagged(overlay.takeEvents(), 'EndBlock'));
    const consensusParamUpdates = chainState.updates(hookContext(env, overlay));
    const appHash = store.stage(request.height, changesOf(overlay));
    pending = request.height;
    return { events, txResults, validatorUpdates: toAbciUpdates(updates), consensusParamUpdates, appHash };
  }

  /** The block's changes, with those of the genesis before the first commit. */
  function changesOf(overlay: Overlay): ReturnType<Overlay['changes']> {
    if (genesis === undefined) return overlay.changes();
    const all = new Overlay(store.latest());
    genesis.apply(all);
    overlay.apply(all);
    return all.changes();
  }

  async function commit(): Promise<abci.ResponseCommit> {
    if (pending === undefined) throw new CorruptStateError('Commit without FinalizeBlock');
    const height = pending;
    const info = await store.commit();
    if (info.height !== height) throw new CorruptStateError(`Commit of height ${height} left the store at ${info.height}`);
    genesis = undefined;
    pending = undefined;
    check = new Overlay(store.latest());
    return { retainHeight: 0n };
  }

  function checkTx(request: abci.RequestCheckTx): abci.ResponseCheckTx {
    const state = base();
    const result = executeTx(environment(state, lastHeight()), check, request.tx, request.type === 1 ? 'recheck' : 'check');
    check.takeEvents();
    const { tx: _tx, ...rest } = result;
    return rest;
  }

  function exportGenesis(): { readonly appState: JsonObject; readonly height: bigint } {
    const env = environment(store.latest(), store.last().height);
    const ctx = createContext(env, new Overlay(store.latest()), 'query', freeMeter());
    const appState: Record<string, Json> = {};
    for (const module of modules) appState[module.name] = module.genesis.export(ctx);
    // Whatever a module exports must have one text.
    canonicalJson(appState);
    return { appState, height: store.last().height };
  }

  return {
    info: () => {
      const { height, appHash } = store.last();
      const appVersion = height === 0n ? 0n : chainState.read(store.latest()).appVersion;
      return { data: 'pogo', version: options.version, appVersion, lastBlockHeight: height, lastBlockAppHash: appHash };
    },
    initChain,
    checkTx,
    query: (request) => runQuery({ store, version: options.version, environment }, request, onInternalError),
    prepareProposal: (request) => ({ txs: selectTxs(router, request.txs, request.maxTxBytes, chainState.read(base()).maxBlockGas) }),
    processProposal: (request) => ({ status: acceptable(router, request.txs, chainState.read(base()).maxBlockGas) ? 1 : 2 }),
    extendVote: () => ({ voteExtension: EMPTY }),
    verifyVoteExtension: (request) => ({ status: equalBytes(request.voteExtension, EMPTY) ? 1 : 2 }),
    finalizeBlock,
    commit,
    listSnapshots: () => ({ snapshots: [] }),
    offerSnapshot: () => ({ result: 3 }),
    loadSnapshotChunk: () => ({ chunk: EMPTY }),
    applySnapshotChunk: () => ({ result: 2, refetchChunks: [], rejectSenders: [] }),
    exportGenesis,
    close: () => store.close(),
  };
}

const NO_GAS = {
  hasCost: 0n,
  deleteCost: 0n,
  readCostFlat: 0n,
  readCostPerByte: 0n,
  writeCostFlat: 0n,
  writeCostPerByte: 0n,
  iterNextCostFlat: 0n,
  txCostFlat: 0n,
  messageCostFlat: 0n,
  stakeCostFlat: 0n,
};

function parseAppState(bytes: Uint8Array): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(fromUtf8(bytes)) as Json;
  } catch {
    throw new CorruptStateError('genesis: app_state is not JSON');
  }
  return asObject(value, 'app_state');
}
