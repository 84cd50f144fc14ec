// SPDX-License-Identifier: Apache-2.0
// What verifiers sign and commit to. A report is hashed as its canonical protobuf bytes.
import { concatBytes, u64be, utf8 } from '../../core/bytes.ts';
import { encode } from '../../core/codec.ts';
import { LeafOpening, Report } from '../../proto/gen/pogo.v1.ts';
import { activationsDigest } from '../../train/samples.ts';
import { DOMAIN, domainBytes, domainHash, prefixed } from './domains.ts';

/** Which commit is spoken of; `miner` as address bytes. */
export interface CommitId {
  readonly chainId: string;
  readonly job: bigint;
  readonly round: bigint;
  readonly miner: Uint8Array;
}

function commitBytes(id: CommitId): Uint8Array {
  return concatBytes(prefixed(utf8(id.chainId)), u64be(id.job), u64be(id.round), prefixed(id.miner));
}

/** 32 bytes: H(domain, chain, job, round, miner, verifier, salt, report); the salt has 32 bytes. */
export function attestationHash(id: CommitId, verifier: Uint8Array, salt: Uint8Array, report: Report): Uint8Array {
  return domainHash(DOMAIN.attestation, commitBytes(id), prefixed(verifier), prefixed(salt), encode(Report, report));
}

/**
 * 32 bytes: H(domain, chain, job, round, miner, accuser, salt, opening). The opening is part of it: whoever claimed
 * beforehand that every commit is false could otherwise take the first proof that it sees in the mempool for its own.
 */
export function fraudClaimHash(id: CommitId, accuser: Uint8Array, salt: Uint8Array, opening: LeafOpening): Uint8Array {
  return domainHash(DOMAIN.fraudClaim, commitBytes(id), prefixed(accuser), prefixed(salt), encode(LeafOpening, opening));
}

/** 32 bytes that show that a verifier ran a step: H(domain, verifier, activations). */
export function stepDigest(verifier: Uint8Array, activations: Uint8Array): Uint8Array {
  return activationsDigest(verifier, activations);
}

/** What a BLS key signs to prove its possession: the key and the address that it will serve. */
export function possessionMessage(blsKey: Uint8Array, verifier: Uint8Array): Uint8Array {
  return domainBytes(DOMAIN.possession, prefixed(blsKey), prefixed(verifier));
}
