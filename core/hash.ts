// SPDX-License-Identifier: Apache-2.0
// The one place where the state machine names its hash function, so that a host may inject a faster
// implementation of the same function. The default is the audited pure-JavaScript one.
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

export type Sha256 = (data: Uint8Array) => Uint8Array;

let implementation: Sha256 = (data) => nobleSha256(data);

/** SHA-256 (FIPS 180-4) of `data`: 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  return implementation(data);
}

/**
 * Replaces the implementation, at process start only, by a native one. It must agree with the default on a
 * probe of several block boundaries; otherwise nothing changes and an error is thrown.
 */
export function useSha256(candidate: Sha256): void {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000, 8193]) {
    const probe = new Uint8Array(length).fill(length & 255);
    const a = candidate(probe);
    const b = nobleSha256(probe);
    if (a.length !== 32 || a.some((x, i) => x !== b[i])) throw new Error(`sha256: the candidate differs at ${length} bytes`);
  }
  implementation = candidate;
}
