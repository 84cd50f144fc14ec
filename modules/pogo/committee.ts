// SPDX-License-Identifier: Apache-2.0
// The draw of a round's verifiers: weighted by bond, without replacement.
import { concatBytes, u32be, u64be } from '../../core/bytes.ts';
import { DOMAIN, domainHash } from './domains.ts';
import type { RoundId } from './seeds.ts';

export interface Candidate {
  readonly weight: bigint;
}

/**
 * At most `size` of the candidates, in the order of their draw. Draw i takes the candidate whose share of the remaining
 * weight holds H(domain, beacon, job, round, i) modulo that weight, shares in the order of `candidates`, which must be
 * a canonical one. The modulo's bias is below weight / 2^256. Candidates without weight are never drawn.
 */
export function drawCommittee<T extends Candidate>(beacon: Uint8Array, id: RoundId, candidates: readonly T[], size: number): readonly T[] {
  const pool = candidates.filter((c) => c.weight > 0n);
  let total = pool.reduce((sum, c) => sum + c.weight, 0n);
  const drawn: T[] = [];
  while (drawn.length < size && pool.length > 0) {
    const hash = domainHash(DOMAIN.committee, concatBytes(beacon, u64be(id.job), u64be(id.round), u32be(drawn.length)));
    let point = integerOf(hash) % total;
    let at = 0;
    for (; point >= (pool[at] as T).weight; at++) point -= (pool[at] as T).weight;
    const [chosen] = pool.splice(at, 1) as [T];
    total -= chosen.weight;
    drawn.push(chosen);
  }
  return drawn;
}

/** Big-endian unsigned integer of a hash. */
export function integerOf(hash: Uint8Array): bigint {
  let value = 0n;
  for (const byte of hash) value = (value << 8n) | BigInt(byte);
  return value;
}
