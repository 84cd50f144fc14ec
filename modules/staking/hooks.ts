// SPDX-License-Identifier: Apache-2.0
// What other modules do when validators change. They are registered at load time, in the order of the module list, so
// that staking need not know who listens (cosmos-sdk x/staking/types/expected_keepers.go, StakingHooks).
import type { Context } from '../../core/context.ts';

export interface StakingHooks {
  /** A validator wants to be created with this consensus key; throws TxError to refuse. */
  beforeValidatorCreated?(ctx: Context, consensusAddress: Uint8Array): void;
  /** A validator enters the set. */
  afterValidatorBonded?(ctx: Context, consensusAddress: Uint8Array): void;
}

const registered: StakingHooks[] = [];

/** Registers the hooks of a module, at load time. */
export function registerStakingHooks(hooks: StakingHooks): void {
  registered.push(hooks);
}

export function beforeValidatorCreated(ctx: Context, consensusAddress: Uint8Array): void {
  for (const hooks of registered) hooks.beforeValidatorCreated?.(ctx, consensusAddress);
}

export function afterValidatorBonded(ctx: Context, consensusAddress: Uint8Array): void {
  for (const hooks of registered) hooks.afterValidatorBonded?.(ctx, consensusAddress);
}
