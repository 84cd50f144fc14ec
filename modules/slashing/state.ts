// SPDX-License-Identifier: Apache-2.0
// Keys of the sub-store `slashing`, prefixes as in cosmos-sdk x/slashing/types/keys.go. Its 03 (public keys by
// consensus address) is not used: staking keeps them.
import { bytesKey, bytesValue, type Item, item, type KeyMap, keyMap, messageValue, pairKey, u64Key } from '../../core/collections.ts';
import { Params, ValidatorSigningInfo } from '../../proto/gen/cosmos.slashing.v1beta1.ts';

export const STORE = 'slashing';

/** 00 -> Params */
export const params: Item<Params> = item(STORE, 0, messageValue(Params));
/** 01 | length | consensus address -> ValidatorSigningInfo; never deleted, so that a tombstone outlives its validator */
export const infos: KeyMap<Uint8Array, ValidatorSigningInfo> = keyMap(STORE, 1, bytesKey, messageValue(ValidatorSigningInfo));
/** 02 | length | consensus address | chunk, 8 bytes -> 128 bytes, a set bit for each missed block of 1,024; absent when none is */
export const missed: KeyMap<readonly [Uint8Array, bigint], Uint8Array> = keyMap(STORE, 2, pairKey(bytesKey, u64Key), bytesValue);

/** Encoded part of the key that all chunks of a validator share. */
export const chunksOf = (address: Uint8Array): Uint8Array => bytesKey.encode(address);
