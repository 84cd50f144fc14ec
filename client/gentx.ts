// SPDX-License-Identifier: Apache-2.0
// Genesis transactions: a validator of the first block is a MsgCreateValidator signed before the chain exists, with
// account number and sequence 0. The files have the form of cosmos-sdk (x/genutil), the memo says where the node is.
import { join } from 'node:path';
import { decode, decodeStrict, encode } from '../core/codec.ts';
import { parseAmount } from '../core/coin.ts';
import { parseDec } from '../core/dec.ts';
import type { Json } from '../core/json.ts';
import { canonicalJson } from '../core/json.ts';
import { fromProtoJson, toProtoJson } from '../core/protojson.ts';
import type { Coin } from '../proto/gen/cosmos.base.v1beta1.ts';
import { PubKey as Ed25519PubKey } from '../proto/gen/cosmos.crypto.ed25519.ts';
import { PubKey as Secp256k1PubKey } from '../proto/gen/cosmos.crypto.secp256k1.ts';
import { MsgCreateValidator } from '../proto/gen/cosmos.staking.v1beta1.ts';
import { AuthInfo, SignDoc, Tx, TxBody, TxRaw } from '../proto/gen/cosmos.tx.v1beta1.ts';
import type { Any } from '../proto/gen/google.protobuf.ts';
import { UsageError } from './errors.ts';
import { readJson, writeFile } from './files.ts';
import type { Signer } from './signer.ts';
import { signTx, toAny } from './signing.ts';

export interface ValidatorTerms {
  readonly moniker: string;
  readonly identity: string;
  readonly website: string;
  readonly securityContact: string;
  readonly details: string;
  /** Decimal text, e.g. "0.1". */
  readonly commissionRate: string;
  readonly commissionMaxRate: string;
  readonly commissionMaxChangeRate: string;
  readonly minSelfDelegation: string;
}

function rate(text: string, flag: string): string {
  let dec: bigint;
  try {
    dec = parseDec(text, flag);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  if (dec < 0n || dec > 10n ** 18n) throw new UsageError(`${flag}: expected a decimal from 0 to 1, got "${text}"`);
  return dec.toString();
}

function selfDelegation(text: string): string {
  try {
    if (parseAmount(text, 'min-self-delegation') > 0n) return text;
  } catch {
    // The one message below says what is wanted.
  }
  throw new UsageError(`min-self-delegation: expected a positive integer, got "${text}"`);
}

/** The message that makes the owner of `consensusKey` (ed25519, 32 bytes) a validator. Throws UsageError naming the flag. */
export function createValidatorMessage(operator: string, consensusKey: Uint8Array, value: Coin, terms: ValidatorTerms): Any {
  const { moniker, identity, website, securityContact, details } = terms;
  if (moniker.trim() === '') throw new UsageError('moniker: must not be empty');
  return toAny(MsgCreateValidator, {
    description: { moniker, identity, website, securityContact, details },
    commission: {
      rate: rate(terms.commissionRate, 'commission-rate'),
      maxRate: rate(terms.commissionMaxRate, 'commission-max-rate'),
      maxChangeRate: rate(terms.commissionMaxChangeRate, 'commission-max-change-rate'),
    },
    minSelfDelegation: selfDelegation(terms.minSelfDelegation),
    validatorAddress: operator,
    pubkey: toAny(Ed25519PubKey, { key: consensusKey }),
    value,
  });
}

/** JSON of transaction bytes, in cosmos-sdk's form. */
export function txToJson(bytes: Uint8Array): Json {
  const raw = decode(TxRaw, bytes);
  const tx = { body: decode(TxBody, raw.bodyBytes), authInfo: decode(AuthInfo, raw.authInfoBytes), signatures: raw.signatures };
  return toProtoJson(Tx, tx);
}

/** A signed genesis transaction as JSON. `memo` is NODE_ID@HOST:PORT. */
export function signGentx(signer: Signer, message: Any, options: { readonly chainId: string; readonly memo: string }): Json {
  const fee = { amount: [], gas: 200_000n };
  const { chainId, memo } = options;
  return txToJson(signTx(signer, { messages: [message], fee, memo, chainId, accountNumber: 0n, sequence: 0n }).bytes);
}

export interface Gentx {
  readonly json: Json;
  readonly memo: string;
  readonly message: MsgCreateValidator;
  /** The same, as the transaction carries it. */
  readonly any: Any;
  /** Compressed secp256k1 key of the signer. */
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  /** What the signature is over, for a chain id. */
  signDoc(chainId: string): Uint8Array;
}

/** Reads a genesis transaction; throws UsageError naming file and field. */
export function readGentx(path: string): Gentx {
  const json = readJson(path, 'gentx') as Json;
  try {
    const tx = fromProtoJson(Tx, json, 'gentx');
    const [any, ...more] = tx.body?.messages ?? [];
    if (any === undefined || more.length > 0 || any.typeUrl !== `/${MsgCreateValidator.typeName}`)
      throw new Error('gentx.body.messages: expected exactly one MsgCreateValidator');
    const [info, ...others] = tx.authInfo?.signerInfos ?? [];
    if (info?.publicKey === undefined || others.length > 0 || tx.signatures.length !== 1)
      throw new Error('gentx.signatures: expected one signature and its key');
    const bodyBytes = encode(TxBody, tx.body ?? {});
    const authInfoBytes = encode(AuthInfo, tx.authInfo ?? {});
    return {
      json,
      memo: tx.body?.memo ?? '',
      message: decodeStrict(MsgCreateValidator, any.value),
      any,
      publicKey: decodeStrict(Secp256k1PubKey, info.publicKey.value).key,
      signature: tx.signatures[0] as Uint8Array,
      signDoc: (chainId) => encode(SignDoc, { bodyBytes, authInfoBytes, chainId, accountNumber: 0n }),
    };
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
}

/** Writes a genesis transaction to `path`, or to its place among the home's files. Returns the path. */
export function writeGentx(json: Json, home: string, nodeId: string, path: string = join(home, 'config', 'gentx', `gentx-${nodeId}.json`)): string {
  writeFile(path, `${canonicalJson(json)}\n`);
  return path;
}
