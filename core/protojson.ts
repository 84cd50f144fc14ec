// SPDX-License-Identifier: Apache-2.0
// JSON of protobuf messages as cosmos-sdk writes it (gogo jsonpb with OrigName and EmitDefaults): snake_case names, every
// field present, 64-bit integers as strings, bytes in base64, enums by name, Any flattened with "@type", decimals with 18 places.
import { base64 } from '@scure/base';
import protobuf from 'protobufjs';
import type { Any, Duration, Timestamp } from '../proto/gen/google.protobuf.ts';
import type { MessageType } from '../proto/message.ts';
import { fromUtf8, utf8 } from './bytes.ts';
import { CodecError, decode, decodeStrict, encode, isMessageType, reflect } from './codec.ts';
import { formatDec, parseDec } from './dec.ts';
import { asObject, type Json, type JsonObject } from './json.ts';
import { formatTime, fromTimestamp, parseTime, toTimestamp } from './time.ts';

type Fields = Record<string, unknown>;

/** Name of a field as in the .proto file. */
export function protoName(field: protobuf.Field): string {
  return (field as unknown as { protoName?: string | null }).protoName ?? field.name;
}

function customType(field: protobuf.Field): 'dec' | 'int' | undefined {
  const name: unknown = field.options?.['(gogoproto.customtype)'];
  if (typeof name !== 'string') return undefined;
  return name.endsWith('LegacyDec') ? 'dec' : name.endsWith('math.Int') ? 'int' : undefined;
}

/** Text of a decimal field: what travels is the integer multiple of 10^-18. */
export function decimalText(value: unknown): string {
  const digits = typeof value === 'string' ? value : fromUtf8(value as Uint8Array);
  return formatDec(digits === '' ? 0n : BigInt(digits));
}

/** Whether a field holds a cosmossdk.io/math.LegacyDec. */
export function isDecimal(field: protobuf.Field): boolean {
  return customType(field) === 'dec';
}

function scalarToJson(field: protobuf.Field, value: unknown): Json {
  const custom = customType(field);
  if (custom === 'dec') return decimalText(value);
  if (custom === 'int') return (typeof value === 'string' ? value : fromUtf8(value as Uint8Array)) || '0';
  if (typeof value === 'bigint') return value.toString();
  // Go holds absent bytes as nil, which its JSON writes as null (next_key at the end of pages); an item of a list is never nil.
  if (value instanceof Uint8Array) return value.length === 0 && !field.repeated && field.partOf === null ? null : base64.encode(value);
  return value as Json;
}

function durationText({ seconds, nanos }: Duration): string {
  const total = seconds * 1_000_000_000n + BigInt(nanos);
  const abs = total < 0n ? -total : total;
  const fraction = (abs % 1_000_000_000n).toString().padStart(9, '0');
  // jsonpb writes 0, 3, 6 or 9 digits.
  const digits = fraction === '000000000' ? '' : `.${fraction.replace(/(000){1,2}$/, '')}`;
  return `${total < 0n ? '-' : ''}${abs / 1_000_000_000n}${digits}s`;
}

function messageToJson(type: protobuf.Type, value: Fields): Json {
  const name = type.fullName.slice(1);
  if (name === 'google.protobuf.Timestamp') return formatTime(fromTimestamp(value as unknown as Timestamp));
  if (name === 'google.protobuf.Duration') return durationText(value as unknown as Duration);
  if (name === 'google.protobuf.Any') return anyToJson(value as unknown as Any);
  const out: Record<string, Json> = {};
  for (const field of type.fieldsArray) {
    const item = value[field.name];
    if (field.partOf !== null && item === undefined) continue;
    out[protoName(field)] = field.repeated ? (item as unknown[]).map((i) => oneToJson(field, i)) : oneToJson(field, item);
  }
  return out;
}

function anyToJson({ typeUrl, value: bytes }: Any): Json {
  if (typeUrl === '' && bytes.length === 0) return null;
  const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  if (!isMessageType(name)) throw new CodecError(`${typeUrl}: no such message type`);
  const inner = messageToJson(reflect(name), decode<Fields>({ typeName: name }, bytes));
  const body = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as JsonObject) : { value: inner };
  return { '@type': typeUrl, ...body };
}

/** The zero value that Go writes for an absent message that the SDK holds by value. */
function absentMessage(field: protobuf.Field, target: protobuf.Type): Json {
  if (field.options?.['(gogoproto.nullable)'] !== false || field.partOf !== null) return null;
  const name = target.fullName.slice(1);
  if (name === 'google.protobuf.Timestamp') return '0001-01-01T00:00:00Z';
  return messageToJson(target, decode<Fields>({ typeName: name }, new Uint8Array(0)));
}

function oneToJson(field: protobuf.Field, value: unknown): Json {
  const target = field.resolvedType;
  if (target instanceof protobuf.Enum) return target.valuesById[value as number] ?? (value as number);
  if (target instanceof protobuf.Type) return value === undefined ? absentMessage(field, target) : messageToJson(target, value as Fields);
  return scalarToJson(field, value);
}

/** JSON of a decoded message; throws CodecError for an Any of an unknown type. */
export function toProtoJson<T>(type: MessageType<T>, value: T): Json {
  // One trip through the codec fills in what the caller left out.
  return messageToJson(reflect(type.typeName), decode<Fields>({ typeName: type.typeName }, encode(type, value as never)));
}

function integerFromJson(type: string, json: Json, path: string): bigint | number {
  const text = typeof json === 'number' ? (Number.isSafeInteger(json) ? String(json) : '') : json;
  if (typeof text !== 'string' || !/^-?\d{1,20}$/.test(text)) throw new CodecError(`${path}: expected an integer`);
  return type.endsWith('64') ? BigInt(text) : Number(text);
}

function decimalFromJson(field: protobuf.Field, json: Json, path: string): string | Uint8Array {
  if (typeof json !== 'string') throw new CodecError(`${path}: expected a decimal in a string`);
  let digits: string;
  try {
    digits = parseDec(json, path).toString();
  } catch (error) {
    throw new CodecError((error as Error).message);
  }
  return field.type === 'bytes' ? utf8(digits) : digits;
}

/** math.Int in a bytes field travels as its decimal text. */
function intBytesFromJson(json: Json, path: string): Uint8Array {
  if (typeof json !== 'string' || !/^-?\d{1,78}$/.test(json)) throw new CodecError(`${path}: expected an integer in a string`);
  return utf8(json);
}

function scalarFromJson(field: protobuf.Field, json: Json, path: string): unknown {
  if (customType(field) === 'dec') return decimalFromJson(field, json, path);
  if (customType(field) === 'int' && field.type === 'bytes') return intBytesFromJson(json, path);
  if (field.type === 'bool') {
    if (typeof json !== 'boolean') throw new CodecError(`${path}: expected true or false`);
    return json;
  }
  if (field.type !== 'string' && field.type !== 'bytes') return integerFromJson(field.type, json, path);
  if (typeof json !== 'string') throw new CodecError(`${path}: expected a string`);
  if (field.type === 'string') return json;
  try {
    return base64.decode(json);
  } catch {
    throw new CodecError(`${path}: expected base64`);
  }
}

function durationFromJson(json: Json, path: string): Fields {
  const m = typeof json === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(json) : null;
  if (m === null) throw new CodecError(`${path}: expected a duration in seconds like "1.5s"`);
  const sign = m[1] === '-' ? -1 : 1;
  // Adding zero turns -0 into 0, which is what travels.
  return { seconds: BigInt(sign) * BigInt(m[2] as string), nanos: sign * Number((m[3] ?? '').padEnd(9, '0')) + 0 };
}

function timestampFromJson(json: Json, path: string): Fields {
  try {
    return { ...toTimestamp(parseTime(String(json))) };
  } catch {
    throw new CodecError(`${path}: expected a time as RFC 3339 in UTC`);
  }
}

function anyFromJson(json: Json, path: string): Fields {
  const { '@type': typeUrl, ...rest } = object(json, path);
  const { value } = rest;
  if (typeof typeUrl !== 'string' || !typeUrl.startsWith('/')) throw new CodecError(`${path}.@type: expected a type URL`);
  const name = typeUrl.slice(1);
  if (!isMessageType(name)) throw new CodecError(`${path}.@type: ${typeUrl} is not a known message`);
  const type = reflect(name);
  const wrapped = name === 'google.protobuf.Timestamp' || name === 'google.protobuf.Duration';
  return { typeUrl, value: encode<Fields>({ typeName: name }, messageFromJson(type, wrapped ? (value ?? null) : rest, path) as never) };
}

function object(json: Json, path: string): JsonObject {
  try {
    return asObject(json, path);
  } catch (error) {
    throw new CodecError((error as Error).message);
  }
}

function messageFromJson(type: protobuf.Type, json: Json, path: string): Fields {
  const name = type.fullName.slice(1);
  if (name === 'google.protobuf.Timestamp') return timestampFromJson(json, path);
  if (name === 'google.protobuf.Duration') return durationFromJson(json, path);
  if (name === 'google.protobuf.Any') return anyFromJson(json, path);
  const input = object(json, path);
  const out: Fields = {};
  for (const key of Object.keys(input)) {
    const field = type.fieldsArray.find((f) => protoName(f) === key || f.name === key);
    if (field === undefined) throw new CodecError(`${path}.${key}: ${type.name} has no such field`);
    if (out[field.name] !== undefined) throw new CodecError(`${path}.${key}: the field stands twice`);
    const value = input[key] as Json;
    if (value === null) continue;
    out[field.name] = field.repeated ? listFromJson(field, value, `${path}.${key}`) : oneFromJson(field, value, `${path}.${key}`);
  }
  return out;
}

function listFromJson(field: protobuf.Field, json: Json, path: string): unknown[] {
  if (!Array.isArray(json)) throw new CodecError(`${path}: expected a list`);
  return json.map((item: Json, i) => oneFromJson(field, item, `${path}[${i}]`));
}

function oneFromJson(field: protobuf.Field, json: Json, path: string): unknown {
  const target = field.resolvedType;
  if (target instanceof protobuf.Type) return messageFromJson(target, json, path);
  if (!(target instanceof protobuf.Enum)) return scalarFromJson(field, json, path);
  const value = typeof json === 'string' ? target.values[json] : typeof json === 'number' ? json : undefined;
  if (value === undefined) throw new CodecError(`${path}: ${target.name} has no such value`);
  return value;
}

/** The message that `json` describes, complete; throws CodecError that names path and rule. Unknown fields are refused. */
export function fromProtoJson<T>(type: MessageType<T>, json: Json, path: string = reflect(type.typeName).name): T {
  const fields = messageFromJson(reflect(type.typeName), json, path);
  return decodeStrict(type, encode(type, fields as never));
}
