// SPDX-License-Identifier: Apache-2.0
// Transactions: bytes to a checked structure. Signatures cover the received bytes, never a re-encoding, and the
// received bytes must be the canonical encoding at every level, so that one content has one hash.
import { AuthInfo, TxBody, TxRaw } from '../proto/gen/cosmos.tx.v1beta1.ts';
import type { Any } from '../proto/gen/google.protobuf.ts';
import { CodecError, decodeStrict } from './codec.ts';
import { errInvalidRequest, errTxDecode, errTxTooLarge } from './errors.ts';
import { sha256 } from './hash.ts';
import type { AnyMessageHandler } from './module.ts';
import type { Router } from './router.ts';
import type { WireLimits } from './wire.ts';

/** Bytes of a transaction at most (CometBFT's mempool default). */
export const MAX_TX_BYTES: number = 1_048_576;
const MAX_MESSAGES = 256;
const MAX_SIGNERS = 16;
/** Twice the hashes that the longest transaction can hold, and twice the depth of our deepest message. */
const LIMITS: WireLimits = { items: 65_536, depth: 12 };

export interface TxMessage {
  readonly any: Any;
  readonly handler: AnyMessageHandler;
  readonly value: unknown;
}

export interface DecodedTx {
  readonly bytes: Uint8Array;
  readonly raw: TxRaw;
  readonly body: TxBody;
  readonly authInfo: AuthInfo;
  readonly messages: readonly TxMessage[];
  /** Addresses (bech32) that must sign: of all messages in order, without repeats; the fee payer last if it is another. */
  readonly signers: readonly string[];
  /** Who pays the fee: `fee.payer`, else the first signer. */
  readonly feePayer: string;
  readonly gasLimit: bigint;
}

/** SHA-256 of the bytes: the transaction's hash as CometBFT and explorers know it. */
export function txHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

function strict<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodecError) throw errTxDecode(`${what}: ${error.message}`);
    throw error;
  }
}

function decodeMessages(router: Router, messages: readonly Any[]): readonly TxMessage[] {
  if (messages.length === 0) throw errInvalidRequest('messages: must contain at least one message');
  if (messages.length > MAX_MESSAGES) throw errInvalidRequest(`messages: ${messages.length} messages; at most ${MAX_MESSAGES} are allowed`);
  return messages.map((any, i) => {
    const handler = router.message(any.typeUrl);
    if (handler === undefined) throw errTxDecode(`messages[${i}]: unable to resolve type URL ${any.typeUrl.slice(0, 200)}`);
    return { any, handler, value: strict(`messages[${i}]`, () => decodeStrict(handler.type, any.value, LIMITS)) };
  });
}

function signersOf(messages: readonly TxMessage[], payer: string): readonly string[] {
  const signers: string[] = [];
  const add = (signer: string): void => {
    if (signers.includes(signer)) return;
    // At once: one message may name a hundred thousand, and looking each up among the others would take minutes.
    if (signers.length === MAX_SIGNERS) throw errInvalidRequest(`messages: more than ${MAX_SIGNERS} signers`);
    signers.push(signer);
  };
  for (const m of messages) for (const s of m.handler.signers(m.value)) add(s);
  if (payer !== '') add(payer);
  if (signers.length === 0) throw errInvalidRequest('messages: no message names a signer');
  return signers;
}

/** Structure of transaction bytes; throws TxError (sdk/2, 18 or 21) naming the part that does not fit. */
export function decodeTx(router: Router, bytes: Uint8Array): DecodedTx {
  if (bytes.length > MAX_TX_BYTES) throw errTxTooLarge(`tx: ${bytes.length} bytes; at most ${MAX_TX_BYTES} are allowed`);
  const raw = strict('tx', () => decodeStrict(TxRaw, bytes, LIMITS));
  const body = strict('body', () => decodeStrict(TxBody, raw.bodyBytes, LIMITS));
  const authInfo = strict('auth_info', () => decodeStrict(AuthInfo, raw.authInfoBytes, LIMITS));
  const messages = decodeMessages(router, body.messages);
  const payer = authInfo.fee?.payer ?? '';
  const signers = signersOf(messages, payer);
  return {
    bytes,
    raw,
    body,
    authInfo,
    messages,
    signers,
    feePayer: payer === '' ? (signers[0] as string) : payer,
    gasLimit: authInfo.fee?.gasLimit ?? 0n,
  };
}
