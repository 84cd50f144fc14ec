// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import fc from 'fast-check';
import { createCrypto, nativeCrypto, pureCrypto, useNativeSha256 } from '../../../abci/crypto.ts';
import { concatBytes, fromHex, toHex, utf8 } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const be32 = (n: bigint): Uint8Array => fromHex(n.toString(16).padStart(64, '0'));
const implementations = [
  ['pure', pureCrypto],
  ['native or fallback', createCrypto()],
] as const;

const secret = fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721');
const key = secp256k1.getPublicKey(secret, true);
const hash = sha256(utf8('sample'));
const good = secp256k1.sign(hash, secret, { prehash: false, lowS: true });
const r = BigInt(`0x${toHex(good.subarray(0, 32))}`);
const s = BigInt(`0x${toHex(good.subarray(32))}`);
const sig = (a: bigint, b: bigint): Uint8Array => concatBytes(be32(a), be32(b));
const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((b, i) => (i === at ? b ^ 1 : b));
// x = 5 is on no point of y^2 = x^3 + 7; the field prime itself is not a coordinate.
const P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;

/** In the manner of Wycheproof's ecdsa_secp256k1 sets: name, key, hash, signature, verdict. */
const SECP: readonly (readonly [string, Uint8Array, Uint8Array, Uint8Array, boolean])[] = [
  ['a good signature', key, hash, good, true],
  ['the same with the other s (malleated)', key, hash, sig(r, N - s), false],
  ['s at half the order plus one', key, hash, sig(r, (N >> 1n) + 1n), false],
  ['r = 0', key, hash, sig(0n, s), false],
  ['s = 0', key, hash, sig(r, 0n), false],
  ['r = s = 0', key, hash, sig(0n, 0n), false],
  ['r = n', key, hash, sig(N, s), false],
  ['r + n, which is r modulo n but no longer 32 canonical bytes', key, hash, sig((r + N) & ((1n << 256n) - 1n), s), false],
  ['s = n', key, hash, sig(r, N), false],
  ['all ones', key, hash, new Uint8Array(64).fill(255), false],
  ['another hash', key, flipped(hash, 0), good, false],
  ['another key', secp256k1.getPublicKey(be32(7n), true), hash, good, false],
  ['the negated key', flipped(key, 0), hash, good, false],
  ['a flipped bit in r', key, hash, flipped(good, 3), false],
  ['a flipped bit in s', key, hash, flipped(good, 60), false],
  ['an uncompressed key', secp256k1.getPublicKey(secret, false), hash, good, false],
  ['a key prefix of 4', concatBytes(fromHex('04'), key.subarray(1)), hash, good, false],
  ['a key prefix of 0', concatBytes(fromHex('00'), key.subarray(1)), hash, good, false],
  ['a key that is not on the curve', concatBytes(fromHex('02'), be32(5n)), hash, good, false],
  ['a key coordinate equal to the field prime', concatBytes(fromHex('02'), be32(P)), hash, good, false],
  ['a zero key', new Uint8Array(33), hash, good, false],
  ['an empty key', new Uint8Array(0), hash, good, false],
  ['a hash of 31 bytes', key, hash.subarray(1), good, false],
  ['an empty hash', key, new Uint8Array(0), good, false],
  ['a signature of 63 bytes', key, hash, good.subarray(1), false],
  ['a signature of 65 bytes', key, hash, concatBytes(good, fromHex('00')), false],
  ['a DER signature', key, hash, secp256k1.sign(hash, secret, { prehash: false, format: 'der' }), false],
  [
    'a hash of zero with a signature of it',
    key,
    new Uint8Array(32),
    secp256k1.sign(new Uint8Array(32), secret, { prehash: false, lowS: true }),
    true,
  ],
  [
    'a hash above the order',
    key,
    new Uint8Array(32).fill(255),
    secp256k1.sign(new Uint8Array(32).fill(255), secret, { prehash: false, lowS: true }),
    true,
  ],
];

for (const [name, crypto] of implementations) {
  for (const [what, k, h, x, verdict] of SECP) {
    test(`secp256k1 (${name}): ${what} is ${verdict ? 'accepted' : 'refused'}`, () => assert.equal(crypto.verifySecp256k1(k, h, x), verdict));
  }
}

test('native and pure secp256k1 agree on any bytes and on damaged signatures', () => {
  const native = nativeCrypto.verifySecp256k1 ?? pureCrypto.verifySecp256k1;
  const bytes = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });
  fc.assert(
    fc.property(bytes(32), bytes(32), fc.option(fc.nat({ max: 63 })), fc.option(bytes(64)), (seed, message, at, random) => {
      const k = secp256k1.getPublicKey(be32((BigInt(`0x${toHex(seed)}`) % (N - 1n)) + 1n), true);
      const made = secp256k1.sign(message, be32((BigInt(`0x${toHex(seed)}`) % (N - 1n)) + 1n), { prehash: false, lowS: true });
      const x = random ?? (at === null ? made : flipped(made, at));
      const verdict = pureCrypto.verifySecp256k1(k, message, x);
      assert.equal(native(k, message, x), verdict);
      assert.equal(verdict, random === null && at === null);
    }),
    { numRuns: 60 },
  );
});

const { G2, fields, longSignatures } = bls12_381;
const blsSecret = be32(0x1234567890abcdefn);
const blsKey = longSignatures.getPublicKey(blsSecret);
const message = utf8('the round is closed');
const pop = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_';
const signed = (text: Uint8Array, dst = pop): Uint8Array => longSignatures.sign(longSignatures.hash(text, dst), blsSecret).toBytes();

/** Whether `sqrt` finds a root. */
function hasRoot(sqrt: () => unknown): boolean {
  try {
    sqrt();
    return true;
  } catch {
    return false;
  }
}

/**
 * The point of the curve with the smallest x, in compressed form. The cofactors of G1 and G2 are above 2^125, so
 * that it lies in the subgroup of prime order is out of the question.
 */
function outsideSubgroup(length: number, onCurve: (x: bigint) => boolean): Uint8Array {
  let x = 1n;
  while (!onCurve(x)) x++;
  const bytes = fromHex(x.toString(16).padStart(2 * length, '0'));
  bytes[0] = (bytes[0] as number) | 0x80;
  return bytes;
}
const { Fp, Fp2 } = fields;
const outsideG1 = (): Uint8Array => outsideSubgroup(48, (x) => hasRoot(() => Fp.sqrt(Fp.create(x ** 3n + 4n))));
const outsideG2 = (): Uint8Array => outsideSubgroup(96, (x) => hasRoot(() => Fp2.sqrt({ c0: Fp.create(x ** 3n + 4n), c1: 4n })));
const infinity = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i === 0 ? 0xc0 : 0));
const notReduced = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes.set(fromHex(fields.Fp.ORDER.toString(16).padStart(96, '0')));
  bytes[0] = (bytes[0] as number) | 0x80;
  return bytes;
};

const BLS: readonly (readonly [string, Uint8Array, Uint8Array, Uint8Array, boolean])[] = [
  ['a good signature', blsKey.toBytes(), message, signed(message), true],
  ['a good signature of the empty message', blsKey.toBytes(), new Uint8Array(0), signed(new Uint8Array(0)), true],
  ['another message', blsKey.toBytes(), utf8('the round is open'), signed(message), false],
  ['another ciphersuite', blsKey.toBytes(), message, signed(message, 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_'), false],
  ['the negated signature', blsKey.toBytes(), message, G2.Point.fromBytes(signed(message)).negate().toBytes(), false],
  ['the negated key', blsKey.negate().toBytes(), message, signed(message), false],
  ['the point at infinity as key and signature', infinity(48), message, infinity(96), false],
  ['the point at infinity as key', infinity(48), message, signed(message), false],
  ['the point at infinity as signature', blsKey.toBytes(), message, infinity(96), false],
  ['a key outside the subgroup', outsideG1(), message, signed(message), false],
  ['a signature outside the subgroup', blsKey.toBytes(), message, outsideG2(), false],
  ['a key coordinate that is not reduced', notReduced(48), message, signed(message), false],
  ['a signature coordinate that is not reduced', blsKey.toBytes(), message, notReduced(96), false],
  ['a key without the compression bit', flippedTop(blsKey.toBytes(), 0x80), message, signed(message), false],
  ['a key with the infinity bit', flippedTop(blsKey.toBytes(), 0x40), message, signed(message), false],
  ['an uncompressed key', blsKey.toBytes(false), message, signed(message), false],
  ['an uncompressed signature', blsKey.toBytes(), message, G2.Point.fromBytes(signed(message)).toBytes(false), false],
  ['an empty key', new Uint8Array(0), message, signed(message), false],
  ['an empty signature', blsKey.toBytes(), message, new Uint8Array(0), false],
  ['a zero signature', blsKey.toBytes(), message, new Uint8Array(96), false],
];

function flippedTop(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((b, i) => (i === 0 ? b ^ bit : b));
}

for (const [name, crypto] of implementations) {
  for (const [what, k, m, x, verdict] of BLS) {
    test(`BLS (${name}): ${what} is ${verdict ? 'accepted' : 'refused'}`, () => assert.equal(crypto.verifyBls(k, m, x), verdict));
  }
}

test('the native binding of secp256k1 is used wherever the package carries one', () => {
  const supported = ['linux-x64', 'darwin-arm64', 'win32-x64'].includes(`${process.platform}-${process.arch}`);
  assert.equal(nativeCrypto.verifySecp256k1 !== undefined, supported);
});

test('RIPEMD-160 gives the digests of its authors', () => {
  assert.equal(toHex(pureCrypto.ripemd160(utf8(''))), '9c1185a5c5e9fc54612808977ee8f548b2258d31');
  assert.equal(toHex(createCrypto().ripemd160(utf8('message digest'))), '5d0689ef49d2fae572b881b123a85ffa21595f36');
});

test('the native SHA-256 takes the place of the pure one', () => {
  useNativeSha256();
  assert.equal(toHex(sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assert.equal(sha256(utf8('abc')).constructor, Uint8Array);
});
