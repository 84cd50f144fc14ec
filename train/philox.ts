// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter of
// four words and a key of two give four random words, independent of any order of calls.

/** High 32 bits of a 32 x 32 bit product, unsigned. */
export function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = al * bl;
  const mid1 = ah * bl + (low >>> 16);
  const mid2 = al * bh + (mid1 & 0xffff);
  // Both middle sums are below 2^32: 65,535^2 + 65,535 is 65,535 * 65,536.
  return (ah * bh + (mid1 >>> 16) + (mid2 >>> 16)) >>> 0;
}

export type PhiloxKey = readonly [number, number];

/** Fills `out` (four words) with the block of `counter` (four words) under `key`. */
export function philox(key: PhiloxKey, counter: Uint32Array, out: Uint32Array): void {
  let a = counter[0] as number;
  let b = counter[1] as number;
  let c = counter[2] as number;
  let d = counter[3] as number;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(0xd2511f53, a);
    const low0 = Math.imul(0xd2511f53, a) >>> 0;
    const high1 = mulHigh(0xcd9e8d57, c);
    const low1 = Math.imul(0xcd9e8d57, c) >>> 0;
    a = (high1 ^ b ^ k0) >>> 0;
    b = low1;
    c = (high0 ^ d ^ k1) >>> 0;
    d = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

/** Key from the first eight bytes of a hash, two big-endian words. */
export function keyOf(hash: Uint8Array): PhiloxKey {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  return [view.getUint32(0), view.getUint32(4)];
}
