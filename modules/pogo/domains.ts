// SPDX-License-Identifier: Apache-2.0
// Every hash domain of the protocol in one file (those of training itself are in train/domains.ts). A domain is a
// text that ends in a newline, hashed before the content, so that no content of one kind is the preimage of another.
import { concatBytes, utf8 } from '../../core/bytes.ts';
import { sha256 } from '../../core/hash.ts';

export const DOMAIN = {
  beacon: 'pogo/beacon/1\n',
  roundSeed: 'pogo/round-seed/1\n',
  challenges: 'pogo/challenges/1\n',
  committee: 'pogo/committee/1\n',
  draw: 'pogo/draw/1\n',
  assignedSteps: 'pogo/assigned-steps/1\n',
  evalSamples: 'pogo/eval-samples/1\n',
  claimSamples: 'pogo/claim-samples/1\n',
  attestation: 'pogo/attestation/1\n',
  fraudClaim: 'pogo/fraud-claim/1\n',
  possession: 'pogo/bls-possession/1\n',
} as const;

export type Domain = (typeof DOMAIN)[keyof typeof DOMAIN];

/** SHA-256 of the domain followed by the parts. The parts' lengths must be fixed by the domain or written inside. */
export function domainHash(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(domainBytes(domain, ...parts));
}

/** The domain followed by the parts: what a signature covers. */
export function domainBytes(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(utf8(domain), ...parts);
}

/** Bytes behind their length in one byte; throws above 255. */
export function prefixed(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 255) throw new RangeError(`hash part: ${bytes.length} bytes; at most 255 are allowed`);
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}
