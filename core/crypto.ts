// SPDX-License-Identifier: Apache-2.0

/** Signature checks that the host supplies (native or pure), all total: malformed input is false, never an exception. */
export interface Crypto {
  /** ECDSA over secp256k1: 33-byte compressed key, 32-byte message hash, 64-byte r||s with low s (SEC 1, BIP 62). */
  verifySecp256k1(publicKey: Uint8Array, messageHash: Uint8Array, signature: Uint8Array): boolean;
  /**
   * BLS12-381 signature with 48-byte public keys and 96-byte signatures, ciphersuite
   * BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_ (draft-irtf-cfrg-bls-signature-05); keys and points outside the subgroup are refused.
   */
  verifyBls(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** RIPEMD-160(data), 20 bytes. */
  ripemd160(data: Uint8Array): Uint8Array;
}
