// SPDX-License-Identifier: Apache-2.0
// Every hash domain of training in one file. A domain is a text that ends in a newline, hashed before the
// content, so that no content of one kind is ever the preimage of another.
import { concatBytes, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';

export const DOMAIN = {
  kernel: 'pogo/train/kernel/1\n',
  tables: 'pogo/train/tables/1\n',
  initialSeed: 'pogo/train/initial-seed/1\n',
  minerSeed: 'pogo/train/miner-seed/1\n',
  sampleKey: 'pogo/train/sample-key/1\n',
  batch: 'pogo/train/batch/1\n',
  activations: 'pogo/train/activations/1\n',
  sampling: 'pogo/train/sampling/1\n',
} as const;

export type Domain = (typeof DOMAIN)[keyof typeof DOMAIN];

/** SHA-256 of the domain followed by the parts. The parts' lengths must be fixed by the domain or written inside. */
export function domainHash(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(concatBytes(utf8(domain), ...parts));
}
