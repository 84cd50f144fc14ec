// SPDX-License-Identifier: Apache-2.0
// The module's own account: it holds every escrow, bond and unbonding, and nothing else.
import type { Context, ReadContext } from '../../core/context.ts';
import { declareModuleAccount, type ModuleHolder } from '../auth/index.ts';
import { BURNER, burn, getBalance, sendFromModule, sendToModule } from '../bank/index.ts';
import * as state from './state.ts';
import { MODULE } from './types.ts';

export const HOLDER: ModuleHolder = declareModuleAccount(MODULE, [BURNER]);

/** From an account into the module. Throws TxError sdk/5. */
export function takeIn(ctx: Context, from: Uint8Array, denom: string, amount: bigint): void {
  if (amount > 0n) sendToModule(ctx, from, HOLDER, [{ denom, amount }]);
}

/** From the module to an account. */
export function payOut(ctx: Context, to: Uint8Array, denom: string, amount: bigint): void {
  if (amount > 0n) sendFromModule(ctx, HOLDER, to, [{ denom, amount }]);
}

/** Destroys coins of the module. */
export function destroy(ctx: Context, denom: string, amount: bigint): void {
  if (amount > 0n) burn(ctx, HOLDER, [{ denom, amount }]);
}

/** What the module's account holds of the bond denomination. */
export function held(ctx: ReadContext): bigint {
  return getBalance(ctx, HOLDER.address, state.params.need(ctx).bondDenom);
}
