// SPDX-License-Identifier: Apache-2.0
// Keys of the sub-store `chain`.
import { type Item, intValue, item, messageValue, stringValue, unitValue } from '../../core/collections.ts';
import { GasTable, Version } from '../../proto/gen/pogo.chain.v1.ts';
import { ConsensusParams } from '../../proto/gen/tendermint.types.ts';

export const STORE = 'chain';
/** Name kept for a later module that plans upgrades, so that adding it does not change the set of sub-stores. */
export const RESERVED_STORE = 'upgrade';

/** 01 -> Version { app: 1, height: 0 } */
export const version: Item<Version> = item(STORE, 1, messageValue(Version));
/** 02 -> GasTable */
export const gasTable: Item<GasTable> = item(STORE, 2, messageValue(GasTable));
/** 03 -> tendermint.types.ConsensusParams, every sub-message present */
export const consensusParams: Item<ConsensusParams> = item(STORE, 3, messageValue(ConsensusParams));
/** 04 -> `pogo` */
export const addressPrefix: Item<string> = item(STORE, 4, stringValue);
/** 05 -> `upogo` */
export const bondDenom: Item<string> = item(STORE, 5, stringValue);
/** 06 -> `pogo-1` */
export const chainId: Item<string> = item(STORE, 6, stringValue);
/** 07 -> 01 while the consensus parameters of this block have still to be told to CometBFT */
export const paramsChanged: Item<true> = item(STORE, 7, unitValue);
/** 08 -> time of the block in nanoseconds, as decimal text: what a node that restarts has no other way to know */
export const blockTime: Item<bigint> = item(STORE, 8, intValue);
