// SPDX-License-Identifier: Apache-2.0
// The one protobuf codec. protobufjs encodes a native bigint as zero and lets out-of-range integers wrap, so every
// value is checked here before it is encoded; and it decodes leniently, so bytes from the network are re-encoded
// and compared. 64-bit integers are bigint on both sides, bytes are plain Uint8Array.
import protobuf from 'protobufjs';
import descriptor from '../proto/gen/descriptor.json' with { type: 'json' };
import type { Input, MessageType } from '../proto/message.ts';
import { equalBytes } from './bytes.ts';
import { type WireLimits, wireComplaint } from './wire.ts';

const root: protobuf.Root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace);
root.resolveAll();

/** Bytes that are not the one canonical encoding of a message, or a value that does not fit its field. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

type Check = (value: unknown, path: string) => void;

const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int64: [-(1n << 63n), (1n << 63n) - 1n],
  sint64: [-(1n << 63n), (1n << 63n) - 1n],
  sfixed64: [-(1n << 63n), (1n << 63n) - 1n],
  uint64: [0n, (1n << 64n) - 1n],
  fixed64: [0n, (1n << 64n) - 1n],
  int32: [-(1n << 31n), (1n << 31n) - 1n],
  sint32: [-(1n << 31n), (1n << 31n) - 1n],
  sfixed32: [-(1n << 31n), (1n << 31n) - 1n],
  uint32: [0n, (1n << 32n) - 1n],
  fixed32: [0n, (1n << 32n) - 1n],
};

function checkInteger(type: string, value: unknown, path: string): void {
  const range = RANGES[type] as readonly [bigint, bigint];
  const wide = type.endsWith('64');
  if (wide ? typeof value !== 'bigint' : typeof value !== 'number' || !Number.isInteger(value)) {
    throw new CodecError(`${path}: expected ${wide ? 'a bigint' : 'an integer'} for ${type}`);
  }
  const n = BigInt(value as bigint | number);
  if (n < range[0] || n > range[1]) throw new CodecError(`${path}: ${n} is outside ${type}`);
}

function wellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

function checkScalar(type: string, value: unknown, path: string): void {
  if (type in RANGES) {
    checkInteger(type, value, path);
    return;
  }
  if (type === 'bool' ? typeof value !== 'boolean' : type === 'bytes' ? !(value instanceof Uint8Array) : typeof value !== 'string') {
    throw new CodecError(`${path}: expected ${type}`);
  }
  if (type === 'string' && !wellFormed(value as string)) throw new CodecError(`${path}: the string is not well-formed Unicode`);
}

function checkOne(field: protobuf.Field): Check {
  const target = field.resolvedType;
  if (target instanceof protobuf.Enum) return (value, path) => checkInteger('int32', value, path);
  if (target instanceof protobuf.Type) return (value, path) => checkMessage(target, value, path);
  return (value, path) => checkScalar(field.type, value, path);
}

interface FieldCheck {
  readonly name: string;
  readonly repeated: boolean;
  readonly check: Check;
}

const plans = new Map<protobuf.Type, ReadonlyMap<string, FieldCheck>>();

function planOf(type: protobuf.Type): ReadonlyMap<string, FieldCheck> {
  let plan = plans.get(type);
  if (plan === undefined) {
    plan = new Map(type.fieldsArray.map((f) => [f.name, { name: f.name, repeated: f.repeated, check: checkOne(f) }]));
    plans.set(type, plan);
  }
  return plan;
}

function checkMessage(type: protobuf.Type, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new CodecError(`${path}: expected a ${type.name}`);
  const plan = planOf(type);
  for (const key of Object.keys(value)) {
    const field = plan.get(key);
    if (field === undefined) throw new CodecError(`${path}.${key}: ${type.name} has no such field`);
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    if (!field.repeated) field.check(item, `${path}.${key}`);
    else if (!Array.isArray(item)) throw new CodecError(`${path}.${key}: expected a list`);
    else for (let i = 0; i < item.length; i++) field.check(item[i], `${path}.${key}[${i}]`);
  }
}

const types = new Map<string, protobuf.Type>();

/** The reflected type of a full name without leading dot; throws CodecError when the descriptor lacks it. */
export function reflect(typeName: string): protobuf.Type {
  let type = types.get(typeName);
  if (type === undefined) {
    try {
      type = root.lookupType(typeName);
    } catch {
      throw new CodecError(`${typeName}: no such message type`);
    }
    types.set(typeName, type);
  }
  return type;
}

/** Whether the descriptor has a message type of that full name. */
export function isMessageType(typeName: string): boolean {
  try {
    return reflect(typeName) !== undefined;
  } catch {
    return false;
  }
}

function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Canonical protobuf bytes of `value`; throws CodecError naming the field that does not fit. */
export function encode<T>(type: MessageType<T>, value: Input<T>): Uint8Array {
  const reflected = reflect(type.typeName);
  checkMessage(reflected, value, reflected.name);
  return plain(reflected.encode(reflected.fromObject(value as Record<string, unknown>)).finish());
}

const TO_OBJECT: protobuf.IConversionOptions = {
  longs: BigInt as unknown as StringConstructor,
  enums: Number as unknown as StringConstructor,
  defaults: false,
  arrays: true,
};

function fill(type: protobuf.Type, object: Record<string, unknown>): Record<string, unknown> {
  for (const field of type.fieldsArray) {
    const target = field.resolvedType;
    if (target instanceof protobuf.Type) {
      const value = object[field.name];
      if (field.repeated) for (const item of value as Record<string, unknown>[]) fill(target, item);
      else if (value !== undefined) fill(target, value as Record<string, unknown>);
    } else if (!field.repeated && field.partOf === null && object[field.name] === undefined) {
      object[field.name] = defaultOf(field);
    }
  }
  return object;
}

function defaultOf(field: protobuf.Field): unknown {
  if (field.resolvedType instanceof protobuf.Enum) return 0;
  switch (field.type) {
    case 'string':
      return '';
    case 'bytes':
      return new Uint8Array(0);
    case 'bool':
      return false;
    default:
      return field.type.endsWith('64') ? 0n : 0;
  }
}

function decodeMessage(type: protobuf.Type, bytes: Uint8Array): protobuf.Message {
  try {
    return type.decode(plain(bytes));
  } catch (error) {
    throw new CodecError(`${type.name}: ${error instanceof Error ? error.message : 'not a protobuf message'}`);
  }
}

/** Value of `bytes`, every scalar and list present, messages absent where unset. For bytes that we wrote ourselves. */
export function decode<T>(type: MessageType<T>, bytes: Uint8Array): T {
  const reflected = reflect(type.typeName);
  return fill(reflected, reflected.toObject(decodeMessage(reflected, bytes), TO_OBJECT)) as T;
}

/**
 * As `decode`, for bytes of others: refuses whatever is not the canonical encoding (unknown or repeated fields, long varints,
 * explicit defaults), and what is beyond `limits` before anything is made of it.
 */
export function decodeStrict<T>(type: MessageType<T>, bytes: Uint8Array, limits?: WireLimits): T {
  const reflected = reflect(type.typeName);
  const complaint = limits === undefined ? undefined : wireComplaint(reflected, bytes, limits);
  if (complaint !== undefined) throw new CodecError(`${reflected.name}: ${complaint}`);
  const message = decodeMessage(reflected, bytes);
  if (!equalBytes(plain(reflected.encode(message).finish()), plain(bytes)))
    throw new CodecError(`${reflected.name}: the bytes are not the canonical encoding`);
  return fill(reflected, reflected.toObject(message, TO_OBJECT)) as T;
}

/** Full names `package.Service` of every service in the descriptor, with their methods. */
export function services(): readonly protobuf.Service[] {
  const found: protobuf.Service[] = [];
  const visit = (ns: protobuf.NamespaceBase): void => {
    for (const n of ns.nestedArray) {
      if (n instanceof protobuf.Service) found.push(n);
      else if (n instanceof protobuf.Namespace) visit(n);
    }
  };
  visit(root);
  return found;
}
