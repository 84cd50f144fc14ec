// SPDX-License-Identifier: Apache-2.0
// Reading and changing what belongs to the whole chain.

import { equalBytes } from '../../core/bytes.ts';
import type { ChainState, ChainView } from '../../core/chainstate.ts';
import { encode } from '../../core/codec.ts';
import type { Readable } from '../../core/collections.ts';
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { ConsensusParams } from '../../proto/gen/tendermint.types.ts';
import { dueMigration, type Migration, newestVersion } from './migrations.ts';
import * as state from './state.ts';
import { fillParams, parseGenesis } from './types.ts';

/** Gas that a block may use; undefined for no limit. */
export function maxBlockGas(ctx: Readable): bigint | undefined {
  const limit = state.consensusParams.need(ctx).block?.maxGas ?? -1n;
  return limit < 0n ? undefined : limit;
}

/** Consensus parameters in force from the next height on, every sub-message present. */
export function consensusParams(ctx: Readable): ConsensusParams {
  return state.consensusParams.need(ctx);
}

/** Gas of a transaction with that many messages, before anything that it does. */
export function fixedGas(ctx: Readable, messages: number): bigint {
  const table = state.gasTable.need(ctx);
  return table.txCostFlat + table.messageCostFlat * BigInt(messages);
}

/** Gas of one change of a delegation, besides its access to the state. */
export function stakeGas(ctx: Readable): bigint {
  return state.gasTable.need(ctx).stakeCostFlat;
}

/** Protocol version of the state. */
export function appVersion(ctx: Readable): bigint {
  return state.version.need(ctx).app;
}

/** Replaces the consensus parameters; CometBFT hears of it with this block and follows at the next height. */
export function setConsensusParams(ctx: Context, params: ConsensusParams): void {
  const filled = fillParams(params, appVersion(ctx));
  const before = state.consensusParams.need(ctx);
  if (equalBytes(encode(ConsensusParams, before), encode(ConsensusParams, filled))) return;
  state.consensusParams.set(ctx, filled);
  state.paramsChanged.set(ctx, true);
}

/** Runs the migration that is due at this height, and moves the version key. */
export function migrate(ctx: Context, table: readonly Migration[]): void {
  const due = dueMigration(table, appVersion(ctx), ctx.block.height);
  if (due === undefined) return;
  due.run(ctx);
  state.version.set(ctx, { app: due.toVersion, height: ctx.block.height });
  setConsensusParams(ctx, consensusParams(ctx));
}

function view(from: Readable, table: readonly Migration[]): ChainView {
  const app = appVersion(from);
  const newest = newestVersion(table);
  if (app > newest) {
    throw new CorruptStateError(`chain: the state is of protocol version ${app}, this software follows up to ${newest}; install the newer release`);
  }
  return {
    chain: { chainId: state.chainId.need(from), addressPrefix: state.addressPrefix.need(from), bondDenom: state.bondDenom.need(from) },
    gasTable: state.gasTable.need(from),
    appVersion: app,
    blockTime: state.blockTime.need(from),
    maxBlockGas: maxBlockGas(from),
  };
}

/** What core/app.ts needs of this module, for software with these migrations. */
export function chainStateOf(table: readonly Migration[]): ChainState {
  return {
    fromGenesis(appState, chainId) {
      const g = parseGenesis(appState['chain'] ?? null);
      return { chainId, addressPrefix: g.addressPrefix, bondDenom: g.bondDenom };
    },
    start(ctx, params) {
      state.chainId.set(ctx, ctx.chain.chainId);
      state.blockTime.set(ctx, ctx.block.time);
      state.consensusParams.set(ctx, fillParams(params, params?.version?.app ?? 0n));
    },
    read: (from) => view(from, table),
    updates: (ctx) => (state.paramsChanged.get(ctx) === undefined ? undefined : consensusParams(ctx)),
  };
}
