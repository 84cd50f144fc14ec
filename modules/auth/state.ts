// SPDX-License-Identifier: Apache-2.0
// Keys of the sub-store `acc` (cosmos-sdk x/auth/types/keys.go keeps the same name and prefixes for accounts).

import { decode, encode } from '../../core/codec.ts';
import {
  bytesValue,
  type Item,
  item,
  type KeyCodec,
  type KeyMap,
  keyMap,
  messageValue,
  u64Key,
  u64Value,
  type ValueCodec,
} from '../../core/collections.ts';
import { Params } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { Any } from '../../proto/gen/google.protobuf.ts';
import { type Account, fromAny, toAny } from './types.ts';

export const STORE = 'acc';

/** The rest of the key, for a collection whose key is one address. */
const addressKey: KeyCodec<Uint8Array> = { encode: (key) => key, decode: (bytes, at) => [bytes.slice(at), bytes.length] };

const accountValue: ValueCodec<Account> = {
  encode: (account) => encode(Any, toAny(account)),
  decode: (bytes) => fromAny(decode(Any, bytes)),
};

/** 00 -> Params */
export const params: Item<Params> = item(STORE, 0, messageValue(Params));
/** 01 | address (20 or 32 bytes) -> Any of BaseAccount or ModuleAccount */
export const accounts: KeyMap<Uint8Array, Account> = keyMap(STORE, 1, addressKey, accountValue);
/** 02 -> number of the next account, 8 bytes */
export const nextNumber: Item<bigint> = item(STORE, 2, u64Value);
/** 03 | account number, 8 bytes -> address */
export const byNumber: KeyMap<bigint, Uint8Array> = keyMap(STORE, 3, u64Key, bytesValue);
