// SPDX-License-Identifier: Apache-2.0
// Genesis transactions in the JSON of cosmos-sdk (`app_state.genutil.gen_txs`).

import { encode } from '../../core/codec.ts';
import type { Context } from '../../core/context.ts';
import type { Ante } from '../../core/execute.ts';
import { asObject, type Json } from '../../core/json.ts';
import type { AnyMessageHandler, ValidatorUpdate } from '../../core/module.ts';
import { fromProtoJson } from '../../core/protojson.ts';
import { AuthInfo, Tx, TxBody, TxRaw } from '../../proto/gen/cosmos.tx.v1beta1.ts';

export const PATH = 'app_state.genutil';
/** The one message that a genesis transaction may hold. */
export const CREATE_VALIDATOR = '/cosmos.staking.v1beta1.MsgCreateValidator';

/** What genesis transactions need of others. */
export interface GenutilOptions {
  /** Handlers among which that of MsgCreateValidator is. */
  readonly messages: readonly AnyMessageHandler[];
  readonly ante: Ante;
  /** The validator set that follows from the stake, as changes against what was told before. */
  validatorUpdates(ctx: Context): readonly ValidatorUpdate[];
}

/** Bytes of a transaction as its signer had them: the canonical encoding of its parts. Throws Error naming the field. */
export function genTxBytes(json: Json, path: string): Uint8Array {
  const tx = fromProtoJson(Tx, asObject(json, path), path);
  if (tx.body === undefined) throw new Error(`${path}.body: required`);
  if (tx.authInfo === undefined) throw new Error(`${path}.auth_info: required`);
  return encode(TxRaw, { bodyBytes: encode(TxBody, tx.body), authInfoBytes: encode(AuthInfo, tx.authInfo), signatures: tx.signatures });
}

/** Bytes of all genesis transactions. Throws Error naming the field. */
export function parseGenTxs(json: Json): readonly Uint8Array[] {
  const { gen_txs: list, ...rest } = asObject(json, PATH);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw new Error(`${PATH}.${unknown}: unknown field`);
  if (!Array.isArray(list)) throw new Error(`${PATH}.gen_txs: expected a list`);
  return list.map((tx: Json, i) => genTxBytes(tx, `${PATH}.gen_txs[${i}]`));
}
