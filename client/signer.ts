// SPDX-License-Identifier: Apache-2.0
// One secp256k1 key: address, and signatures over SHA-256 with deterministic nonces (RFC 6979) and low s (BIP 62).
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { ripemd160 } from '@noble/hashes/legacy.js';
import { HDKey } from '@scure/bip32';
import { generateMnemonic, mnemonicToSeedSync, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { accountAddress, formatAddress } from '../core/address.ts';
import { sha256 } from '../core/hash.ts';
import { UsageError } from './errors.ts';

export interface Signer {
  /** bech32. */
  readonly address: string;
  /** 33 bytes, compressed. */
  readonly publicKey: Uint8Array;
  /** 64 bytes r||s over SHA-256 of `bytes`; the same bytes always give the same signature. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Cosmos Hub's path (SLIP-44 coin type 118), which wallets use for chains without their own. */
export const DEFAULT_HD_PATH = "m/44'/118'/0'/0/0";

/** Account address (20 bytes) of a compressed public key. */
export function addressOf(publicKey: Uint8Array): Uint8Array {
  return accountAddress(publicKey, ripemd160);
}

/** Signer of a 32-byte private key; throws UsageError when it is no key of the curve. */
export function createSigner(privateKey: Uint8Array, prefix: string): Signer {
  if (!secp256k1.utils.isValidSecretKey(privateKey))
    throw new UsageError('private key: expected 32 bytes, a number from 1 to the order of secp256k1 less 1');
  const publicKey = secp256k1.getPublicKey(privateKey, true);
  return {
    address: formatAddress(addressOf(publicKey), prefix),
    publicKey,
    sign: (bytes) => secp256k1.sign(sha256(bytes), privateKey, { prehash: false, lowS: true }),
  };
}

/** A new mnemonic of 24 English words (BIP 39, 256 bits). */
export function newMnemonic(): string {
  return generateMnemonic(wordlist, 256);
}

/** Private key of a mnemonic at a BIP 32 path; throws UsageError for a bad mnemonic or path. */
export function privateKeyOf(mnemonic: string, path: string = DEFAULT_HD_PATH): Uint8Array {
  const words = mnemonic.trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) throw new UsageError('mnemonic: expected 12 to 24 English words of BIP 39 with a valid checksum');
  if (!/^m(\/\d+'?)+$/.test(path)) throw new UsageError(`hd-path: expected a path like ${DEFAULT_HD_PATH}, got "${path}"`);
  const { privateKey } = HDKey.fromMasterSeed(mnemonicToSeedSync(words)).derive(path);
  if (privateKey === null) throw new UsageError(`hd-path: ${path} has no private key`);
  return privateKey;
}
