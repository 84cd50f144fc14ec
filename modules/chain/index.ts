// SPDX-License-Identifier: Apache-2.0
import type { ChainState } from '../../core/chainstate.ts';
import type { Module } from '../../core/module.ts';
import { genesisOf } from './genesis.ts';
import { chainStateOf, migrate } from './keeper.ts';
import { type Migration, migrations } from './migrations.ts';
import { blockTime, paramsChanged, RESERVED_STORE, STORE } from './state.ts';

export { defaultGenesis as defaultChainGenesis } from './genesis.ts';
export { appVersion, consensusParams, fixedGas, maxBlockGas, setConsensusParams, stakeGas } from './keeper.ts';
export type { Migration } from './migrations.ts';
export { DEFAULT_CONSENSUS_PARAMS } from './types.ts';

/** The module, for software with these migrations. */
export function createChain(table: readonly Migration[]): Module {
  return {
    name: 'chain',
    stores: [STORE, RESERVED_STORE],
    messages: [],
    queries: [],
    genesis: genesisOf(table),
    beginBlock(ctx) {
      blockTime.set(ctx, ctx.block.time);
      paramsChanged.delete(ctx);
      migrate(ctx, table);
    },
  };
}

/** What core/app.ts needs of the module, for software with these migrations. */
export function createChainState(table: readonly Migration[]): ChainState {
  return chainStateOf(table);
}

export const chain: Module = createChain(migrations);
export const chainState: ChainState = createChainState(migrations);
