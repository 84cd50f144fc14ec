// SPDX-License-Identifier: Apache-2.0
// Building and signing transactions (SIGN_MODE_DIRECT). Pure: the same input gives the same bytes.
import { encode } from '../core/codec.ts';
import { type Coin, toProtoCoin } from '../core/coin.ts';
import { ONE, parseDec } from '../core/dec.ts';
import { sha256 } from '../core/hash.ts';
import { PubKey } from '../proto/gen/cosmos.crypto.secp256k1.ts';
import { SignMode } from '../proto/gen/cosmos.tx.signing.v1beta1.ts';
import { AuthInfo, SignDoc, TxBody, TxRaw } from '../proto/gen/cosmos.tx.v1beta1.ts';
import type { Any } from '../proto/gen/google.protobuf.ts';
import type { Input, MessageType } from '../proto/message.ts';
import { UsageError } from './errors.ts';
import type { Signer } from './signer.ts';

/** A message as transactions carry it. Throws CodecError naming the field that does not fit. */
export function toAny<T>(type: MessageType<T>, value: Input<T>): Any {
  return { typeUrl: `/${type.typeName}`, value: encode(type, value) };
}

export interface Fee {
  readonly amount: readonly Coin[];
  readonly gas: bigint;
}

/** Everything that is signed, besides the key. */
export interface TxContent {
  readonly messages: readonly Any[];
  readonly fee: Fee;
  readonly memo?: string;
  /** Last height that may include it; 0 for no limit. */
  readonly timeoutHeight?: bigint;
  readonly chainId: string;
  readonly accountNumber: bigint;
  readonly sequence: bigint;
}

export interface SignedTx {
  /** TxRaw: what is broadcast. */
  readonly bytes: Uint8Array;
  /** Upper-case hexadecimal SHA-256 of the bytes. */
  readonly hash: string;
  readonly sequence: bigint;
  readonly timeoutHeight: bigint;
}

interface Parts {
  readonly bodyBytes: Uint8Array;
  readonly authInfoBytes: Uint8Array;
}

function parts(publicKey: Uint8Array, content: Omit<TxContent, 'chainId' | 'accountNumber'>, mode: number): Parts {
  const body = { messages: content.messages, memo: content.memo ?? '', timeoutHeight: content.timeoutHeight ?? 0n };
  const signer = {
    publicKey: toAny(PubKey, { key: publicKey }),
    modeInfo: { single: { mode } },
    sequence: content.sequence,
  };
  const fee = { amount: content.fee.amount.map(toProtoCoin), gasLimit: content.fee.gas };
  return { bodyBytes: encode(TxBody, body), authInfoBytes: encode(AuthInfo, { signerInfos: [signer], fee }) };
}

/** Bytes that are signed for `content`: the SignDoc. */
export function signDocBytes(publicKey: Uint8Array, content: TxContent): Uint8Array {
  const { chainId, accountNumber } = content;
  return encode(SignDoc, { ...parts(publicKey, content, SignMode.SIGN_MODE_DIRECT), chainId, accountNumber });
}

/** Hash of transaction bytes as explorers show it. */
export function hashOf(bytes: Uint8Array): string {
  return Array.from(sha256(bytes), (b) => b.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

/** Signs `content`. */
export function signTx(signer: Signer, content: TxContent): SignedTx {
  const signature = signer.sign(signDocBytes(signer.publicKey, content));
  const bytes = encode(TxRaw, { ...parts(signer.publicKey, content, SignMode.SIGN_MODE_DIRECT), signatures: [signature] });
  return { bytes, hash: hashOf(bytes), sequence: content.sequence, timeoutHeight: content.timeoutHeight ?? 0n };
}

/** Bytes for simulation: the real key and sequence, no fee, one empty signature. */
export function simulationTx(publicKey: Uint8Array, content: Pick<TxContent, 'messages' | 'memo' | 'sequence'>): Uint8Array {
  const unsigned = parts(publicKey, { ...content, memo: content.memo ?? '', fee: { amount: [], gas: 0n } }, SignMode.SIGN_MODE_UNSPECIFIED);
  return encode(TxRaw, { ...unsigned, signatures: [new Uint8Array(0)] });
}

export interface GasPrice {
  readonly denom: string;
  /** Multiple of 10^-18. */
  readonly amount: bigint;
}

/** Price of text like `0.025upogo`; throws UsageError. */
export function parseGasPrice(text: string): GasPrice {
  const m = /^(\d+(?:\.\d{1,18})?)([a-zA-Z][a-zA-Z0-9/:._-]{2,127})$/.exec(text.trim());
  if (m === null) throw new UsageError(`gas-prices: expected a price like 0.025upogo, got "${text}"`);
  return { amount: parseDec(m[1] as string), denom: m[2] as string };
}

/** Fee of `gas` at a price, rounded up so that the node's own minimum is met. */
export function feeFor(gas: bigint, price: GasPrice | undefined): Fee {
  if (price === undefined || price.amount === 0n) return { amount: [], gas };
  return { amount: [{ denom: price.denom, amount: (gas * price.amount + ONE - 1n) / ONE }], gas };
}
