// SPDX-License-Identifier: Apache-2.0
// The part of the WebAssembly JavaScript interface that is used here, typed: the compiler's ECMAScript libraries do
// not know it, and its browser library would let every other browser global in.

export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A compiled module; opaque, may be sent to a worker thread. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

export type WasmFunction = (...args: readonly number[]) => number;
export type WasmExports = Readonly<Record<string, WasmFunction>>;

interface WasmHost {
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: { env: { memory: WasmMemory } }) => { readonly exports: WasmExports };
}

export const wasm: WasmHost = (globalThis as unknown as { readonly WebAssembly: WasmHost }).WebAssembly;
