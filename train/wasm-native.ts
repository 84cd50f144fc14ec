// SPDX-License-Identifier: Apache-2.0
// The optional C kernels (kernels/native.c): loaded when set-up could compile them for this very processor.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { HashMany } from './merkle.ts';
import type { WasmFunction, WasmMemory } from './wasm-host.ts';

interface Addon {
  /** The kernels that there are, by module, on the memory that these bytes cover. */
  bind?(memory: Uint8Array): Readonly<Partial<Record<string, Readonly<Record<string, WasmFunction>>>>>;
  hashMany?(prefix: number, messages: Uint8Array, length: number, out: Uint8Array): void;
}

type Name = 'native' | 'native-sha';

const build = new URL('./kernels/build/', import.meta.url);

/** As build-native.mjs names the processor that it compiles for. */
function processorName(): string {
  const features = existsSync('/proc/cpuinfo') ? (/^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '') : '';
  return `${process.arch} ${cpus()[0]?.model ?? 'unknown'} ${createHash('sha256').update(features).digest('hex').slice(0, 16)}`;
}

/** The addon, or why there is none. */
function load(name: Name): Addon | string {
  const report = new URL('native.json', build);
  if (!existsSync(report)) return 'set-up has not compiled it';
  const { processor, why } = JSON.parse(readFileSync(report, 'utf8')) as { processor: string; why: Partial<Record<Name, string>> };
  if (why[name] !== '') return why[name] ?? 'set-up has not compiled it';
  if (processor !== processorName()) return `it was compiled for another processor (${processor})`;
  try {
    return createRequire(import.meta.url)(fileURLToPath(new URL(`${name}.node`, build))) as Addon;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why there are no native kernels here; undefined when there are. */
export function whyNoNative(): string | undefined {
  const addon = load('native');
  return typeof addon === 'string' ? addon : undefined;
}

/** Native kernels on a trainer's memory. Their addresses are unsigned and the memory never moves. */
export function bindNative(memory: WasmMemory): ReturnType<NonNullable<Addon['bind']>> {
  const addon = load('native');
  if (typeof addon === 'string' || addon.bind === undefined) throw new Error(`native: ${addon}`);
  return addon.bind(new Uint8Array(memory.buffer));
}

/** Native hashing of many messages, unchecked; undefined where there is none. */
export function nativeHashMany(): HashMany | undefined {
  const addon = load('native-sha');
  const run = typeof addon === 'string' ? undefined : addon.hashMany;
  if (run === undefined) return undefined;
  return (prefix, messages, length) => {
    const out = new Uint8Array((messages.length / length) * 32);
    run(prefix, messages, length, out);
    return out;
  };
}
