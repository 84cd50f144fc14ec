// SPDX-License-Identifier: Apache-2.0
// SHA-256 of many short messages at once, for Merkle trees over codes: eight of them side by side in WebAssembly, where
// a call of a native hash function costs more than it hashes. Long messages go to the host's native function.
import { hash } from 'node:crypto';
import { sha256 } from '../core/hash.ts';
import type { HashMany } from './merkle.ts';
import { type WasmMemory, type WasmModule, wasm } from './wasm-host.ts';
import { compileVariant, KernelsUnavailableError, type Variant, variants } from './wasm-module.ts';
import { nativeHashMany } from './wasm-native.ts';

/** From this length on one native call is the faster one (measured: 5.0 us for 8 KiB against 7.3). */
const NATIVE_FROM = 1536;
const CONSTANTS = 64;
const SCRATCH = 1024;
const MESSAGES = SCRATCH + 2304 + 8 * (NATIVE_FROM + 128);
const ROOM = 1 << 19;
const OUT = MESSAGES + ROOM;
/** Messages of one call; 64 bytes is the shortest that trees hash. */
const MOST = 8192;
const PAGES = 13;

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes, then of the square roots of the first 8. */
function constants(): Uint32Array {
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < 64; n++) if (primes.every((p) => n % p !== 0n)) primes.push(n);
  const words = [...primes.map((p) => root(p, 3n)), ...primes.slice(0, 8).map((p) => root(p, 2n))];
  return Uint32Array.from(words, (word) => Number(BigInt.asUintN(32, word)));
}

/** Greatest integer r with r^degree <= p * 2^(32 degree). */
function root(p: bigint, degree: bigint): bigint {
  const target = p << (32n * degree);
  let r = 0n;
  for (let bit = 1n << 37n; bit > 0n; bit >>= 1n) if ((r + bit) ** degree <= target) r += bit;
  return r;
}

/** `native`: the processor's own rounds in C; `wide`, `plain`: eight at once in WebAssembly; `host`: the host's function, message after message. */
export type HashName = 'native' | Variant | 'host';

/** A way of hashing that agreed with SHA-256, as another thread of the process can be told of it. */
export interface HashChoice {
  readonly name: HashName;
  /** Compiled kernel: flags are per process, so no second thread may compile one while the first goes on. */
  readonly module?: WasmModule;
}

let fastest: { readonly choice: HashChoice; readonly hashMany: HashMany } | undefined;

/** The fastest way that agrees with SHA-256 on a probe. */
export function fastestHash(): HashChoice {
  fastest ??= firstThatAgrees(['native', ...variants(), 'host']);
  return fastest.choice;
}

/** The same, for `useHashMany`. */
export function wasmHashMany(): HashMany {
  fastest ??= firstThatAgrees(['native', ...variants(), 'host']);
  return fastest.hashMany;
}

/** The first of these ways that is there and agrees with SHA-256 on a probe; the host's where none is. */
export function firstThatAgrees(names: readonly HashName[]): { readonly choice: HashChoice; readonly hashMany: HashMany } {
  for (const name of names) {
    try {
      const module = name === 'wide' || name === 'plain' ? compileVariant('sha256', name) : undefined;
      const choice = { name, ...(module === undefined ? {} : { module }) };
      const hashMany = hashManyOf(choice);
      if (agrees(hashMany)) return { choice, hashMany };
    } catch (error) {
      if (!(error instanceof KernelsUnavailableError)) throw error;
    }
  }
  return { choice: { name: 'host' }, hashMany: hostHashMany };
}

/** A way that was chosen, in this thread. KernelsUnavailableError where it is not there. */
export function hashManyOf({ name, module }: HashChoice): HashMany {
  if (name === 'host') return hostHashMany;
  const hashMany = name === 'native' ? nativeHashMany() : module === undefined ? createHashMany(name) : instantiate(module);
  if (hashMany === undefined) throw new KernelsUnavailableError('native: there is no compiled SHA-256');
  return hashMany;
}

/** The kernel of one variant. */
export function createHashMany(variant: Variant): HashMany {
  return instantiate(compileVariant('sha256', variant));
}

function instantiate(module: WasmModule): HashMany {
  const memory: WasmMemory = new wasm.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const kernel = new wasm.Instance(module, { env: { memory } }).exports['hashMany'];
  if (kernel === undefined) throw new Error('kernels: sha256.wasm has no hashMany');
  new Uint32Array(memory.buffer, CONSTANTS, 72).set(constants());
  const bytes = new Uint8Array(memory.buffer);
  return (prefix, messages, length) => {
    if (length >= NATIVE_FROM) return hostHashMany(prefix, messages, length);
    const count = messages.length / length;
    const out = new Uint8Array(count * 32);
    const most = Math.min(MOST, Math.floor(ROOM / length));
    for (let from = 0; from < count; from += most) {
      const n = Math.min(most, count - from);
      bytes.set(messages.subarray(from * length, (from + n) * length), MESSAGES);
      kernel(MESSAGES, length, n, prefix, OUT, CONSTANTS, SCRATCH);
      out.set(bytes.subarray(OUT, OUT + n * 32), from * 32);
    }
    return out;
  };
}

/** One call of the host's function for each message. */
function hostHashMany(prefix: number, messages: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array((messages.length / length) * 32);
  const buffer = new Uint8Array(length + 1);
  const target = Buffer.from(out.buffer);
  buffer[0] = prefix;
  for (let i = 0; i * length < messages.length; i++) {
    buffer.set(messages.subarray(i * length, (i + 1) * length), 1);
    target.write(hash('sha256', buffer, 'binary'), i * 32, 'latin1'); // a digest as a string costs half a microsecond less than as a buffer
  }
  return out;
}

/** Around every block boundary of the first four blocks, and for more messages than lanes. */
export function agrees(candidate: HashMany): boolean {
  for (const length of [1, 54, 55, 62, 63, 64, 118, 119, 127, 128, 182, 183, 528, 1535, 1536, 8192]) {
    const messages = Uint8Array.from({ length: 11 * length }, (_, i) => (i * 31 + (i >> 8)) & 255);
    const got = candidate(1, messages, length);
    for (let i = 0; i < 11; i++) {
      const expected = sha256(Uint8Array.of(1, ...messages.subarray(i * length, (i + 1) * length)));
      if (expected.some((byte, j) => byte !== got[i * 32 + j])) return false;
    }
  }
  return true;
}
