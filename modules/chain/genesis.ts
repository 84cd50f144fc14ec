// SPDX-License-Identifier: Apache-2.0
import { equalBytes } from '../../core/bytes.ts';
import { encode } from '../../core/codec.ts';
import type { ChainConfig } from '../../core/context.ts';
import { DEFAULT_GAS_TABLE } from '../../core/gas.ts';
import type { JsonObject } from '../../core/json.ts';
import type { GenesisHooks } from '../../core/module.ts';
import { ConsensusParams } from '../../proto/gen/tendermint.types.ts';
import { setConsensusParams } from './keeper.ts';
import { type Migration, newestVersion } from './migrations.ts';
import * as state from './state.ts';
import { fillParams, genesisJson, parseGenesis } from './types.ts';

/** `app_state.chain` of a new chain; the consensus parameters are those of CometBFT's genesis. */
export function defaultGenesis(chain: ChainConfig): JsonObject {
  return genesisJson({
    version: { app: newestVersion(), height: 0n },
    gasTable: DEFAULT_GAS_TABLE,
    consensusParams: undefined,
    addressPrefix: chain.addressPrefix,
    bondDenom: chain.bondDenom,
  });
}

/** Genesis hooks of software with these migrations. */
export const genesisOf = (table: readonly Migration[]): GenesisHooks => ({
  validate(json) {
    const g = parseGenesis(json);
    const newest = newestVersion(table);
    if (g.version.app > newest)
      throw new Error(`app_state.chain.version.app: ${g.version.app} is newer than ${newest}, the newest that this software follows`);
  },
  init(ctx, json) {
    const g = parseGenesis(json);
    state.version.set(ctx, g.version);
    state.gasTable.set(ctx, g.gasTable);
    state.addressPrefix.set(ctx, g.addressPrefix);
    state.bondDenom.set(ctx, g.bondDenom);
    const given = state.consensusParams.need(ctx);
    const filled = fillParams(given, g.version.app);
    // Two sources that disagree would be decided silently by whoever reads last.
    if (
      g.consensusParams !== undefined &&
      !equalBytes(encode(ConsensusParams, fillParams(g.consensusParams, g.version.app)), encode(ConsensusParams, filled))
    ) {
      throw new Error(
        'app_state.chain.consensus_params: differs from the consensus parameters of the genesis file; make them equal or leave them out (null)',
      );
    }
    setConsensusParams(ctx, given);
    return [];
  },
  export(ctx) {
    return genesisJson({
      version: state.version.need(ctx),
      gasTable: state.gasTable.need(ctx),
      consensusParams: state.consensusParams.need(ctx),
      addressPrefix: state.addressPrefix.need(ctx),
      bondDenom: state.bondDenom.need(ctx),
    });
  },
});
