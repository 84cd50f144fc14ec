// SPDX-License-Identifier: Apache-2.0
// Accounts with keys, a genesis that funds them, and signed transactions; all from fixed seeds.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { accountAddress, consensusAddress, formatAddress } from '../../core/address.ts';
import { toHex } from '../../core/bytes.ts';
import { decode, encode } from '../../core/codec.ts';
import type { ChainConfig } from '../../core/context.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { publicKeyAny } from '../../modules/auth/index.ts';
import { defaultGenesis } from '../../modules/index.ts';
import { MsgSend, QueryBalanceRequest, QueryBalanceResponse } from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { AuthInfo, type Fee, SignDoc, TxBody, TxRaw } from '../../proto/gen/cosmos.tx.v1beta1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import type { Input, MessageType } from '../../proto/message.ts';
import { testCrypto } from './crypto.ts';
import { MockComet, type MockOptions } from './mockcomet.ts';

export const CHAIN: ChainConfig = { chainId: 'pogo-test-1', addressPrefix: 'pogo', bondDenom: 'upogo' };

const seed = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());

export interface Signer {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly operator: string;
  number: bigint;
  sequence: bigint;
}

/** The key of that name, always the same. */
export function signer(name: string, number = 0n): Signer {
  const privateKey = seed(`account ${name}`);
  const publicKey = secp256k1.getPublicKey(privateKey, true);
  const bytes = accountAddress(publicKey, testCrypto.ripemd160);
  const { addressPrefix } = CHAIN;
  return {
    privateKey,
    publicKey,
    bytes,
    address: formatAddress(bytes, addressPrefix),
    operator: formatAddress(bytes, addressPrefix, 'valoper'),
    number,
    sequence: 0n,
  };
}

export interface ConsensusKey {
  readonly publicKey: Uint8Array;
  /** Hex, as in MockComet. */
  readonly address: string;
  readonly bech32: string;
  readonly any: Any;
}

/** A validator's consensus key of that name. */
export function consensusKey(name: string): ConsensusKey {
  const publicKey = ed25519.getPublicKey(seed(`consensus ${name}`));
  const address = consensusAddress(publicKey);
  return {
    publicKey,
    address: toHex(address),
    bech32: formatAddress(address, CHAIN.addressPrefix, 'valcons'),
    any: { typeUrl: '/cosmos.crypto.ed25519.PubKey', value: encode({ typeName: 'cosmos.crypto.ed25519.PubKey' }, { key: publicKey } as never) },
  };
}

/** A message as `Any`. */
export function message<T>(type: MessageType<T>, value: Input<T>): Any {
  return { typeUrl: `/${type.typeName}`, value: encode(type, value) };
}

export interface SignOptions {
  readonly fee?: bigint;
  readonly feeDenom?: string;
  readonly gas?: bigint;
  readonly memo?: string;
  readonly timeoutHeight?: bigint;
  readonly chainId?: string;
  readonly mode?: number;
  /** Further fields of the parts. */
  readonly body?: Partial<TxBody>;
  readonly feeFields?: Partial<Fee>;
  /** Leaves the sequences of the signers alone. */
  readonly keepSequence?: boolean;
  readonly omitKey?: boolean;
}

/** The transaction, signed by all signers in order. Their sequences rise. */
export function sign(signers: Signer | readonly Signer[], messages: readonly Any[], options: SignOptions = {}): Uint8Array {
  const all: readonly Signer[] = Array.isArray(signers) ? (signers as readonly Signer[]) : [signers as Signer];
  const bodyBytes = encode(TxBody, { messages, memo: options.memo ?? '', timeoutHeight: options.timeoutHeight ?? 0n, ...options.body });
  const fee = options.fee ?? 1000n;
  const denom = options.feeDenom ?? CHAIN.bondDenom;
  const authInfoBytes = encode(AuthInfo, {
    signerInfos: all.map((s) => ({
      ...(options.omitKey === true ? {} : { publicKey: publicKeyAny(s.publicKey) }),
      modeInfo: { single: { mode: options.mode ?? 1 } },
      sequence: s.sequence,
    })),
    fee: { amount: fee === 0n ? [] : [{ denom, amount: fee.toString() }], gasLimit: options.gas ?? 300_000n, ...options.feeFields },
  });
  const signatures = all.map((s) => {
    const doc = encode(SignDoc, { bodyBytes, authInfoBytes, chainId: options.chainId ?? CHAIN.chainId, accountNumber: s.number });
    return secp256k1.sign(createHash('sha256').update(doc).digest(), s.privateKey, { prehash: false });
  });
  if (options.keepSequence !== true) for (const s of all) s.sequence++;
  return encode(TxRaw, { bodyBytes, authInfoBytes, signatures });
}

export interface Fixture {
  readonly comet: MockComet;
  readonly accounts: readonly Signer[];
}

/** Genesis with these accounts, each owning `amount` of the bond denomination. */
export function genesisOf(accounts: readonly Signer[], amount: bigint, config: ChainConfig = CHAIN): JsonObject {
  const state = defaultGenesis(config) as Record<string, Json>;
  const coins = [{ denom: config.bondDenom, amount: amount.toString() }];
  return {
    ...state,
    auth: {
      ...(state['auth'] as JsonObject),
      accounts: accounts.map((a) => ({
        '@type': '/cosmos.auth.v1beta1.BaseAccount',
        address: a.address,
        pub_key: null,
        account_number: a.number.toString(),
        sequence: '0',
      })),
    },
    bank: { ...(state['bank'] as JsonObject), balances: accounts.map((a) => ({ address: a.address, coins })) },
  };
}

/** A chain with `count` accounts of 10^12 each. */
export function fixture(count = 3, options: Partial<MockOptions> = {}): Fixture {
  const accounts = Array.from({ length: count }, (_, i) => signer(`${i}`, BigInt(i)));
  return { comet: new MockComet({ chainId: CHAIN.chainId, appState: genesisOf(accounts, 1_000_000_000_000n), ...options }), accounts };
}

/** Answer of a query; asserts that there is one. */
export function query<Q, R>(comet: MockComet, path: string, request: MessageType<Q>, response: MessageType<R>, input: Input<Q>): R {
  const answer = comet.app.query({ path, data: encode(request, input), height: 0n, prove: false });
  assert.equal(answer.code, 0, answer.log);
  return decode(response, answer.value);
}

/** A signed payment in the bond denomination. */
export function coinsSend(from: Signer, to: { readonly address: string }, amount: bigint, options: SignOptions = {}): Uint8Array {
  return sign(
    from,
    [message(MsgSend, { fromAddress: from.address, toAddress: to.address, amount: [{ denom: CHAIN.bondDenom, amount: amount.toString() }] })],
    options,
  );
}

/** What an address owns of the bond denomination. */
export function balance(comet: MockComet, address: string): bigint {
  const answer = query(comet, '/cosmos.bank.v1beta1.Query/Balance', QueryBalanceRequest, QueryBalanceResponse, { address, denom: CHAIN.bondDenom });
  return BigInt(answer.balance?.amount ?? '0');
}

/** Everything that accounts and balances keep: other modules write in every block. */
export function moneyOf(comet: MockComet): readonly string[] {
  const latest = comet.store.latest();
  return ['acc', 'bank'].flatMap((name) => [...latest.store(name).iterate()].map(([key, value]) => `${name} ${toHex(key)} ${toHex(value)}`));
}
