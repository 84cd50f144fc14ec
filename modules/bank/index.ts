// SPDX-License-Identifier: Apache-2.0
import type { Module } from '../../core/module.ts';
import { genesis } from './genesis.ts';
import { invariants } from './invariants.ts';
import { messages } from './msgs.ts';
import { queries } from './queries.ts';
import { STORE } from './state.ts';

export { defaultGenesis as defaultBankGenesis } from './genesis.ts';
export { burn, getBalance, getBalances, getSupply, isBlocked, mint, sendCoins, sendFromModule, sendToModule } from './keeper.ts';
export { BURNER, MINTER } from './types.ts';

export const bank: Module = { name: 'bank', stores: [STORE], messages, queries, genesis, invariants };
