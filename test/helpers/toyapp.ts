// SPDX-License-Identifier: Apache-2.0
// The smallest application with state: each transaction `key=value` sets a key, the application hash is that of all
// pairs. Tests of the driver use it so that they need neither the modules nor the store.
import { createHash } from 'node:crypto';
import type { Application } from '../../core/application.ts';
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import * as abci from '../../proto/gen/tendermint.abci.ts';

export interface ToyApp extends Application {
  /** Names of the methods called, in order. */
  readonly calls: string[];
  /** What the next commit waits for. */
  holdCommit: Promise<void>;
  readonly height: bigint;
}

const tx = (code: number): abci.ExecTxResult => ({
  code,
  data: new Uint8Array(0),
  log: '',
  info: '',
  gasWanted: 1n,
  gasUsed: 1n,
  events: [],
  codespace: code === 0 ? '' : 'toy',
});

const hashOf = (state: ReadonlyMap<string, string>): Uint8Array =>
  state.size === 0
    ? new Uint8Array(0)
    : createHash('sha256')
        .update(JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1))))
        .digest();

function parse(bytes: Uint8Array): readonly [string, string] | undefined {
  try {
    const [key, value, more] = fromUtf8(bytes).split('=');
    return key !== undefined && value !== undefined && more === undefined ? [key, value] : undefined;
  } catch {
    return undefined;
  }
}

/** A toy application whose behaviour `overrides` changes. */
export function toyApp(overrides: Partial<Application> = {}): ToyApp {
  let committed: ReadonlyMap<string, string> = new Map();
  let height = 0n;
  let staged: { height: bigint; state: ReadonlyMap<string, string> } | undefined;
  const calls: string[] = [];
  const methods: Application = {
    info: () => ({ data: 'toy', version: '1', appVersion: 1n, lastBlockHeight: height, lastBlockAppHash: hashOf(committed) }),
    initChain: () => ({ validators: [], appHash: new Uint8Array(0) }),
    checkTx: (r) => tx(parse(r.tx) === undefined ? 1 : 0),
    query: (r) => {
      const value = committed.get(fromUtf8(r.data));
      const found = value !== undefined;
      const rest = { log: '', info: '', index: 0n, codespace: '' };
      return { code: found ? 0 : 1, key: r.data, value: found ? utf8(value) : new Uint8Array(0), height, ...rest };
    },
    prepareProposal: (r) => ({ txs: r.txs }),
    processProposal: () => ({ status: abci.ResponseProcessProposal_ProposalStatus.ACCEPT }),
    extendVote: () => ({ voteExtension: new Uint8Array(0) }),
    verifyVoteExtension: () => ({ status: abci.ResponseVerifyVoteExtension_VerifyStatus.ACCEPT }),
    finalizeBlock: (r) => {
      const state = new Map(committed);
      const parsed = r.txs.map(parse);
      for (const pair of parsed) if (pair !== undefined) state.set(pair[0], pair[1]);
      staged = { height: r.height, state };
      return { events: [], txResults: parsed.map((p) => tx(p === undefined ? 1 : 0)), validatorUpdates: [], appHash: hashOf(state) };
    },
    commit: async () => {
      await app.holdCommit;
      if (staged === undefined) throw new Error('nothing to commit');
      committed = staged.state;
      height = staged.height;
      staged = undefined;
      return { retainHeight: 0n };
    },
    listSnapshots: () => ({ snapshots: [] }),
    offerSnapshot: () => ({ result: abci.ResponseOfferSnapshot_Result.REJECT }),
    loadSnapshotChunk: () => ({ chunk: new Uint8Array(0) }),
    applySnapshotChunk: () => ({ result: abci.ResponseApplySnapshotChunk_Result.ABORT, refetchChunks: [], rejectSenders: [] }),
    exportGenesis: () => ({ appState: Object.fromEntries(committed), height }),
    close: async () => undefined,
    ...overrides,
  };
  const traced = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      (...args: unknown[]) => {
        calls.push(name);
        return (method as (...a: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as Application;
  const app: ToyApp = {
    ...traced,
    calls,
    holdCommit: Promise.resolve(),
    get height() {
      return height;
    },
  };
  return app;
}
