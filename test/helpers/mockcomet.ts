// SPDX-License-Identifier: Apache-2.0
// A consensus of one process: drives the application in CometBFT's order of calls, keeps the validator sets with
// their delay of two heights, refuses what CometBFT would refuse, and checks every module's invariants after each block.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { consensusAddress } from '../../core/address.ts';
import { createApplication } from '../../core/app.ts';
import type { Application } from '../../core/application.ts';
import { toHex, utf8 } from '../../core/bytes.ts';
import type { ChainState } from '../../core/chainstate.ts';
import type { ReadContext } from '../../core/context.ts';
import type { Ante } from '../../core/execute.ts';
import { canonicalJson, type JsonObject } from '../../core/json.ts';
import type { Module } from '../../core/module.ts';
import type { StateStore } from '../../core/store.ts';
import { toTimestamp } from '../../core/time.ts';
import { ante as authAnte } from '../../modules/auth/ante.ts';
import { chainState } from '../../modules/chain/index.ts';
import { modules as allModules } from '../../modules/index.ts';
import type * as abci from '../../proto/gen/tendermint.abci.ts';
import type { ConsensusParams } from '../../proto/gen/tendermint.types.ts';
import { memoryStore } from '../../store/memory.ts';
import { testCrypto } from './crypto.ts';
import { assertInvariants, readContext } from './invariants.ts';

export const SECOND = 1_000_000_000n;
/** 2026-01-01T00:00:00Z */
export const GENESIS_TIME: bigint = 1_767_225_600n * SECOND;

export interface MockOptions {
  readonly chainId: string;
  readonly appState: JsonObject;
  readonly modules?: readonly Module[];
  readonly ante?: Ante;
  readonly chainState?: ChainState;
  readonly store?: StateStore;
  readonly consensusParams?: ConsensusParams;
  readonly initialHeight?: bigint;
  readonly minGasPrices?: ReadonlyMap<string, bigint>;
  /** Off for benchmarks. */
  readonly invariants?: boolean;
}

export interface BlockOptions {
  /** Seconds since the last block; 1 unless told. */
  readonly seconds?: number;
  /** Hex consensus addresses that did not sign the last commit. */
  readonly absent?: readonly string[];
  readonly misbehavior?: readonly abci.Misbehavior[];
}

export interface MockBlock extends abci.ResponseFinalizeBlock {
  readonly height: bigint;
  readonly time: bigint;
}

type Powers = ReadonlyMap<string, bigint>;

function applyUpdates(set: Powers, updates: readonly abci.ValidatorUpdate[]): Powers {
  const next = new Map(set);
  const seen = new Map<string, true>();
  for (const u of updates) {
    const key = u.pubKey?.ed25519;
    assert.ok(key !== undefined && key.length === 32, 'a validator update without an ed25519 key');
    const address = toHex(consensusAddress(key));
    assert.ok(!seen.has(address), `duplicate update of validator ${address}`);
    seen.set(address, true);
    assert.ok(u.power >= 0n, 'negative power');
    if (u.power > 0n) next.set(address, u.power);
    else assert.ok(next.delete(address), `removal of ${address}, which is no validator`);
  }
  assert.ok(next.size > 0, 'the validator set is empty');
  return next;
}

export class MockComet {
  app: Application;
  readonly store: StateStore;
  readonly options: MockOptions;
  height: bigint;
  time: bigint = GENESIS_TIME;
  /** Sets of the last height, the next one and the one after. */
  private sets: readonly [last: Powers, next: Powers, after: Powers];
  private mempool: Uint8Array[] = [];
  params: ConsensusParams | undefined;
  readonly internalErrors: unknown[] = [];

  constructor(options: MockOptions) {
    this.options = options;
    const modules = options.modules ?? allModules;
    this.store = options.store ?? memoryStore({ stores: modules.flatMap((m) => m.stores), keep: 0 });
    this.app = this.open();
    this.height = (options.initialHeight ?? 1n) - 1n;
    this.sets = [new Map(), new Map(), new Map()];
    this.initChain();
  }

  private open(): Application {
    const { minGasPrices } = this.options;
    return createApplication({
      modules: this.options.modules ?? allModules,
      chainState: this.options.chainState ?? chainState,
      ante: this.options.ante ?? authAnte,
      crypto: testCrypto,
      store: this.store,
      version: '0.0.0-test',
      onInternalError: (error) => this.internalErrors.push(error),
      ...(minGasPrices === undefined ? {} : { minGasPrices }),
    });
  }

  private initChain(): void {
    const { chainId, appState, consensusParams } = this.options;
    const answer = this.app.initChain({
      time: toTimestamp(GENESIS_TIME),
      chainId,
      consensusParams,
      validators: [],
      appStateBytes: utf8(canonicalJson(appState)),
      initialHeight: this.height + 1n,
    });
    this.params = answer.consensusParams ?? consensusParams;
    const set = answer.validators.length === 0 ? new Map<string, bigint>() : applyUpdates(new Map(), answer.validators);
    this.sets = [new Map(), set, set];
  }

  /** The application's process restarts; the node replays what was not committed. */
  restart(): void {
    this.app = this.open();
    const info = this.app.info({ version: '0.38.25', blockVersion: 11n, p2pVersion: 8n, abciVersion: '2.0.0' });
    if (info.lastBlockHeight === 0n) this.initChain();
  }

  /** Validators that vote on the next block, by hex consensus address. */
  get validators(): Powers {
    return this.sets[1];
  }

  /** As a node does with a transaction that it hears of. */
  checkTx(tx: Uint8Array): abci.ResponseCheckTx {
    const result = this.app.checkTx({ tx, type: 0 });
    if (result.code === 0) this.mempool.push(tx);
    return result;
  }

  /** A block of what the mempool holds, as the proposer selects it. */
  async block(options: BlockOptions = {}): Promise<MockBlock> {
    const maxTxBytes = 4_000_000n;
    const proposal = this.app.prepareProposal({ ...this.header(options), txs: this.mempool, maxTxBytes, localLastCommit: undefined });
    const verdict = this.app.processProposal({
      ...this.header(options),
      txs: proposal.txs,
      proposedLastCommit: this.lastCommit(options.absent ?? []),
    });
    assert.equal(verdict.status, 1, 'the application rejects its own proposal');
    return this.run(proposal.txs, options);
  }

  /** A block of exactly these transactions, whether or not they pass CheckTx. */
  async deliver(txs: readonly Uint8Array[], options: BlockOptions = {}): Promise<MockBlock> {
    return this.run(txs, options);
  }

  /** Blocks without transactions. */
  async advance(blocks: number, options: BlockOptions = {}): Promise<void> {
    for (let i = 0; i < blocks; i++) await this.run([], options);
  }

  private header(
    options: BlockOptions,
  ): Pick<abci.RequestFinalizeBlock, 'height' | 'time' | 'hash' | 'nextValidatorsHash' | 'proposerAddress' | 'misbehavior'> {
    const proposer = [...this.sets[1].keys()].sort((a, b) => (a < b ? -1 : 1))[0] ?? '';
    return {
      height: this.height + 1n,
      time: toTimestamp(this.time + BigInt(options.seconds ?? 1) * SECOND),
      hash: new Uint8Array(
        createHash('sha256')
          .update(`${this.options.chainId}/${this.height + 1n}`)
          .digest(),
      ),
      nextValidatorsHash: new Uint8Array(32),
      proposerAddress: new Uint8Array(Buffer.from(proposer, 'hex')),
      misbehavior: options.misbehavior ?? [],
    };
  }

  /** Votes of the previous height, by the set of that height; the first block has none. */
  private lastCommit(absent: readonly string[]): abci.CommitInfo {
    const votes = [...this.sets[0]]
      .sort(([a, p], [b, q]) => (p === q ? (a < b ? -1 : 1) : p > q ? -1 : 1))
      .map(([address, power]) => ({
        validator: { address: new Uint8Array(Buffer.from(address, 'hex')), power },
        blockIdFlag: absent.includes(address) ? 1 : 2,
      }));
    return { round: 0, votes };
  }

  /** What FinalizeBlock would get; for tests that call the application themselves. */
  request(txs: readonly Uint8Array[], options: BlockOptions = {}): abci.RequestFinalizeBlock {
    return { ...this.header(options), txs, decidedLastCommit: this.lastCommit(options.absent ?? []) };
  }

  private async run(txs: readonly Uint8Array[], options: BlockOptions): Promise<MockBlock> {
    const request = this.request(txs, options);
    const result = this.app.finalizeBlock(request);
    assert.equal(result.txResults.length, txs.length);
    await this.app.commit();
    this.height = request.height;
    this.time += BigInt(options.seconds ?? 1) * SECOND;
    this.sets = [
      this.sets[1],
      this.sets[2],
      this.sets[2].size === 0 && result.validatorUpdates.length === 0 ? this.sets[2] : applyUpdates(this.sets[2], result.validatorUpdates),
    ];
    if (result.consensusParamUpdates !== undefined) this.params = result.consensusParamUpdates;
    const included = new Map(txs.map((tx) => [toHex(tx), true]));
    this.mempool = this.mempool.filter((tx) => !included.has(toHex(tx)) && this.app.checkTx({ tx, type: 1 }).code === 0);
    if (this.options.invariants !== false) this.assertInvariants();
    return { ...result, height: this.height, time: this.time };
  }

  /** A reader of the last commit. */
  reader(): ReadContext {
    return readContext(this.options.chainState ?? chainState, this.store.latest(), this.height, this.time);
  }

  assertInvariants(): void {
    assertInvariants(this.options.modules ?? allModules, this.reader());
  }
}
