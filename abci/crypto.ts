// SPDX-License-Identifier: Apache-2.0
// Signature checks for the state machine: native code where it exists, and a pure twin that tests hold against it.
// Both must give the same answer for every input, since validators on different platforms use different ones.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { ripemd160 } from '@noble/hashes/legacy.js';
import type { Crypto } from '../core/crypto.ts';
import { useSha256 } from '../core/hash.ts';

type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** draft-irtf-cfrg-bls-signature-05, 4.2.3: public keys in G1, signatures in G2, proof of possession. */
const BLS_DST = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_';
/** Half the group order (SEC 2, 2.4.1), big-endian: BIP 62 allows s up to and including it. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** False instead of an exception: malformed input is a signature that does not verify. */
function total(verify: Verify): Verify {
  return (publicKey, message, signature) => {
    try {
      return verify(publicKey, message, signature);
    } catch {
      return false;
    }
  };
}

function hasLowS(signature: Uint8Array): boolean {
  return BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`) <= HALF_ORDER;
}

function secpShape(verify: Verify): Verify {
  const safe = total(verify);
  return (key, hash, signature) =>
    key.length === 33 && hash.length === 32 && signature.length === 64 && hasLowS(signature) && safe(key, hash, signature);
}

function blsShape(verify: Verify): Verify {
  const safe = total(verify);
  return (key, message, signature) => key.length === 48 && signature.length === 96 && safe(key, message, signature);
}

interface Secp256k1Binding {
  ecdsaVerify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

const requireHere = createRequire(import.meta.url);

function nativeSecp(): Verify | undefined {
  try {
    // The package's main file falls back to `elliptic` without a word; its binding alone fails where there is none.
    const binding = requireHere('secp256k1/bindings.js') as Secp256k1Binding;
    return secpShape((key, hash, signature) => binding.ecdsaVerify(signature, hash, key));
  } catch {
    return undefined;
  }
}

type Blst = typeof import('@chainsafe/blst');

function nativeBls(): Verify | undefined {
  try {
    const blst = requireHere('@chainsafe/blst') as Blst;
    return blsShape((key, message, signature) => {
      const point = blst.Signature.fromBytes(signature, true, true);
      return blst.verify(message, blst.PublicKey.fromBytes(key, true), point, false, false);
    });
  } catch {
    return undefined;
  }
}

const pureSecp: Verify = secpShape((key, hash, signature) =>
  secp256k1.verify(signature, hash, key, { prehash: false, lowS: true, format: 'compact' }),
);

const pureBls: Verify = blsShape((key, message, signature) => {
  const { G1, G2, longSignatures } = bls12_381;
  const publicKey = G1.Point.fromBytes(key);
  const point = G2.Point.fromBytes(signature);
  publicKey.assertValidity();
  point.assertValidity();
  if (publicKey.is0() || point.is0() || !publicKey.isTorsionFree() || !point.isTorsionFree()) return false;
  return longSignatures.verify(point, longSignatures.hash(message, BLS_DST), publicKey);
});

/** Checks in pure JavaScript: the definition, and what a platform without native code runs. */
export const pureCrypto: Crypto = { verifySecp256k1: pureSecp, verifyBls: pureBls, ripemd160 };

/** Native checks, each undefined where this platform has none. */
export const nativeCrypto: { readonly verifySecp256k1: Verify | undefined; readonly verifyBls: Verify | undefined } = {
  verifySecp256k1: nativeSecp(),
  verifyBls: nativeBls(),
};

/** The fastest checks of this platform. */
export function createCrypto(): Crypto {
  return {
    verifySecp256k1: nativeCrypto.verifySecp256k1 ?? pureSecp,
    verifyBls: nativeCrypto.verifyBls ?? pureBls,
    ripemd160,
  };
}

/** Names of the checks that `createCrypto` picks, for the log. */
export function cryptoNames(): { readonly secp256k1: string; readonly bls: string } {
  return {
    secp256k1: nativeCrypto.verifySecp256k1 === undefined ? 'noble' : 'libsecp256k1',
    bls: nativeCrypto.verifyBls === undefined ? 'noble' : 'blst',
  };
}

/** SHA-256 of the host's OpenSSL for the state machine; at process start. */
export function useNativeSha256(): void {
  useSha256((data) => {
    const digest = createHash('sha256').update(data).digest();
    return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
  });
}
