// SPDX-License-Identifier: Apache-2.0
// Bonds of miners and verifiers. What is bonded or unbonding answers for the work done with it: a slash reaches the bond
// and whatever began to unbond at or after the height of the work.
import { basisPoints } from '../../core/coin.ts';
import type { KeyMap } from '../../core/collections.ts';
import type { Context } from '../../core/context.ts';
import { CorruptStateError } from '../../core/errors.ts';
import type { Coin as ProtoCoin } from '../../proto/gen/cosmos.base.v1beta1.ts';
import type { Miner, Params, Unbonding, Verifier } from '../../proto/gen/pogo.v1.ts';
import { errInsufficientBond, errTooMany } from './errors.ts';
import { emitReleased } from './events.ts';
import { payOut } from './funds.ts';
import * as state from './state.ts';
import { amountOf, bytesOf, coinOf, lesser, plus, type RoleName, textOf } from './types.ts';

/** What miners and verifiers have in common. */
export interface Bonded {
  readonly address: string;
  readonly bond?: ProtoCoin | undefined;
  readonly bondedHeight: bigint;
  readonly earned: string;
  readonly slashed: string;
}

export interface Role<T extends Bonded> {
  readonly name: RoleName;
  readonly map: KeyMap<Uint8Array, T>;
  readonly byBond: KeyMap<readonly [bigint, Uint8Array], true>;
  minimum(params: Params): bigint;
}

export const MINER: Role<Miner> = {
  name: 'miner',
  map: state.miners,
  byBond: state.minersByBond,
  minimum: (p) => BigInt(p.minMinerBond),
};

export const VERIFIER: Role<Verifier> = {
  name: 'verifier',
  map: state.verifiers,
  byBond: state.verifiersByBond,
  minimum: (p) => BigInt(p.minVerifierBond),
};

/** Writes a miner or verifier together with the index by bond. */
export function setBonded<T extends Bonded>(ctx: Context, role: Role<T>, next: T): void {
  const address = bytesOf(ctx, next.address);
  const before = amountOf(role.map.get(ctx, address)?.bond);
  const after = amountOf(next.bond);
  if (before !== after) {
    if (before > 0n) role.byBond.delete(ctx, [before, address]);
    if (after > 0n) role.byBond.set(ctx, [after, address], true);
  }
  role.map.set(ctx, address, next);
}

/** `who` with `amount` more bond. Crossing the minimum makes it a fresh bond: it takes part in rounds that open later. */
export function withBond<T extends Bonded>(ctx: Context, role: Role<T>, who: T, amount: bigint): T {
  const params = state.params.need(ctx);
  const before = amountOf(who.bond);
  const fresh = before < role.minimum(params) && before + amount >= role.minimum(params);
  return { ...who, bond: coinOf(params.bondDenom, before + amount), bondedHeight: fresh ? ctx.block.height : who.bondedHeight };
}

function need<T extends Bonded>(ctx: Context, role: Role<T>, address: Uint8Array): T {
  const who = role.map.get(ctx, address);
  if (who === undefined) throw new CorruptStateError(`pogo: ${role.name} ${textOf(ctx, address)} is missing`);
  return who;
}

/** Unbondings of an address in a role, oldest first; at most max_unbondings. */
export function unbondingsOf(ctx: Context, role: RoleName, address: Uint8Array): readonly Unbonding[] {
  return [...state.unbondings.entries(ctx, { prefix: state.unbondingPrefix(address, role) })].map(([, u]) => u);
}

/** Starts to unbond `amount`; the height of its release. Throws pogo/12 or pogo/22. */
export function startUnbonding<T extends Bonded>(ctx: Context, role: Role<T>, address: Uint8Array, amount: bigint): bigint {
  const params = state.params.need(ctx);
  const who = role.map.get(ctx, address);
  const bond = amountOf(who?.bond);
  if (who === undefined || bond < amount) throw errInsufficientBond(`amount: ${amount} exceeds the bond of ${bond} as ${role.name}`);
  const open = unbondingsOf(ctx, role.name, address).length;
  if (open >= params.maxUnbondings) throw errTooMany(`amount: ${open} unbondings are open, at most ${params.maxUnbondings} are allowed`);
  setBonded(ctx, role, { ...who, bond: coinOf(params.bondDenom, bond - amount) });
  const id = state.nextUnbondingId.need(ctx);
  state.nextUnbondingId.set(ctx, id + 1n);
  const releaseHeight = ctx.block.height + BigInt(params.unbondingBlocks);
  const entry: Unbonding = {
    id,
    address: who.address,
    role: role.name,
    amount: coinOf(params.bondDenom, amount),
    releaseHeight,
    createdHeight: ctx.block.height,
  };
  state.unbondings.set(ctx, [address, role.name, id], entry);
  state.releases.set(ctx, [releaseHeight, [address, role.name, id]], true);
  return releaseHeight;
}

function dropUnbonding(ctx: Context, address: Uint8Array, role: RoleName, entry: Unbonding): void {
  state.unbondings.delete(ctx, [address, role, entry.id]);
  state.releases.delete(ctx, [entry.releaseHeight, [address, role, entry.id]]);
}

/** Up to `wanted` from the bond, then from unbondings begun at or after `since`; what was taken. It stays in the module's account. */
export function takeBond<T extends Bonded>(ctx: Context, role: Role<T>, address: Uint8Array, wanted: bigint, since: bigint): bigint {
  const params = state.params.need(ctx);
  const who = need(ctx, role, address);
  const bond = amountOf(who.bond);
  const fromBond = lesser(bond, wanted);
  setBonded(ctx, role, { ...who, bond: coinOf(params.bondDenom, bond - fromBond) });
  let left = wanted - fromBond;
  for (const entry of unbondingsOf(ctx, role.name, address)) {
    if (left === 0n) break;
    if (entry.createdHeight < since) continue;
    const amount = amountOf(entry.amount);
    const part = lesser(amount, left);
    left -= part;
    if (part === amount) dropUnbonding(ctx, address, role.name, entry);
    else state.unbondings.set(ctx, [address, role.name, entry.id], { ...entry, amount: coinOf(params.bondDenom, amount - part) });
  }
  return wanted - left;
}

/** Takes basis points (rounded down) of everything that answers for work since a height; what was taken. */
export function slashBond<T extends Bonded>(ctx: Context, role: Role<T>, address: Uint8Array, bps: number, since: bigint): bigint {
  let base = amountOf(need(ctx, role, address).bond);
  for (const entry of unbondingsOf(ctx, role.name, address)) if (entry.createdHeight >= since) base += amountOf(entry.amount);
  const taken = takeBond(ctx, role, address, basisPoints(base, bps), since);
  const who = need(ctx, role, address);
  setBonded(ctx, role, { ...who, slashed: plus(who.slashed, taken) });
  return taken;
}

/** In how many open rounds an address has work. */
export function engagements(ctx: Context, role: RoleName, address: Uint8Array): bigint {
  let count = 0n;
  for (const _ of state.engaged.entries(ctx, { prefix: state.engagedPrefix(role, address) })) count++;
  return count;
}

function isEngaged(ctx: Context, role: RoleName, address: Uint8Array): boolean {
  for (const _ of state.engaged.entries(ctx, { prefix: state.engagedPrefix(role, address) })) return true;
  return false;
}

/** Blocks by which a release is put off while its owner has work in an open round. */
const POSTPONED_BLOCKS = 10n;

/** Pays out what is due, at most max_due_per_block entries. */
export function releaseDue(ctx: Context): void {
  const params = state.params.need(ctx);
  const due: (readonly [bigint, readonly [Uint8Array, RoleName, bigint]])[] = [];
  for (const [key] of state.releases.entries(ctx)) {
    if (key[0] > ctx.block.height || due.length >= params.maxDuePerBlock) break;
    due.push(key);
  }
  for (const key of due) {
    const [address, role] = key[1];
    const entry = state.unbondings.get(ctx, key[1]);
    if (entry === undefined) throw new CorruptStateError(`pogo: a release without unbonding ${key[1][2]}`);
    dropUnbonding(ctx, address, role, entry);
    if (isEngaged(ctx, role, address)) {
      const releaseHeight = ctx.block.height + POSTPONED_BLOCKS;
      state.unbondings.set(ctx, key[1], { ...entry, releaseHeight });
      state.releases.set(ctx, [releaseHeight, key[1]], true);
    } else {
      payOut(ctx, address, params.bondDenom, amountOf(entry.amount));
      emitReleased(ctx, entry);
    }
  }
}
