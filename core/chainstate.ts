// SPDX-License-Identifier: Apache-2.0
// What the application itself needs from the state. The module that owns it (modules/chain) supplies this.
import type { ConsensusParams } from '../proto/gen/tendermint.types.ts';
import type { ChainConfig, Context } from './context.ts';
import type { GasTable } from './gas.ts';
import type { JsonObject } from './json.ts';
import type { MultiReadStore } from './store.ts';

export interface ChainView {
  readonly chain: ChainConfig;
  readonly gasTable: GasTable;
  readonly appVersion: bigint;
  /** Time of the block that made the state, in nanoseconds; of the genesis before the first one. */
  readonly blockTime: bigint;
  /** Gas that a block may use; undefined for no limit. */
  readonly maxBlockGas: bigint | undefined;
}

export interface ChainState {
  /** Configuration as the genesis `app_state` gives it, before any module starts. Throws Error naming the field. */
  fromGenesis(appState: JsonObject, chainId: string): ChainConfig;
  /** Records the consensus parameters that CometBFT starts with; called before the modules' own genesis. */
  start(ctx: Context, params: ConsensusParams | undefined): void;
  /** The view of a state that has been started; throws CorruptStateError otherwise. */
  read(state: MultiReadStore): ChainView;
  /** Consensus parameters that this block changed, every sub-message complete; undefined when none did. */
  updates(ctx: Context): ConsensusParams | undefined;
}
