// SPDX-License-Identifier: Apache-2.0
import type { Module } from '../../core/module.ts';
import { genesis } from './genesis.ts';
import { migrate } from './keeper.ts';
import { migrations } from './migrations.ts';
import { paramsChanged, RESERVED_STORE, STORE } from './state.ts';

export { defaultGenesis as defaultChainGenesis } from './genesis.ts';
export { appVersion, chainState, consensusParams, fixedGas, maxBlockGas, setConsensusParams } from './keeper.ts';
export { DEFAULT_CONSENSUS_PARAMS } from './types.ts';

export const chain: Module = {
  name: 'chain',
  stores: [STORE, RESERVED_STORE],
  messages: [],
  queries: [],
  genesis,
  beginBlock(ctx) {
    paramsChanged.delete(ctx);
    migrate(ctx, migrations);
  },
};
