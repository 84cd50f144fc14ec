// SPDX-License-Identifier: Apache-2.0
// One signer of a transaction: key, sequence, signature over the received bytes (SIGN_MODE_DIRECT).
import { base64 } from '@scure/base';
import { accountAddress } from '../../core/address.ts';
import { equalBytes } from '../../core/bytes.ts';
import { decodeStrict, encode } from '../../core/codec.ts';
import type { Context } from '../../core/context.ts';
import { errInvalidPubKey, errUnauthorized, errUnknownAddress, errWrongSequence } from '../../core/errors.ts';
import { event } from '../../core/events.ts';
import { sha256 } from '../../core/hash.ts';
import type { DecodedTx } from '../../core/tx.ts';
import type { Params } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { PubKey } from '../../proto/gen/cosmos.crypto.secp256k1.ts';
import { SignMode } from '../../proto/gen/cosmos.tx.signing.v1beta1.ts';
import { SignDoc, type SignerInfo } from '../../proto/gen/cosmos.tx.v1beta1.ts';
import { getAccount, setAccount } from './keeper.ts';
import { type Account, SECP256K1_URL } from './types.ts';

/** Bytes of a signature: r and s. */
export const SIGNATURE_BYTES = 64n;

function checkMode(ctx: Context, info: SignerInfo): void {
  if (info.modeInfo?.multi !== undefined) throw errUnauthorized('mode_info: multi-signatures are not supported');
  const mode = info.modeInfo?.single?.mode;
  if (mode === SignMode.SIGN_MODE_DIRECT) return;
  // A simulation need not say how it will be signed.
  if (ctx.mode === 'simulate' && (mode === undefined || mode === SignMode.SIGN_MODE_UNSPECIFIED || mode === SignMode.SIGN_MODE_LEGACY_AMINO_JSON))
    return;
  throw errUnauthorized(`mode_info: unsupported sign mode ${mode ?? 'none'}; expected SIGN_MODE_DIRECT`);
}

/** The signer's key: the one of the account, else the one that the transaction brings, which must be that of the address. */
function keyOf(ctx: Context, info: SignerInfo, account: Account, address: Uint8Array, index: number): Uint8Array | undefined {
  const any = info.publicKey;
  if (any === undefined) {
    if (account.publicKey === undefined && ctx.mode !== 'simulate')
      throw errInvalidPubKey('account pubkey not found; the first transaction of an account has to bring it');
    return account.publicKey;
  }
  if (any.typeUrl !== SECP256K1_URL)
    throw errInvalidPubKey(`signer_infos[${index}].public_key: ${any.typeUrl.slice(0, 100)} is not supported; expected ${SECP256K1_URL}`);
  let key: Uint8Array;
  try {
    key = decodeStrict(PubKey, any.value).key;
  } catch {
    throw errInvalidPubKey(`signer_infos[${index}].public_key: not a ${SECP256K1_URL}`);
  }
  if (key.length !== 33) throw errInvalidPubKey(`signer_infos[${index}].public_key: ${key.length} bytes; a compressed key has 33`);
  const own = account.publicKey === undefined ? equalBytes(accountAddress(key, ctx.crypto.ripemd160), address) : equalBytes(key, account.publicKey);
  if (!own) throw errInvalidPubKey(`pubKey does not match signer address ${account.address} with signer index: ${index}`);
  return key;
}

/** Hash of what is signed. */
export function signHash(ctx: Context, tx: DecodedTx, accountNumber: bigint): Uint8Array {
  const { bodyBytes, authInfoBytes } = tx.raw;
  return sha256(encode(SignDoc, { bodyBytes, authInfoBytes, chainId: ctx.chain.chainId, accountNumber }));
}

function verify(ctx: Context, tx: DecodedTx, index: number, key: Uint8Array | undefined, account: Account): void {
  const signature = tx.raw.signatures[index] ?? new Uint8Array(0);
  if (ctx.mode === 'simulate' || ctx.mode === 'recheck') return;
  // Genesis transactions are signed before anybody can know their account's number.
  const number = ctx.mode === 'genesis' ? 0n : account.number;
  if (key === undefined || !ctx.crypto.verifySecp256k1(key, signHash(ctx, tx, number), signature)) {
    throw errUnauthorized(
      `signature verification failed; please verify account number (${number}), sequence (${account.sequence}) and chain-id (${ctx.chain.chainId})`,
    );
  }
}

/** Checks signer `index`, raises its sequence and keeps its key; returns the sequence used. Throws TxError sdk/4, 8, 9 or 32. */
export function checkSigner(ctx: Context, tx: DecodedTx, index: number, address: Uint8Array, params: Params): bigint {
  const info = tx.authInfo.signerInfos[index];
  if (info === undefined) throw errUnauthorized(`signer_infos: none for signer ${index}`);
  checkMode(ctx, info);
  const account = getAccount(ctx, address);
  if (account === undefined) throw errUnknownAddress(`account ${tx.signers[index]} does not exist`);
  if (account.module !== undefined) throw errUnauthorized(`${account.address} belongs to the module ${account.module.name}; nobody can sign for it`);
  const key = keyOf(ctx, info, account, address, index);
  ctx.gas.consume(params.sigVerifyCostSecp256k1, 'ante verify: secp256k1');
  if (info.sequence !== account.sequence) throw errWrongSequence(`account sequence mismatch, expected ${account.sequence}, got ${info.sequence}`);
  verify(ctx, tx, index, key, account);
  setAccount(ctx, address, { ...account, publicKey: key, sequence: account.sequence + 1n });
  ctx.emit(event('tx', { signature: base64.encode(tx.raw.signatures[index] ?? new Uint8Array(0)) }));
  return account.sequence;
}
