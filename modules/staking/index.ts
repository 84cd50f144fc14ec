// SPDX-License-Identifier: Apache-2.0
import type { Module } from '../../core/module.ts';
import { beginBlock, endBlock } from './block.ts';
import { genesis } from './genesis.ts';
import { invariants } from './invariants.ts';
import { messages } from './msgs.ts';
import { queries } from './queries.ts';
import { STORE } from './state.ts';

export { defaultGenesis as defaultStakingGenesis } from './genesis.ts';
export { registerStakingHooks, type StakingHooks } from './hooks.ts';
export {
  getParams as getStakingParams,
  getValidator,
  jail,
  operatorOf,
  sharesOf,
  unjail,
  validatorByConsensusAddress,
} from './keeper.ts';
export { applyValidatorSetUpdates, lastValidators } from './power.ts';
export { tokensFromShares } from './shares.ts';
export { type Infraction, slash } from './slash.ts';
export { BONDED_POOL, consensusAddressOf, isUnbonded, LONGEST_WAIT, NOT_BONDED_POOL, operatorAccount, type Validator } from './types.ts';

export const staking: Module = { name: 'staking', stores: [STORE], messages, queries, genesis, beginBlock, endBlock, invariants };
