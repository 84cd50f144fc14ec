// SPDX-License-Identifier: Apache-2.0
// Amino JSON of messages, for wallets that sign it (Ledger): snake_case names, defaults left out, 64-bit integers as
// strings, enums as integers, bytes in base64, decimals with 18 places (cosmos-sdk x/tx signing/aminojson).
import { base64 } from '@scure/base';
import protobuf from 'protobufjs';
import { decode, encode, reflect } from '../core/codec.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { decimalText, fromProtoJson, isDecimal, protoName } from '../core/protojson.ts';
import type { MessageType } from '../proto/message.ts';

type Fields = Readonly<Record<string, unknown>>;

function isDefault(value: unknown): boolean {
  if (value === undefined || value === false || value === '' || value === 0 || value === 0n) return true;
  return (Array.isArray(value) || value instanceof Uint8Array) && value.length === 0;
}

function one(field: protobuf.Field, value: unknown): Json {
  const target = field.resolvedType;
  if (target instanceof protobuf.Type) return message(target, value as Fields);
  if (isDecimal(field)) return decimalText(value);
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? base64.encode(value) : (value as Json);
}

function aminoField(field: protobuf.Field): string {
  const name: unknown = field.options?.['(amino.field_name)'];
  return typeof name === 'string' ? name : protoName(field);
}

function message(type: protobuf.Type, value: Fields): JsonObject {
  const out: Record<string, Json> = {};
  for (const field of type.fieldsArray) {
    const item = value[field.name];
    if (isDefault(item) && field.options?.['(amino.dont_omitempty)'] !== true) continue;
    out[aminoField(field)] = field.repeated ? ((item ?? []) as unknown[]).map((i) => one(field, i)) : one(field, item);
  }
  return out;
}

/** Amino name of a message type, e.g. `pogo/MsgFundJob`; undefined when its .proto gives none. */
export function aminoName(typeName: string): string | undefined {
  const name: unknown = reflect(typeName).options?.['(amino.name)'];
  return typeof name === 'string' ? name : undefined;
}

/** Amino JSON of a message's `value` part. */
export function toAmino<T>(type: MessageType<T>, value: T): JsonObject {
  return message(reflect(type.typeName), decode<Fields>({ typeName: type.typeName }, encode(type, value as never)));
}

/** The message of amino JSON: what was left out is the default. Throws CodecError that names path and rule. */
export function fromAmino<T>(type: MessageType<T>, json: JsonObject): T {
  const renamed = new Map(reflect(type.typeName).fieldsArray.map((f) => [aminoField(f), protoName(f)]));
  return fromProtoJson(type, Object.fromEntries(Object.entries(json).map(([key, item]) => [renamed.get(key) ?? key, item])));
}
