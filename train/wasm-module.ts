// SPDX-License-Identifier: Apache-2.0
// Compiled kernels. The product and update modules are also built with V8's revectoriser (Node 24 and later), which
// fuses pairs of 128-bit vectors into 256-bit ones: the same lanes, twice as many at once. wasm-check.ts compares
// either variant with the reference before it is used.
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { type WasmExports, type WasmFunction, type WasmMemory, type WasmModule, wasm } from './wasm-host.ts';
import { bindNative } from './wasm-native.ts';

/** Exports of kernels/NAME.ts; every argument is an int32, a binary32 or an address. */
export interface Kernels {
  readonly gather: Record<'embed' | 'scatter' | 'copyFlushed' | 'patches' | 'patchesGrad', WasmFunction>;
  readonly input: Record<'byteRowScales' | 'byteColScales' | 'packByteRows' | 'packByteCols' | 'bytesToFloats', WasmFunction>;
  readonly loss: Record<'crossEntropy' | 'scaleScores' | 'causalSoftmax' | 'causalSoftmaxGrad', WasmFunction>;
  readonly norm: Record<'norm' | 'normInputGrad' | 'normColMax' | 'normGainGrad' | 'leafSquares' | 'rootOfSum' | 'scaleBy', WasmFunction>;
  readonly pack: Record<
    'rowMax' | 'colMax' | 'scales' | 'packRows' | 'packCols' | 'packRight' | 'packRightRows' | 'packUnitRows' | 'packUnitCols',
    WasmFunction
  >;
  readonly pass: Record<'addBias' | 'select' | 'add' | 'squaredRelu' | 'squaredReluGrad' | 'largestOf' | 'copyRows' | 'sumCols', WasmFunction>;
  readonly product: Record<'productRows' | 'productCols', WasmFunction>;
  readonly update: Record<'encode' | 'sgd' | 'adamw', WasmFunction>;
}

type Name = keyof Kernels;
const NAMES: readonly Name[] = ['gather', 'input', 'loss', 'norm', 'pack', 'pass', 'product', 'update'];

/** `wide`: product and update revectorised; `plain`: as written. */
export type Variant = 'wide' | 'plain';
const WIDENED: readonly Name[] = ['product', 'update'];

/** `native`: the C kernels replace those that they have. */
export type CompiledKernels = Readonly<Record<Name, WasmModule>> & { readonly native?: boolean };

/** The compiled kernels are missing or the engine cannot run them. */
export class KernelsUnavailableError extends Error {
  override readonly name = 'KernelsUnavailableError';
}

/** Variants that this engine may offer, fastest first. Elsewhere than on x64 V8 has no revectoriser and says so on standard error. */
export function variants(): readonly Variant[] {
  return Number.parseInt(process.versions.node, 10) >= 24 && process.arch === 'x64' ? ['wide', 'plain'] : ['plain'];
}

/** Reads and compiles all kernels. KernelsUnavailableError names what is missing. */
export function compileKernels(variant: Variant): CompiledKernels {
  const out: Partial<Record<Name, WasmModule>> = {};
  for (const name of NAMES) out[name] = compileVariant(name, WIDENED.includes(name) ? variant : 'plain');
  return out as CompiledKernels;
}

/** Bytes of a built kernel. */
export function readKernel(name: string): Uint8Array<ArrayBuffer> {
  const url = new URL(`./kernels/build/${name}.wasm`, import.meta.url);
  if (!existsSync(url)) throw new KernelsUnavailableError(`kernels: ${name}.wasm is not built; run npm run kernels`);
  return new Uint8Array(readFileSync(url));
}

/** One instance of every kernel on `memory`, which must outlive them. */
export function instantiate(compiled: CompiledKernels, memory: WasmMemory): Kernels {
  const out: Partial<Record<Name, WasmExports>> = {};
  for (const name of NAMES) out[name] = new wasm.Instance(compiled[name], { env: { memory } }).exports;
  if (compiled.native === true) {
    const native = bindNative(memory);
    for (const name of NAMES) out[name] = { ...out[name], ...native[name] };
  }
  return out as unknown as Kernels;
}

/**
 * Compiled by the optimising compiler at once, while the flag stands: later tiers would be compiled without it.
 * Flags are per process, so they are put back before anything else is compiled.
 */
const WIDE_FLAGS: readonly (readonly [string, string])[] = [
  ['--experimental-wasm-revectorize', '--no-experimental-wasm-revectorize'],
  ['--no-liftoff', '--liftoff'],
  ['--no-wasm-lazy-compilation', '--wasm-lazy-compilation'],
  ['--no-wasm-dynamic-tiering', '--wasm-dynamic-tiering'],
];

/** One module, compiled as `variant`. */
export function compileVariant(name: string, variant: Variant): WasmModule {
  const bytes = tagged(readKernel(name), variant);
  return variant === 'wide' ? withFlags(WIDE_FLAGS, () => compile(name, bytes)) : compile(name, bytes);
}

function withFlags<T>(flags: readonly (readonly [string, string])[], run: () => T): T {
  for (const [on] of flags) setFlagsFromString(on);
  try {
    return run();
  } finally {
    for (const [, off] of flags) setFlagsFromString(off);
  }
}

function compile(name: string, bytes: Uint8Array<ArrayBuffer>): WasmModule {
  try {
    return new wasm.Module(bytes);
  } catch (error) {
    throw new KernelsUnavailableError(`kernels: ${name}.wasm: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The module with a custom section that names the variant: V8 gives equal bytes the code that it already has. */
function tagged(bytes: Uint8Array<ArrayBuffer>, variant: Variant): Uint8Array<ArrayBuffer> {
  const label = new TextEncoder().encode(variant);
  const section = Uint8Array.of(0, label.length + 1, label.length, ...label);
  const out = new Uint8Array(bytes.length + section.length);
  out.set(bytes);
  out.set(section, bytes.length);
  return out;
}
