// SPDX-License-Identifier: Apache-2.0
// Who owns what. Every coin has an owner: the supply of a denomination is the sum of its balances, always.
import { formatAddress } from '../../core/address.ts';
import { type Coin, formatCoins, MAX_AMOUNT } from '../../core/coin.ts';
import type { Readable } from '../../core/collections.ts';
import type { Context, ReadContext } from '../../core/context.ts';
import { CorruptStateError, errInsufficientFunds, errInvalidCoins } from '../../core/errors.ts';
import { event } from '../../core/events.ts';
import { ensureAccount, ensureModuleAccount, type ModuleHolder, moduleHolderAt } from '../auth/index.ts';
import * as state from './state.ts';
import { BURNER, checkCoins, MINTER, sumCoins } from './types.ts';

/** What an address owns of one denomination. */
export function getBalance(ctx: Readable, address: Uint8Array, denom: string): bigint {
  return state.balances.get(ctx, [address, denom]) ?? 0n;
}

/** All that an address owns, sorted by denomination. */
export function getBalances(ctx: Readable, address: Uint8Array): readonly Coin[] {
  const coins: Coin[] = [];
  for (const [[, denom], amount] of state.balances.entries(ctx, { prefix: state.balancesOf(address) })) coins.push({ denom, amount });
  return coins;
}

/** What exists of a denomination. */
export function getSupply(ctx: Readable, denom: string): bigint {
  return state.supply.get(ctx, denom) ?? 0n;
}

/** Whether ordinary payments to an address are refused: it is a module's. */
export function isBlocked(address: Uint8Array): boolean {
  return moduleHolderAt(address) !== undefined;
}

/** Whether a denomination may be sent by its owners. */
export function isSendEnabled(ctx: Readable, denom: string): boolean {
  return state.sendEnabled.get(ctx, denom) ?? state.params.need(ctx).defaultSendEnabled;
}

/** Sets a balance together with the index of holders; for genesis and this file only. */
export function setBalance(ctx: Context, address: Uint8Array, denom: string, before: bigint, amount: bigint): void {
  if (amount > MAX_AMOUNT) throw errInvalidCoins(`${denom}: the balance would exceed 2^255-1`);
  if (amount > 0n) state.balances.set(ctx, [address, denom], amount);
  else if (before > 0n) state.balances.delete(ctx, [address, denom]);
  if (before === 0n && amount > 0n) state.holders.set(ctx, [denom, address], false);
  else if (before > 0n && amount === 0n) state.holders.delete(ctx, [denom, address]);
}

/** Text forms are made once for a payment: bech32 is what it costs most behind its signature. */
const textOf = (ctx: Context, address: Uint8Array): string => formatAddress(address, ctx.chain.addressPrefix);

function subtract(ctx: Context, address: Uint8Array, spender: string, coins: readonly Coin[]): void {
  for (const { denom, amount } of coins) {
    const before = getBalance(ctx, address, denom);
    if (before < amount) throw errInsufficientFunds(`spendable balance ${before}${denom} is smaller than ${amount}${denom}`);
    setBalance(ctx, address, denom, before, before - amount);
  }
  ctx.emit(event('coin_spent', { spender, amount: formatCoins(coins) }));
}

function add(ctx: Context, address: Uint8Array, receiver: string, coins: readonly Coin[]): void {
  for (const { denom, amount } of coins) {
    const before = getBalance(ctx, address, denom);
    setBalance(ctx, address, denom, before, before + amount);
  }
  ctx.emit(event('coin_received', { receiver, amount: formatCoins(coins) }));
}

/** Moves coins (sorted, unique, positive); the receiver gets an account if it has none. Throws TxError sdk/5. */
export function sendCoins(ctx: Context, from: Uint8Array, to: Uint8Array, coins: readonly Coin[]): void {
  checkCoins(coins);
  if (coins.length === 0) return;
  const sender = textOf(ctx, from);
  const recipient = textOf(ctx, to);
  subtract(ctx, from, sender, coins);
  add(ctx, to, recipient, coins);
  ensureAccount(ctx, to);
  ctx.emit(event('transfer', { recipient, sender, amount: formatCoins(coins) }));
  ctx.emit(event('message', { sender }));
}

/** From an account to a module. Throws TxError sdk/5. */
export function sendToModule(ctx: Context, from: Uint8Array, to: ModuleHolder, coins: readonly Coin[]): void {
  sendCoins(ctx, from, to.address, coins);
}

/** From a module to an account or to another module (by its address). Throws TxError sdk/5. */
export function sendFromModule(ctx: Context, from: ModuleHolder, to: Uint8Array, coins: readonly Coin[]): void {
  sendCoins(ctx, from.address, to, coins);
}

/** Parts of several payments by one sender: as `sendCoins` for each, but the sender pays the sum at once. */
export function sendToMany(
  ctx: Context,
  from: Uint8Array,
  total: readonly Coin[],
  outputs: readonly { readonly to: Uint8Array; readonly coins: readonly Coin[] }[],
): void {
  const sender = textOf(ctx, from);
  subtract(ctx, from, sender, total);
  for (const { to, coins } of outputs) {
    const recipient = textOf(ctx, to);
    add(ctx, to, recipient, coins);
    ensureAccount(ctx, to);
    ctx.emit(event('transfer', { recipient, sender, amount: formatCoins(coins) }));
  }
  ctx.emit(event('message', { sender }));
}

function setSupply(ctx: Context, denom: string, amount: bigint): void {
  if (amount > MAX_AMOUNT) throw errInvalidCoins(`${denom}: the supply would exceed 2^255-1`);
  if (amount > 0n) state.supply.set(ctx, denom, amount);
  else state.supply.delete(ctx, denom);
}

function requirePermission(holder: ModuleHolder, permission: string): void {
  if (!holder.permissions.includes(permission)) throw new CorruptStateError(`bank: the module account ${holder.name} is no ${permission}`);
}

/** Makes new coins in a module's account, which must have been declared with the permission `minter`. */
export function mint(ctx: Context, to: ModuleHolder, coins: readonly Coin[]): void {
  requirePermission(to, MINTER);
  checkCoins(coins);
  if (coins.length === 0) return;
  ensureModuleAccount(ctx, to);
  for (const { denom, amount } of coins) setSupply(ctx, denom, getSupply(ctx, denom) + amount);
  const minter = textOf(ctx, to.address);
  add(ctx, to.address, minter, coins);
  ctx.emit(event('coinbase', { minter, amount: formatCoins(coins) }));
}

/** Destroys coins of a module's account, which must have been declared with the permission `burner`. Throws TxError sdk/5. */
export function burn(ctx: Context, from: ModuleHolder, coins: readonly Coin[]): void {
  requirePermission(from, BURNER);
  checkCoins(coins);
  if (coins.length === 0) return;
  const burner = textOf(ctx, from.address);
  subtract(ctx, from.address, burner, coins);
  for (const { denom, amount } of coins) setSupply(ctx, denom, getSupply(ctx, denom) - amount);
  ctx.emit(event('burn', { burner, amount: formatCoins(coins) }));
}

/** Sum of all balances by denomination, sorted. */
export function sumOfBalances(ctx: ReadContext): readonly Coin[] {
  const coins: Coin[] = [];
  for (const [[, denom], amount] of state.balances.entries(ctx)) coins.push({ denom, amount });
  return sumCoins([coins]);
}
