// SPDX-License-Identifier: Apache-2.0
// A verifier's BLS12-381 key (ciphersuite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_). It is derived from the account's
// private key, so whoever can recover the account has it too, and there is no second secret to lose.
import { SecretKey } from '@chainsafe/blst';
import { concatBytes, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';
import { possessionMessage } from '../modules/pogo/attestation.ts';

const DOMAIN = utf8('pogo/miner/bls-key/1\n');

export interface BlsKey {
  /** 48 bytes. */
  readonly publicKey: Uint8Array;
  /** 96 bytes; the same message always has the same signature. */
  sign(message: Uint8Array): Uint8Array;
}

/** The BLS key that belongs to an account's private key (KeyGen of draft-irtf-cfrg-bls-signature-05 over a hash of it). */
export function deriveBlsKey(privateKey: Uint8Array): BlsKey {
  const secret = SecretKey.fromKeygen(sha256(concatBytes(DOMAIN, privateKey)));
  return { publicKey: plain(secret.toPublicKey().toBytes()), sign: (message) => plain(secret.sign(message).toBytes()) };
}

/** Proof of possession for the verifier of that address (bytes). */
export function possessionProof(key: BlsKey, verifier: Uint8Array): Uint8Array {
  return key.sign(possessionMessage(key.publicKey, verifier));
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
