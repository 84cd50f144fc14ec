// SPDX-License-Identifier: Apache-2.0
import { formatAddress } from '../../core/address.ts';
import { formatCoins } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import { event } from '../../core/events.ts';
import type { ValidatorUpdate } from '../../core/module.ts';
import { toTimestamp } from '../../core/time.ts';
import { getParams } from './keeper.ts';
import { applyValidatorSetUpdates, completeValidators, lastValidators } from './power.ts';
import * as state from './state.ts';
import { toProto } from './types.ts';
import { completeRedelegation, completeUnbonding } from './unbonding.ts';

const EMPTY = new Uint8Array(0);

/** Keeps header and set of this height, and forgets those older than `historical_entries`. */
export function beginBlock(ctx: Context): void {
  const { height, time, proposer } = ctx.block;
  const { historicalEntries } = getParams(ctx);
  const oldest = height - BigInt(historicalEntries);
  const old: bigint[] = [];
  for (const [h] of state.history.entries(ctx)) {
    if (h > oldest) break;
    old.push(h);
  }
  for (const h of old) state.history.delete(ctx, h);
  if (historicalEntries === 0) return;
  const header = {
    chainId: ctx.chain.chainId,
    height,
    time: toTimestamp(time),
    lastCommitHash: EMPTY,
    dataHash: EMPTY,
    validatorsHash: EMPTY,
    nextValidatorsHash: EMPTY,
    consensusHash: EMPTY,
    appHash: EMPTY,
    lastResultsHash: EMPTY,
    evidenceHash: EMPTY,
    proposerAddress: proposer,
  };
  state.history.set(ctx, height, { header, valset: lastValidators(ctx).map(toProto) });
}

function matureUnbondings(ctx: Context): void {
  const due: (readonly [bigint, readonly [Uint8Array, Uint8Array]])[] = [];
  for (const [key] of state.unbondingQueue.entries(ctx)) {
    if (key[0] > ctx.block.time) break;
    due.push(key);
  }
  const { addressPrefix } = ctx.chain;
  for (const key of due) {
    state.unbondingQueue.delete(ctx, key);
    const [delegator, operator] = key[1];
    const amount = completeUnbonding(ctx, delegator, operator);
    const paid = amount === 0n ? [] : [{ denom: getParams(ctx).bondDenom, amount }];
    ctx.emit(
      event('complete_unbonding', {
        amount: formatCoins(paid),
        validator: formatAddress(operator, addressPrefix, 'valoper'),
        delegator: formatAddress(delegator, addressPrefix),
      }),
    );
  }
}

function matureRedelegations(ctx: Context): void {
  const due: (readonly [bigint, readonly [Uint8Array, Uint8Array, Uint8Array]])[] = [];
  for (const [key] of state.redelegationQueue.entries(ctx)) {
    if (key[0] > ctx.block.time) break;
    due.push(key);
  }
  const { addressPrefix } = ctx.chain;
  for (const key of due) {
    state.redelegationQueue.delete(ctx, key);
    const [delegator, source, destination] = key[1];
    const amount = completeRedelegation(ctx, { delegator, source, destination });
    const freed = amount === 0n ? [] : [{ denom: getParams(ctx).bondDenom, amount }];
    ctx.emit(
      event('complete_redelegation', {
        amount: formatCoins(freed),
        delegator: formatAddress(delegator, addressPrefix),
        source_validator: formatAddress(source, addressPrefix, 'valoper'),
        destination_validator: formatAddress(destination, addressPrefix, 'valoper'),
      }),
    );
  }
}

/** The set follows the stake, then what is due is freed. */
export function endBlock(ctx: Context): readonly ValidatorUpdate[] {
  const updates = applyValidatorSetUpdates(ctx);
  completeValidators(ctx);
  matureUnbondings(ctx);
  matureRedelegations(ctx);
  return updates;
}
