// SPDX-License-Identifier: Apache-2.0
// Punishments: for not signing, and for signing two blocks of one height.
import { formatAddress } from '../../core/address.ts';
import type { Readable } from '../../core/collections.ts';
import type { CommitVote, Context, Misbehavior } from '../../core/context.ts';
import { event } from '../../core/events.ts';
import { fromTimestamp, toTimestamp } from '../../core/time.ts';
import type { Params, ValidatorSigningInfo } from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import { consensusParams } from '../chain/index.ts';
import { isUnbonded, jail, operatorOf, registerStakingHooks, slash, validatorByConsensusAddress } from '../staking/index.ts';
import { clearMissed, isMissed, setMissed } from './bitmap.ts';
import { errValidatorTombstoned } from './errors.ts';
import * as state from './state.ts';
import { decOf, FOREVER, jailDurationOf, maxMissed, newInfo } from './types.ts';

export function getParams(ctx: Readable): Params {
  return state.params.need(ctx);
}

/** What is known of a validator's signatures, by consensus address. */
export function getSigningInfo(ctx: Readable, address: Uint8Array): ValidatorSigningInfo | undefined {
  return state.infos.get(ctx, address);
}

registerStakingHooks({
  beforeValidatorCreated(ctx, address) {
    if (getSigningInfo(ctx, address)?.tombstoned === true) throw errValidatorTombstoned('');
  },
  afterValidatorBonded(ctx, address) {
    const info = getSigningInfo(ctx, address);
    state.infos.set(ctx, address, info === undefined ? newInfo(ctx, address) : { ...info, startHeight: ctx.block.height });
  },
});

/** The info after a vote on the previous block: the window moves on by one block. */
function counted(ctx: Context, vote: CommitVote, info: ValidatorSigningInfo, window: bigint): ValidatorSigningInfo {
  const index = info.indexOffset % window;
  const missed = !vote.signed;
  let { missedBlocksCounter } = info;
  if (isMissed(ctx, vote.address, index) !== missed) {
    setMissed(ctx, vote.address, index, missed);
    missedBlocksCounter += missed ? 1n : -1n;
  }
  if (missed) ctx.emit(event('liveness', { address: info.address, missed_blocks: missedBlocksCounter, height: ctx.block.height }));
  return { ...info, indexOffset: info.indexOffset + 1n, missedBlocksCounter };
}

/** Slashes and jails for too many missed blocks; its window starts anew. */
function punishDowntime(ctx: Context, vote: CommitVote, operator: Uint8Array, info: ValidatorSigningInfo): ValidatorSigningInfo {
  const params = getParams(ctx);
  // The missed votes are of the previous height, by a set that was decided one height before.
  const height = ctx.block.height - 2n;
  const burned = slash(ctx, { address: vote.address, height, power: vote.power, fraction: decOf(params.slashFractionDowntime) });
  ctx.emit(event('slash', { address: info.address, power: vote.power, reason: 'missing_signature', jailed: info.address, burned_coins: burned }));
  jail(ctx, operator);
  clearMissed(ctx, vote.address);
  return { ...info, jailedUntil: toTimestamp(ctx.block.time + jailDurationOf(params)), missedBlocksCounter: 0n, indexOffset: 0n };
}

/** Counts one vote of the last commit, and punishes whoever missed too many. A validator that is gone or jailed is not counted. */
export function handleVote(ctx: Context, vote: CommitVote): void {
  const v = validatorByConsensusAddress(ctx, vote.address);
  if (v === undefined || v.jailed) return;
  const params = getParams(ctx);
  let info = counted(ctx, vote, getSigningInfo(ctx, vote.address) ?? newInfo(ctx, vote.address), params.signedBlocksWindow);
  const full = ctx.block.height > info.startHeight + params.signedBlocksWindow;
  if (full && info.missedBlocksCounter > maxMissed(params)) info = punishDowntime(ctx, vote, v.operator, info);
  state.infos.set(ctx, vote.address, info);
}

/** Whether evidence is too old by both measures; CometBFT checks the same, but by the parameters of its own height. */
function isExpired(ctx: Context, m: Misbehavior): boolean {
  const evidence = consensusParams(ctx).evidence;
  const duration = evidence?.maxAgeDuration;
  if (evidence === undefined || duration === undefined) return false;
  const age = ctx.block.time - m.time;
  return age > duration.seconds * 1_000_000_000n + BigInt(duration.nanos) && ctx.block.height - m.height > evidence.maxAgeNumBlocks;
}

/**
 * Punishes a proven double signature or attack on light clients, once for ever: whoever is tombstoned pays no second time,
 * so the same evidence under another kind or height changes nothing. Unknown addresses and expired evidence are ignored. A
 * validator that is unbonded or gone has no stake to take; its key is tombstoned all the same.
 */
export function handleMisbehavior(ctx: Context, m: Misbehavior): void {
  if (operatorOf(ctx, m.address) === undefined || isExpired(ctx, m)) return;
  const info = getSigningInfo(ctx, m.address) ?? newInfo(ctx, m.address);
  if (info.tombstoned) return;
  const v = validatorByConsensusAddress(ctx, m.address);
  const address = formatAddress(m.address, ctx.chain.addressPrefix, 'valcons');
  if (v !== undefined && !isUnbonded(v)) {
    const fraction = decOf(getParams(ctx).slashFractionDoubleSign);
    // The set that signed height h was decided by the end of h-1: stake that left in h was still in it.
    const burned = slash(ctx, { address: m.address, height: m.height - 1n, power: m.power, fraction });
    ctx.emit(event('slash', { address, power: m.power, reason: 'double_sign', burned_coins: burned }));
  }
  if (v !== undefined && !v.jailed) {
    jail(ctx, v.operator);
    ctx.emit(event('slash', { jailed: address }));
  }
  state.infos.set(ctx, m.address, { ...info, jailedUntil: FOREVER, tombstoned: true });
}

/** Whether a validator may not come back now. */
export function isHeld(ctx: Context, address: Uint8Array): boolean {
  const info = getSigningInfo(ctx, address);
  return info !== undefined && (info.tombstoned || ctx.block.time < fromTimestamp(info.jailedUntil));
}
