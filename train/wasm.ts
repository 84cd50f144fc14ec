// SPDX-License-Identifier: Apache-2.0
// The wasm backend: SIMD kernels compiled to WebAssembly, the default of every miner and verifier; and native, which is
// the same trainer with C kernels where there are some.
import type { SyncBackend } from './backend.ts';
import { BackendMismatchError } from './errors.ts';
import { useHashMany } from './merkle.ts';
import { validateSpec } from './validate.ts';
import { firstDifference } from './wasm-check.ts';
import { wasmHashMany } from './wasm-hash.ts';
import { type CompiledKernels, compileKernels, KernelsUnavailableError, type TrainVariant, trainVariants } from './wasm-module.ts';
import { whyNoNative } from './wasm-native.ts';
import { WasmTrainer } from './wasm-trainer.ts';

export interface WasmBackend extends SyncBackend {
  /** The variant that agreed with the reference; see wasm-module.ts. */
  readonly variant: TrainVariant;
  create(spec: Parameters<SyncBackend['create']>[0]): WasmTrainer;
}

const MAX_THREADS = 64;

export interface WasmOptions {
  /** Threads of each trainer; more than one must be closed. */
  readonly threads?: number;
}

interface Checked {
  readonly variant: TrainVariant;
  readonly kernels: CompiledKernels;
}

let wasmChecked: Checked | undefined;
let nativeChecked: Checked | undefined;

/**
 * The backend, after its kernels were compared with the reference operation by operation (once a process): the
 * fastest variant that agrees in every bit. BackendMismatchError names the operation if none does;
 * KernelsUnavailableError when the kernels are not built. From then on trees are hashed by many leaves at once.
 */
export function wasmBackend(options: WasmOptions = {}): WasmBackend {
  wasmChecked ??= choose(false);
  return backendOf('wasm', wasmChecked, options);
}

/**
 * The same with product and update in C, compiled for this processor. KernelsUnavailableError says why there is none;
 * BackendMismatchError as above.
 */
export function nativeBackend(options: WasmOptions = {}): WasmBackend {
  const why = whyNoNative();
  if (why !== undefined) throw new KernelsUnavailableError(`native: ${why}`);
  nativeChecked ??= choose(true);
  return backendOf('native', nativeChecked, options);
}

function backendOf(name: string, { variant, kernels }: Checked, { threads = 1 }: WasmOptions): WasmBackend {
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) throw new RangeError(`threads: must be 1 to ${MAX_THREADS}`);
  return { name, kinds: ['mlp', 'gpt', 'cnn'], variant, create: (spec) => new WasmTrainer(validateSpec(spec), kernels, threads) };
}

function choose(native: boolean): Checked {
  const faults: string[] = [];
  for (const variant of trainVariants()) {
    const kernels = { ...compileKernels(variant), native };
    const fault = faultOf(kernels);
    if (fault === undefined) {
      hashInKernels();
      return { variant, kernels };
    }
    faults.push(`${variant}: ${fault}`);
  }
  const name = native ? 'native' : 'wasm';
  throw new BackendMismatchError(`${name}: differs from the reference; it must not be used (${faults.join('; ')})`);
}

/** What kernels do wrong; those that refuse honest steps, as ones of another build may, are as wrong as those that compute other bits. */
function faultOf(kernels: CompiledKernels): string | undefined {
  try {
    return firstDifference(kernels);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Roots over codes cost as much as a small step, so whoever trains in kernels hashes in them too. */
function hashInKernels(): void {
  useHashMany(wasmHashMany());
}
