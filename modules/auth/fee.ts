// SPDX-License-Identifier: Apache-2.0
// Fees: what a node asks for at its door, and what every transaction pays in the block.
import { parseAddress } from '../../core/address.ts';
import { amountOf, type Coin, formatCoins, parseCoin, parseCoins } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import { ONE } from '../../core/dec.ts';
import { errInsufficientFee, errInsufficientFunds, errUnknownAddress, TxError } from '../../core/errors.ts';
import { event } from '../../core/events.ts';
import type { DecodedTx } from '../../core/tx.ts';
import { sendToModule } from '../bank/index.ts';
import { getAccount } from './keeper.ts';
import { FEE_COLLECTOR } from './types.ts';

/** Fee of a transaction; amounts that are all zero mean none. */
export function feeOf(tx: DecodedTx): readonly Coin[] {
  const amount = tx.authInfo.fee?.amount ?? [];
  const coins = amount.map((c, i) => parseCoin(c, `fee.amount[${i}]`, { zero: true }));
  return coins.every((c) => c.amount === 0n) ? [] : parseCoins(amount, 'fee.amount');
}

/** At CheckTx only: the fee must reach one of the node's prices, rounded up. Throws TxError sdk/13. */
export function checkMinGasPrice(tx: DecodedTx, prices: ReadonlyMap<string, bigint>): void {
  const required = [...prices]
    .map(([denom, price]) => ({ denom, amount: (price * tx.gasLimit + ONE - 1n) / ONE }))
    .filter((c) => c.amount > 0n)
    .sort((a, b) => (a.denom < b.denom ? -1 : 1));
  if (required.length === 0) return;
  const fee = feeOf(tx);
  if (required.some((r) => amountOf(fee, r.denom) >= r.amount)) return;
  throw errInsufficientFee(`insufficient fees; got: ${formatCoins(fee)} required: ${formatCoins(required)}`);
}

/** A simulation is sent without the fee that it is made to find: it moves one unit, so that its gas is that of the real payment. */
function pretendFee(ctx: Context, payer: Uint8Array): void {
  try {
    sendToModule(ctx, payer, FEE_COLLECTOR, [{ denom: ctx.chain.bondDenom, amount: 1n }]);
  } catch (error) {
    // Who owns nothing may still simulate.
    if (!(error instanceof TxError) || error.code !== errInsufficientFunds.code) throw error;
  }
}

/** Moves the fee to the fee collector. Throws TxError sdk/5 or sdk/9. */
export function chargeFee(ctx: Context, tx: DecodedTx): void {
  const payer = parseAddress(tx.feePayer, ctx.chain.addressPrefix, 'fee.payer');
  if (getAccount(ctx, payer) === undefined) throw errUnknownAddress(`fee payer address: ${tx.feePayer} does not exist`);
  const fee = feeOf(tx);
  if (fee.length > 0) sendToModule(ctx, payer, FEE_COLLECTOR, fee);
  else if (ctx.mode === 'simulate') pretendFee(ctx, payer);
  ctx.emit(event('tx', { fee: formatCoins(fee), fee_payer: tx.feePayer }));
}
