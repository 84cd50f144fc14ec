// SPDX-License-Identifier: Apache-2.0
// Keys of the sub-store `staking`: prefixes and layouts of validators, delegations and their indexes are those of
// cosmos-sdk x/staking/types/keys.go. Its 38 and 39 (holds on unbonding by other chains) and 61 (updates of the last
// block) are not used; the queues keep one entry a key where it keeps lists, so that a long queue costs its own length only.
import { concatBytes, fromUtf8, readU64be, u64be, utf8 } from '../../core/bytes.ts';
import {
  bytesKey,
  bytesValue,
  type Item,
  intValue,
  item,
  type KeyCodec,
  type KeyMap,
  keyMap,
  messageValue,
  pairKey,
  tripleKey,
  u64Key,
  u64Value,
  unitValue,
  type ValueCodec,
} from '../../core/collections.ts';
import { formatTime, parseTime } from '../../core/time.ts';
import {
  Delegation,
  HistoricalInfo,
  Params,
  Validator as ProtoValidator,
  Redelegation,
  UnbondingDelegation,
} from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { fromProto, toProto, type Validator } from './types.ts';

export const STORE = 'staking';

type Pair = readonly [Uint8Array, Uint8Array];
type Triple = readonly [Uint8Array, Uint8Array, Uint8Array];

const proto = messageValue(ProtoValidator);
const validatorValue: ValueCodec<Validator> = { encode: (v) => proto.encode(toProto(v)), decode: (b) => fromProto(proto.decode(b)) };

/** Nanoseconds as text that sorts by time: `2026-01-01T00:00:00.000000000` (sdk.FormatTimeBytes). */
const timeKey: KeyCodec<bigint> = {
  encode(ns) {
    const [day = '', fraction = ''] = formatTime(ns).slice(0, -1).split('.');
    return utf8(`${day}.${fraction.padEnd(9, '0')}`);
  },
  decode: (bytes, at) => [parseTime(`${fromUtf8(bytes.slice(at, at + 29))}Z`), at + 29],
};

/** Power, then the operator with every bit turned over: read backwards, the strongest first and of equals the lowest operator. */
const rankKey: KeyCodec<readonly [power: bigint, operator: Uint8Array]> = {
  encode: ([power, operator]) =>
    concatBytes(
      u64be(power),
      Uint8Array.of(operator.length),
      operator.map((b) => b ^ 255),
    ),
  decode: (bytes, at) => [[readU64be(bytes, at), bytes.slice(at + 9).map((b) => b ^ 255)], bytes.length],
};

/** 11 | length | operator -> power that CometBFT was last told, as decimal text */
export const lastPowers: KeyMap<Uint8Array, bigint> = keyMap(STORE, 0x11, bytesKey, intValue);
/** 12 -> sum of the last powers, as decimal text */
export const lastTotalPower: Item<bigint> = item(STORE, 0x12, intValue);
/** 21 | length | operator -> Validator */
export const validators: KeyMap<Uint8Array, Validator> = keyMap(STORE, 0x21, bytesKey, validatorValue);
/** 22 | length | consensus address -> operator; never deleted, because evidence may name a validator that is gone */
export const operators: KeyMap<Uint8Array, Uint8Array> = keyMap(STORE, 0x22, bytesKey, bytesValue);
/** 23 | power, 8 bytes | length | inverted operator -> operator; validators that are not jailed */
export const ranking: KeyMap<readonly [bigint, Uint8Array], Uint8Array> = keyMap(STORE, 0x23, rankKey, bytesValue);
/** 31 | length | delegator | length | operator -> Delegation */
export const delegations: KeyMap<Pair, Delegation> = keyMap(STORE, 0x31, pairKey(bytesKey, bytesKey), messageValue(Delegation));
/** 32 | length | delegator | length | operator -> UnbondingDelegation */
export const unbondings: KeyMap<Pair, UnbondingDelegation> = keyMap(STORE, 0x32, pairKey(bytesKey, bytesKey), messageValue(UnbondingDelegation));
/** 33 | length | operator | length | delegator -> 01 */
export const unbondingsByValidator: KeyMap<Pair, true> = keyMap(STORE, 0x33, pairKey(bytesKey, bytesKey), unitValue);
/** 34 | length | delegator | length | source | length | destination -> Redelegation */
export const redelegations: KeyMap<Triple, Redelegation> = keyMap(STORE, 0x34, tripleKey(bytesKey, bytesKey, bytesKey), messageValue(Redelegation));
/** 35 | length | source | length | delegator | length | destination -> 01 */
export const redelegationsBySource: KeyMap<Triple, true> = keyMap(STORE, 0x35, tripleKey(bytesKey, bytesKey, bytesKey), unitValue);
/** 36 | length | destination | length | delegator | length | source -> 01 */
export const redelegationsByDestination: KeyMap<Triple, true> = keyMap(STORE, 0x36, tripleKey(bytesKey, bytesKey, bytesKey), unitValue);
/** 37 -> last number given to an unbonding, 8 bytes */
export const unbondingId: Item<bigint> = item(STORE, 0x37, u64Value);
/** 41 | time, 29 bytes | length | delegator | length | operator -> 01 */
export const unbondingQueue: KeyMap<readonly [bigint, Pair], true> = keyMap(STORE, 0x41, pairKey(timeKey, pairKey(bytesKey, bytesKey)), unitValue);
/** 42 | time, 29 bytes | length | delegator | length | source | length | destination -> 01 */
export const redelegationQueue: KeyMap<readonly [bigint, Triple], true> = keyMap(
  STORE,
  0x42,
  pairKey(timeKey, tripleKey(bytesKey, bytesKey, bytesKey)),
  unitValue,
);
/** 43 | time, 29 bytes | length | operator -> 01 */
export const validatorQueue: KeyMap<readonly [bigint, Uint8Array], true> = keyMap(STORE, 0x43, pairKey(timeKey, bytesKey), unitValue);
/** 50 | height, 8 bytes -> HistoricalInfo */
export const history: KeyMap<bigint, HistoricalInfo> = keyMap(STORE, 0x50, u64Key, messageValue(HistoricalInfo));
/** 51 -> Params */
export const params: Item<Params> = item(STORE, 0x51, messageValue(Params));
/** 71 | length | operator | length | delegator -> 01 */
export const delegationsByValidator: KeyMap<Pair, true> = keyMap(STORE, 0x71, pairKey(bytesKey, bytesKey), unitValue);

/** Encoded part of a key that all entries of one address share, where the address comes first. */
export const startingWith = (address: Uint8Array): Uint8Array => bytesKey.encode(address);
/** As `startingWith`, for two addresses. */
export const startingWithPair = (a: Uint8Array, b: Uint8Array): Uint8Array => concatBytes(bytesKey.encode(a), bytesKey.encode(b));
