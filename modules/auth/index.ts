// SPDX-License-Identifier: Apache-2.0
import type { Module } from '../../core/module.ts';
import { genesis } from './genesis.ts';
import { invariants } from './invariants.ts';
import { queries } from './queries.ts';
import { STORE } from './state.ts';

export { defaultGenesis as defaultAuthGenesis } from './genesis.ts';
export { ensureAccount, ensureModuleAccount, getAccount, getParams as getAuthParams, setAccount } from './keeper.ts';
export { type Account, declareModuleAccount, FEE_COLLECTOR, type ModuleHolder, moduleHolderAt, publicKeyAny, SECP256K1_URL } from './types.ts';

export const auth: Module = { name: 'auth', stores: [STORE], messages: [], queries, genesis, invariants };
