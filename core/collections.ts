// SPDX-License-Identifier: Apache-2.0
// Typed collections: a store name, a prefix, a key codec and a value codec bound once. Key codecs keep the order of
// the keys and are prefix-free, so that no key of one collection is the beginning of another's.
import type { Input, MessageType } from '../proto/message.ts';
import { concatBytes, fromUtf8, prefixEnd, readU64be, u64be, utf8 } from './bytes.ts';
import { decode, encode } from './codec.ts';
import type { Context } from './context.ts';
import { CorruptStateError } from './errors.ts';
import type { ReadStore } from './store.ts';

export interface KeyCodec<K> {
  encode(key: K): Uint8Array;
  /** The key at `offset` and where the next one begins. */
  decode(bytes: Uint8Array, offset: number): readonly [key: K, next: number];
}

export interface ValueCodec<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

/** Unsigned 64-bit, big-endian. */
export const u64Key: KeyCodec<bigint> = { encode: u64be, decode: (b, at) => [readU64be(b, at), at + 8] };

/** Up to 255 bytes behind their length (cosmos-sdk address.MustLengthPrefix). */
export const bytesKey: KeyCodec<Uint8Array> = {
  encode(key) {
    if (key.length > 255) throw new CorruptStateError(`store: a key part of ${key.length} bytes; at most 255 are allowed`);
    return concatBytes(Uint8Array.of(key.length), key);
  },
  decode(b, at) {
    const end = at + 1 + (b[at] ?? 0);
    if (end > b.length) throw new CorruptStateError('store: a key ends within a part');
    return [b.slice(at + 1, end), end];
  },
};

/** UTF-8 behind its length. */
export const stringKey: KeyCodec<string> = {
  encode: (key) => bytesKey.encode(utf8(key)),
  decode(b, at) {
    const [bytes, next] = bytesKey.decode(b, at);
    return [fromUtf8(bytes), next];
  },
};

/** Two parts in order. */
export function pairKey<A, B>(a: KeyCodec<A>, b: KeyCodec<B>): KeyCodec<readonly [A, B]> {
  return {
    encode: ([x, y]) => concatBytes(a.encode(x), b.encode(y)),
    decode(bytes, at) {
      const [x, mid] = a.decode(bytes, at);
      const [y, end] = b.decode(bytes, mid);
      return [[x, y], end];
    },
  };
}

/** Three parts in order. */
export function tripleKey<A, B, C>(a: KeyCodec<A>, b: KeyCodec<B>, c: KeyCodec<C>): KeyCodec<readonly [A, B, C]> {
  return {
    encode: ([x, y, z]) => concatBytes(a.encode(x), b.encode(y), c.encode(z)),
    decode(bytes, at) {
      const [x, p] = a.decode(bytes, at);
      const [y, q] = b.decode(bytes, p);
      const [z, end] = c.decode(bytes, q);
      return [[x, y, z], end];
    },
  };
}

/** A protobuf message. */
export function messageValue<T>(type: MessageType<T>): ValueCodec<T> {
  return { encode: (value) => encode(type, value as Input<T>), decode: (bytes) => decode(type, bytes) };
}

export const bytesValue: ValueCodec<Uint8Array> = { encode: (v) => v, decode: (b) => b };
export const u64Value: ValueCodec<bigint> = { encode: u64be, decode: (b) => readU64be(b) };
export const stringValue: ValueCodec<string> = { encode: utf8, decode: fromUtf8 };
/** A signed integer of any size, as decimal text (cosmos-sdk math.Int). */
export const intValue: ValueCodec<bigint> = { encode: (v) => utf8(v.toString()), decode: (b) => BigInt(fromUtf8(b)) };
/** Presence only. */
export const unitValue: ValueCodec<true> = { encode: () => Uint8Array.of(1), decode: () => true };

/** What reading takes: a context, or a version of the state without one. */
export interface Readable {
  store(name: string): ReadStore;
}

export interface Item<V> {
  get(ctx: Readable): V | undefined;
  /** As `get`; throws CorruptStateError when absent. */
  need(ctx: Readable): V;
  set(ctx: Context, value: V): void;
  delete(ctx: Context): void;
}

/** A single value under a one-byte key. */
export function item<V>(store: string, prefix: number, value: ValueCodec<V>): Item<V> {
  const key = Uint8Array.of(prefix);
  const get = (ctx: Readable): V | undefined => {
    const bytes = ctx.store(store).get(key);
    return bytes === undefined ? undefined : value.decode(bytes);
  };
  return {
    get,
    need(ctx) {
      const v = get(ctx);
      if (v === undefined) throw new CorruptStateError(`store ${store}: item ${prefix} is missing`);
      return v;
    },
    set: (ctx, v) => ctx.store(store).set(key, value.encode(v)),
    delete: (ctx) => ctx.store(store).delete(key),
  };
}

export interface IterateOptions {
  /** Encoded leading parts of the key that all entries must share. */
  readonly prefix?: Uint8Array;
  /** Encoded key (behind the collection's prefix byte) to start at, inclusive; with `reverse` to end before. */
  readonly start?: Uint8Array;
  readonly reverse?: boolean;
}

export interface KeyMap<K, V> {
  readonly storeName: string;
  readonly prefix: Uint8Array;
  readonly key: KeyCodec<K>;
  get(ctx: Readable, key: K): V | undefined;
  has(ctx: Readable, key: K): boolean;
  set(ctx: Context, key: K, value: V): void;
  delete(ctx: Context, key: K): void;
  /** Entries in key order. Collect them (`[...m.entries(ctx)]`) before changing the collection. */
  entries(ctx: Readable, options?: IterateOptions): IterableIterator<readonly [K, V]>;
}

/** A map under a one-byte prefix. */
export function keyMap<K, V>(storeName: string, prefixByte: number, key: KeyCodec<K>, value: ValueCodec<V>): KeyMap<K, V> {
  const prefix = Uint8Array.of(prefixByte);
  const full = (k: K): Uint8Array => concatBytes(prefix, key.encode(k));
  return {
    storeName,
    prefix,
    key,
    get(ctx, k) {
      const bytes = ctx.store(storeName).get(full(k));
      return bytes === undefined ? undefined : value.decode(bytes);
    },
    has: (ctx, k) => ctx.store(storeName).has(full(k)),
    set: (ctx, k, v) => ctx.store(storeName).set(full(k), value.encode(v)),
    delete: (ctx, k) => ctx.store(storeName).delete(full(k)),
    *entries(ctx, options = {}) {
      const head = concatBytes(prefix, options.prefix ?? new Uint8Array(0));
      const bound = options.start === undefined ? undefined : concatBytes(prefix, options.start);
      const reverse = options.reverse === true;
      const start = !reverse && bound !== undefined ? bound : head;
      const end = reverse && bound !== undefined ? bound : prefixEnd(head);
      for (const [k, v] of ctx.store(storeName).iterate({ start, ...(end === undefined ? {} : { end }), reverse })) {
        yield [key.decode(k, 1)[0], value.decode(v)];
      }
    },
  };
}
