// SPDX-License-Identifier: Apache-2.0
// Accounts: numbers are given once and never reused, sequences only rise.
import { formatAddress } from '../../core/address.ts';
import type { Readable } from '../../core/collections.ts';
import type { Context, ReadContext } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import type { Params } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import * as state from './state.ts';
import { type Account, type ModuleHolder, moduleHolderAt, newAccount } from './types.ts';

/** The account of an address; undefined when it never received anything. */
export function getAccount(ctx: Readable, address: Uint8Array): Account | undefined {
  return state.accounts.get(ctx, address);
}

/** Parameters of fees and signatures. */
export function getParams(ctx: Readable): Params {
  return state.params.need(ctx);
}

/** Writes the account of an address; its number is indexed when `fresh`. */
export function setAccount(ctx: Context, address: Uint8Array, account: Account, fresh = false): void {
  state.accounts.set(ctx, address, account);
  if (fresh) state.byNumber.set(ctx, account.number, address);
}

function create(ctx: Context, address: Uint8Array, holder?: ModuleHolder): void {
  const number = state.nextNumber.get(ctx) ?? 0n;
  state.nextNumber.set(ctx, number + 1n);
  setAccount(ctx, address, newAccount(address, ctx.chain.addressPrefix, number, holder), true);
}

/** Creates the account of an address that has none: a module's when it is declared to be one. */
export function ensureAccount(ctx: Context, address: Uint8Array): void {
  if (!state.accounts.has(ctx, address)) create(ctx, address, moduleHolderAt(address));
}

/** As `ensureAccount`, for a module's account; throws CorruptStateError when somebody else holds the address. */
export function ensureModuleAccount(ctx: Context, holder: ModuleHolder): void {
  const account = state.accounts.get(ctx, holder.address);
  if (account === undefined) create(ctx, holder.address, holder);
  else if (account.module?.name !== holder.name) {
    throw new CorruptStateError(`auth: ${formatAddress(holder.address, ctx.chain.addressPrefix)} should be the account of module ${holder.name}`);
  }
}

/** Address of an account number, if given. */
export function addressOfNumber(ctx: ReadContext, number: bigint): string | undefined {
  const address = state.byNumber.get(ctx, number);
  return address === undefined ? undefined : formatAddress(address, ctx.chain.addressPrefix);
}
