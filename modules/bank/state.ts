// SPDX-License-Identifier: Apache-2.0
// Keys of the sub-store `bank`: those of cosmos-sdk x/bank/types/keys.go, byte for byte, so that proofs of balances
// made for other chains' clients hold here. A denomination ends its key without a length, which also sorts by text.
import { fromUtf8, utf8 } from '../../core/bytes.ts';
import {
  bytesKey,
  type Item,
  intValue,
  item,
  type KeyCodec,
  type KeyMap,
  keyMap,
  messageValue,
  pairKey,
  type ValueCodec,
} from '../../core/collections.ts';
import { Metadata, Params } from '../../proto/gen/cosmos.bank.v1beta1.ts';

export const STORE = 'bank';

const denomKey: KeyCodec<string> = { encode: utf8, decode: (bytes, at) => [fromUtf8(bytes.slice(at)), bytes.length] };
/** A denomination followed by more, ended by a zero byte, which no denomination holds. */
const innerDenomKey: KeyCodec<string> = {
  encode: (denom) => utf8(`${denom}\0`),
  decode(bytes, at) {
    const end = bytes.indexOf(0, at);
    return [fromUtf8(bytes.slice(at, end)), end + 1];
  },
};
const boolValue: ValueCodec<boolean> = { encode: (v) => Uint8Array.of(v ? 1 : 0), decode: (b) => b[0] === 1 };

/** 00 | denom -> amount as decimal text: `upogo` -> `1000000` */
export const supply: KeyMap<string, bigint> = keyMap(STORE, 0, denomKey, intValue);
/** 01 | denom -> Metadata */
export const metadata: KeyMap<string, Metadata> = keyMap(STORE, 1, denomKey, messageValue(Metadata));
/** 02 | length | address | denom -> amount as decimal text; absent for zero */
export const balances: KeyMap<readonly [Uint8Array, string], bigint> = keyMap(STORE, 2, pairKey(bytesKey, denomKey), intValue);
/** 03 | denom | 00 | length | address -> 00: who holds a denomination */
export const holders: KeyMap<readonly [string, Uint8Array], boolean> = keyMap(STORE, 3, pairKey(innerDenomKey, bytesKey), boolValue);
/** 04 | denom -> 01 or 00: whether it may be sent, where that differs from the default */
export const sendEnabled: KeyMap<string, boolean> = keyMap(STORE, 4, denomKey, boolValue);
/** 05 -> Params */
export const params: Item<Params> = item(STORE, 5, messageValue(Params));

/** Encoded part of the key that all balances of an address share. */
export const balancesOf = (address: Uint8Array): Uint8Array => bytesKey.encode(address);
/** Encoded part of the key that all holders of a denomination share. */
export const holdersOf = (denom: string): Uint8Array => innerDenomKey.encode(denom);
