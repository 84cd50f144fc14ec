// SPDX-License-Identifier: Apache-2.0
// Account, operator and consensus addresses: bech32 (BIP 173) of 20 or 32 bytes with the chain's prefix.
import { bech32 } from '@scure/base';
import { errInvalidAddress } from './errors.ts';
import { sha256 } from './hash.ts';

export type AddressKind = 'acc' | 'valoper' | 'valcons';

const SUFFIX: Readonly<Record<AddressKind, string>> = { acc: '', valoper: 'valoper', valcons: 'valcons' };

/** Text form of an address. */
export function formatAddress(bytes: Uint8Array, prefix: string, kind: AddressKind = 'acc'): string {
  return bech32.encode(prefix + SUFFIX[kind], bech32.toWords(bytes));
}

/** Bytes of an address of that kind and prefix; throws TxError sdk/7 that names `field`. */
export function parseAddress(text: string, prefix: string, field = 'address', kind: AddressKind = 'acc'): Uint8Array {
  if (text === '') throw errInvalidAddress(`${field}: empty address string is not allowed`);
  const expected = prefix + SUFFIX[kind];
  let decoded: { prefix: string; bytes: Uint8Array };
  try {
    decoded = bech32.decodeToBytes(text);
  } catch (error) {
    throw errInvalidAddress(`${field}: decoding bech32 failed: ${error instanceof Error ? error.message : 'not bech32'}`);
  }
  if (decoded.prefix !== expected) throw errInvalidAddress(`${field}: invalid Bech32 prefix; expected ${expected}, got ${decoded.prefix}`);
  if (text !== text.toLowerCase()) throw errInvalidAddress(`${field}: upper-case bech32 is not accepted`);
  if (decoded.bytes.length !== 20 && decoded.bytes.length !== 32)
    throw errInvalidAddress(`${field}: address has ${decoded.bytes.length} bytes, expected 20 or 32`);
  return decoded.bytes;
}

/** Address of a module account: first 20 bytes of SHA-256(name), as cosmos-sdk's address.Module of one part. */
export function moduleAddress(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name)).slice(0, 20);
}

/** Consensus address of an ed25519 key: first 20 bytes of its SHA-256. */
export function consensusAddress(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey).slice(0, 20);
}

/** Account address of a compressed secp256k1 key: RIPEMD-160(SHA-256(key)). */
export function accountAddress(publicKey: Uint8Array, ripemd160: (data: Uint8Array) => Uint8Array): Uint8Array {
  return ripemd160(sha256(publicKey));
}
