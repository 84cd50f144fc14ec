// SPDX-License-Identifier: Apache-2.0
// The chain's modules in the order of their hooks, and the application state of a new chain.
import type { ChainConfig } from '../core/context.ts';
import type { JsonObject } from '../core/json.ts';
import type { Module } from '../core/module.ts';
import { ante } from './auth/ante.ts';
import { auth, defaultAuthGenesis } from './auth/index.ts';
import { bank, defaultBankGenesis } from './bank/index.ts';
import { chain, defaultChainGenesis } from './chain/index.ts';
import { createGenutil, defaultGenutilGenesis } from './genutil/index.ts';
import { defaultPogoGenesis, pogo } from './pogo/index.ts';
import { defaultSlashingGenesis, slashing } from './slashing/index.ts';
import { applyValidatorSetUpdates, defaultStakingGenesis, staking } from './staking/index.ts';

/**
 * `chain` first: it migrates before anybody reads. Accounts before balances before stake, and `genutil` last, since its
 * transactions touch all of them.
 */
export const modules: readonly Module[] = [
  chain,
  auth,
  bank,
  staking,
  slashing,
  pogo,
  createGenutil({ messages: staking.messages, ante, validatorUpdates: applyValidatorSetUpdates }),
];

/** Names of all sub-stores. */
export const storeNames: readonly string[] = modules.flatMap((m) => m.stores);

/** `app_state` of a new chain without accounts. */
export function defaultGenesis(config: ChainConfig): JsonObject {
  return {
    chain: defaultChainGenesis(config),
    auth: defaultAuthGenesis(),
    bank: defaultBankGenesis(config),
    staking: defaultStakingGenesis(config),
    slashing: defaultSlashingGenesis(),
    pogo: defaultPogoGenesis(config),
    genutil: defaultGenutilGenesis(),
  };
}
