// SPDX-License-Identifier: Apache-2.0
// What is asked of a transaction before its messages run, in the order of cosmos-sdk x/auth/ante/ante.go: form, time,
// size, fee, signatures, sequences. Whatever passes here is paid for, whether its messages succeed or not.
import { parseAddress } from '../../core/address.ts';
import { utf8 } from '../../core/bytes.ts';
import type { Context } from '../../core/context.ts';
import {
  errInvalidGasLimit,
  errMemoTooLarge,
  errNoSignatures,
  errNotSupported,
  errTooManySignatures,
  errTxTimeoutHeight,
  errUnauthorized,
  errUnknownExtensionOptions,
} from '../../core/errors.ts';
import { event } from '../../core/events.ts';
import type { Ante } from '../../core/execute.ts';
import { formatTime, fromTimestamp } from '../../core/time.ts';
import type { DecodedTx } from '../../core/tx.ts';
import type { Params } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { fixedGas, maxBlockGas } from '../chain/index.ts';
import { errTxTimeout } from './errors.ts';
import { chargeFee, checkMinGasPrice } from './fee.ts';
import { getParams } from './keeper.ts';
import { checkSigner, SIGNATURE_BYTES } from './signature.ts';

function checkForm(ctx: Context, tx: DecodedTx): void {
  const { body, authInfo, raw, signers } = tx;
  const critical = body.extensionOptions[0];
  if (critical !== undefined) throw errUnknownExtensionOptions(`extension_options: ${critical.typeUrl.slice(0, 100)}`);
  if (body.unordered) throw errNotSupported('unordered: unordered transactions');
  if (authInfo.tip !== undefined) throw errNotSupported('tip: tips');
  if (authInfo.fee?.granter) throw errNotSupported('fee.granter: fee grants');
  if (raw.signatures.length === 0) throw errNoSignatures('signatures');
  if (raw.signatures.length !== signers.length) {
    throw errUnauthorized(`wrong number of signers; expected ${signers.length}, got ${raw.signatures.length}`);
  }
  if (authInfo.signerInfos.length !== signers.length) {
    throw errUnauthorized(`signer_infos: expected ${signers.length}, got ${authInfo.signerInfos.length}`);
  }
  const limit = ctx.mode === 'genesis' ? undefined : maxBlockGas(ctx);
  if (limit !== undefined && tx.gasLimit > limit) throw errInvalidGasLimit(`tx gas limit ${tx.gasLimit} exceeds block max gas ${limit}`);
}

function checkTime(ctx: Context, tx: DecodedTx): void {
  const { timeoutHeight, timeoutTimestamp } = tx.body;
  // At CheckTx the block is the last one: the transaction can be in the next at the earliest.
  const checking = ctx.mode === 'check' || ctx.mode === 'recheck' || ctx.mode === 'simulate';
  const height = checking ? ctx.block.height + 1n : ctx.block.height;
  if (timeoutHeight > 0n && height > timeoutHeight) throw errTxTimeoutHeight(`block height: ${height}, timeout height: ${timeoutHeight}`);
  if (timeoutTimestamp === undefined) return;
  const timeout = fromTimestamp(timeoutTimestamp);
  if (ctx.block.time > timeout) throw errTxTimeout(`block time: ${formatTime(ctx.block.time)}, timeout timestamp: ${formatTime(timeout)}`);
}

/** Gas for the bytes; in simulation those that signing will add are counted already. */
function chargeSize(ctx: Context, tx: DecodedTx, params: Params): void {
  let size = BigInt(tx.bytes.length);
  if (ctx.mode === 'simulate') {
    for (const s of tx.raw.signatures) if (s.length === 0) size += SIGNATURE_BYTES;
    // Mode UNSPECIFIED is not encoded, DIRECT takes two bytes.
    for (const s of tx.authInfo.signerInfos) if (s.modeInfo?.single?.mode === 0) size += 2n;
  }
  ctx.gas.consume(params.txSizeCostPerByte * size, 'txSize');
}

/** Checks and charges a transaction; throws TxError with the codes of cosmos-sdk. */
export const ante: Ante = (ctx, tx, options) => {
  checkForm(ctx, tx);
  checkTime(ctx, tx);
  const params = getParams(ctx);
  const memo = utf8(tx.body.memo).length;
  if (BigInt(memo) > params.maxMemoCharacters)
    throw errMemoTooLarge(`maximum number of characters is ${params.maxMemoCharacters} but received ${memo} characters`);
  if (BigInt(tx.signers.length) > params.txSigLimit) throw errTooManySignatures(`signatures: ${tx.signers.length}, limit: ${params.txSigLimit}`);
  if (ctx.mode === 'check') checkMinGasPrice(tx, options.minGasPrices);
  if (ctx.mode !== 'genesis') ctx.gas.consume(fixedGas(ctx, tx.messages.length), 'transaction');
  chargeSize(ctx, tx, params);
  const addresses = tx.signers.map((s, i) => parseAddress(s, ctx.chain.addressPrefix, `signers[${i}]`));
  chargeFee(ctx, tx);
  addresses.forEach((address, i) => {
    const sequence = checkSigner(ctx, tx, i, address, params);
    ctx.emit(event('tx', { acc_seq: `${tx.signers[i]}/${sequence}` }));
  });
};
