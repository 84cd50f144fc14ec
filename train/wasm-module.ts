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
  /** Not in every variant. */
  readonly narrow?: Record<
    'productNarrow' | 'packNarrowRows' | 'packNarrowUnitRows' | 'packNarrowByteRows' | 'packNarrowRight' | 'packNarrowRightRows',
    WasmFunction
  >;
  readonly product: Record<'productRows' | 'productCols', WasmFunction>;
  readonly update: Record<'encode' | 'sgd' | 'adamw', WasmFunction>;
}

type Name = Exclude<keyof Kernels, 'narrow'>;
const NAMES: readonly Name[] = ['gather', 'input', 'loss', 'norm', 'pack', 'pass', 'product', 'update'];

/** `wide`: product and update revectorised; `plain`: as written. */
export type Variant = 'wide' | 'plain';
/** `narrow`: as wide, and products of two 8-bit operands take four terms at once. */
export type TrainVariant = 'narrow' | Variant;
const WIDENED: readonly Name[] = ['product', 'update'];

/** `native`: the C kernels replace those that they have. */
export type CompiledKernels = Readonly<Record<Name, WasmModule>> & { readonly narrow?: WasmModule; readonly native?: boolean };

/** The compiled kernels are missing or the engine cannot run them. */
export class KernelsUnavailableError extends Error {
  override readonly name = 'KernelsUnavailableError';
}

/** Variants that this engine may offer, fastest first. Elsewhere than on x64 V8 has no revectoriser and says so on standard error. */
export function variants(): readonly Variant[] {
  return Number.parseInt(process.versions.node, 10) >= 24 && process.arch === 'x64' ? ['wide', 'plain'] : ['plain'];
}

/** The same for all kernels of a trainer. */
export function trainVariants(): readonly TrainVariant[] {
  const all = variants();
  return all.includes('wide') && narrowIsExact() ? ['narrow', ...all] : all;
}

/**
 * Whether the relaxed dot product takes unsigned by signed bytes without saturation, as processors with AVX-VNNI do: it
 * is asked with the largest products, whose sums of two are beyond 16 bits.
 */
function narrowIsExact(): boolean {
  try {
    const memory = new wasm.Memory({ initial: 1, maximum: 1, shared: true });
    const { productNarrow } = new wasm.Instance(compileVariant('narrow', 'wide'), { env: { memory } }).exports;
    const [bytes, floats] = [new Uint8Array(memory.buffer), new Float32Array(memory.buffer)];
    const [left, right, out, ones, scratch] = [1024, 2048, 4096, 5120, 6144] as const;
    floats.fill(1, ones / 4, ones / 4 + 16);
    const product = (a: number, b: number): boolean => {
      bytes.fill(a + 128, left, left + 32);
      bytes.fill(b, right, right + 128);
      productNarrow?.(left, right, out, ones, ones, 4, 16, 1, 0, 1, 16, 0, scratch);
      return floats.subarray(out / 4, out / 4 + 64).every((x) => x === 8 * a * b);
    };
    return [-127, 0, 127].every((a) => [-127, 1, 127].every((b) => product(a, b)));
  } catch (error) {
    // Engines without relaxed SIMD refuse the module.
    if (error instanceof KernelsUnavailableError) return false;
    throw error;
  }
}

/** Reads and compiles all kernels. KernelsUnavailableError names what is missing. */
export function compileKernels(variant: TrainVariant): CompiledKernels {
  const out: Partial<Record<Name, WasmModule>> = {};
  const wide = variant === 'plain' ? 'plain' : 'wide';
  for (const name of NAMES) out[name] = compileVariant(name, WIDENED.includes(name) ? wide : 'plain');
  const kernels = out as CompiledKernels;
  return variant === 'narrow' ? { ...kernels, narrow: compileVariant('narrow', wide) } : kernels;
}

/** Bytes of a built kernel. */
export function readKernel(name: string): Uint8Array<ArrayBuffer> {
  const url = new URL(`./kernels/build/${name}.wasm`, import.meta.url);
  if (!existsSync(url)) throw new KernelsUnavailableError(`kernels: ${name}.wasm is not built; run npm run kernels`);
  return new Uint8Array(readFileSync(url));
}

/** One instance of every kernel on `memory`, which must outlive them. */
export function instantiate(compiled: CompiledKernels, memory: WasmMemory): Kernels {
  const out: Partial<Record<keyof Kernels, WasmExports>> = {};
  for (const name of NAMES) out[name] = new wasm.Instance(compiled[name], { env: { memory } }).exports;
  if (compiled.narrow !== undefined) out.narrow = new wasm.Instance(compiled.narrow, { env: { memory } }).exports;
  if (compiled.native === true) {
    const native = bindNative(memory);
    for (const name of ['narrow', ...NAMES] as const) if (out[name] !== undefined) out[name] = { ...out[name], ...native[name] };
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
