// SPDX-License-Identifier: Apache-2.0
// Keys of the sub-store `pogo`. Addresses are bytes behind their length, numbers and heights eight bytes big-endian.
// Everything from prefix 40 on is an index that follows from the rest and is not in the genesis.
import { concatBytes } from '../../core/bytes.ts';
import {
  bytesKey,
  type Item,
  item,
  type KeyCodec,
  type KeyMap,
  keyMap,
  messageValue,
  pairKey,
  stringKey,
  tripleKey,
  u64Key,
  u64Value,
  unitValue,
} from '../../core/collections.ts';
import { Attestation, Beacon, Commit, FraudClaim, Job, Miner, Params, Round, Unbonding, Verifier } from '../../proto/gen/pogo.v1.ts';
import type { RoleName } from './types.ts';

export const STORE = 'pogo';

type RoundKey = readonly [job: bigint, round: bigint];
const roundKey: KeyCodec<RoundKey> = pairKey(u64Key, u64Key);

/** An amount as 32 bytes, so that keys sort by it. */
export const amountKey: KeyCodec<bigint> = {
  encode(amount) {
    const out = new Uint8Array(32);
    let rest = amount;
    for (let i = 31; rest > 0n; i--) {
      out[i] = Number(rest & 255n);
      rest >>= 8n;
    }
    return out;
  },
  decode(bytes, at) {
    let amount = 0n;
    for (const b of bytes.subarray(at, at + 32)) amount = (amount << 8n) | BigInt(b);
    return [amount, at + 32];
  },
};

const roleKey = stringKey as KeyCodec<RoleName>;

/** 00 -> Params */
export const params: Item<Params> = item(STORE, 0, messageValue(Params));
/** 01 | job -> Job */
export const jobs: KeyMap<bigint, Job> = keyMap(STORE, 1, u64Key, messageValue(Job));
/** 02 -> id of the next job */
export const nextJobId: Item<bigint> = item(STORE, 2, u64Value);
/** 03 | job | round -> Round */
export const rounds: KeyMap<RoundKey, Round> = keyMap(STORE, 3, roundKey, messageValue(Round));
/** 04 | job | round | miner -> Commit */
export const commits: KeyMap<readonly [RoundKey, Uint8Array], Commit> = keyMap(STORE, 4, pairKey(roundKey, bytesKey), messageValue(Commit));
/** 05 | job | round | miner | verifier -> Attestation */
export const attestations: KeyMap<readonly [RoundKey, Uint8Array, Uint8Array], Attestation> = keyMap(
  STORE,
  5,
  tripleKey(roundKey, bytesKey, bytesKey),
  messageValue(Attestation),
);
/** 06 | address -> Miner */
export const miners: KeyMap<Uint8Array, Miner> = keyMap(STORE, 6, bytesKey, messageValue(Miner));
/** 07 | address -> Verifier */
export const verifiers: KeyMap<Uint8Array, Verifier> = keyMap(STORE, 7, bytesKey, messageValue(Verifier));
/** 08 | address | `miner` or `verifier` | id -> Unbonding */
export const unbondings: KeyMap<readonly [Uint8Array, RoleName, bigint], Unbonding> = keyMap(
  STORE,
  8,
  tripleKey(bytesKey, roleKey, u64Key),
  messageValue(Unbonding),
);
/** 09 -> id of the next unbonding */
export const nextUnbondingId: Item<bigint> = item(STORE, 9, u64Value);
/** 0a -> Beacon of the last block */
export const beacon: Item<Beacon> = item(STORE, 10, messageValue(Beacon));
/** 0b | accuser | hash -> FraudClaim */
export const claims: KeyMap<readonly [Uint8Array, Uint8Array], FraudClaim> = keyMap(STORE, 11, pairKey(bytesKey, bytesKey), messageValue(FraudClaim));

/** 28 | bond (32 bytes) | address -> 01, for positive bonds of miners */
export const minersByBond: KeyMap<readonly [bigint, Uint8Array], true> = keyMap(STORE, 40, pairKey(amountKey, bytesKey), unitValue);
/** 29 | bond (32 bytes) | address -> 01, for positive bonds of verifiers */
export const verifiersByBond: KeyMap<readonly [bigint, Uint8Array], true> = keyMap(STORE, 41, pairKey(amountKey, bytesKey), unitValue);
/** 2a | height | job -> 01: at the end of which block the chain looks at a job */
export const wakes: KeyMap<readonly [bigint, bigint], true> = keyMap(STORE, 42, pairKey(u64Key, u64Key), unitValue);
/** 2b | job -> 01: the job's round awaits a beacon */
export const awaiting: KeyMap<bigint, true> = keyMap(STORE, 43, u64Key, unitValue);
/** 2c | role | address | job -> 01: the address has work in the job's open round, so its bond stays */
export const engaged: KeyMap<readonly [RoleName, Uint8Array, bigint], true> = keyMap(STORE, 44, tripleKey(roleKey, bytesKey, u64Key), unitValue);
/** 2d | release height | address | role | id -> 01 */
export const releases: KeyMap<readonly [bigint, readonly [Uint8Array, RoleName, bigint]], true> = keyMap(
  STORE,
  45,
  pairKey(u64Key, tripleKey(bytesKey, roleKey, u64Key)),
  unitValue,
);
/** 2e | height | accuser | hash -> 01 */
export const claimsByHeight: KeyMap<readonly [bigint, Uint8Array, Uint8Array], true> = keyMap(
  STORE,
  46,
  tripleKey(u64Key, bytesKey, bytesKey),
  unitValue,
);
/** 2f -> open rounds that hold a commit, over all jobs */
export const openRounds: Item<bigint> = item(STORE, 47, u64Value);
/** 30 | owner | job -> 01 */
export const jobsByOwner: KeyMap<readonly [Uint8Array, bigint], true> = keyMap(STORE, 48, pairKey(bytesKey, u64Key), unitValue);
/** 31 | BLS key -> 01: each key serves one verifier */
export const blsKeys: KeyMap<Uint8Array, true> = keyMap(STORE, 49, bytesKey, unitValue);

/** Leading key parts that all entries of a round share. */
export function roundPrefix(job: bigint, round: bigint): Uint8Array {
  return roundKey.encode([job, round]);
}

/** Leading key parts of the attestations of one commit. */
export function commitPrefix(job: bigint, round: bigint, miner: Uint8Array): Uint8Array {
  return concatBytes(roundKey.encode([job, round]), bytesKey.encode(miner));
}

/** Leading key parts of an address's unbondings in one role. */
export function unbondingPrefix(address: Uint8Array, role: RoleName): Uint8Array {
  return concatBytes(bytesKey.encode(address), roleKey.encode(role));
}

/** Leading key parts of an address's engagements in one role. */
export function engagedPrefix(role: RoleName, address: Uint8Array): Uint8Array {
  return concatBytes(roleKey.encode(role), bytesKey.encode(address));
}

/** Leading key part of one address. */
export function addressPrefix(address: Uint8Array): Uint8Array {
  return bytesKey.encode(address);
}
