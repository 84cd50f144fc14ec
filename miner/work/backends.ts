// SPDX-License-Identifier: Apache-2.0
// Which kernels train. All give the same bits, so the choice is about speed alone; one that differs is never used.
import type { Awaitable, Backend } from '../../train/backend.ts';
import { delegate, firstDifference } from '../../train/delegate.ts';
import { BackendMismatchError, BackendUnavailableError } from '../../train/errors.ts';
import { reference } from '../../train/reference.ts';
import { tfjsEngine } from '../../train/tfjs.ts';
import { hasNativeTf, loadTf } from '../../train/tfjs-node.ts';
import { nativeBackend, wasmBackend } from '../../train/wasm.ts';
import { webgpuBackend } from '../../train/webgpu.ts';
import { firstWebgpuDifference } from '../../train/webgpu-check.ts';
import { loadGpu } from '../../train/webgpu-node.ts';
import { fastestOf } from './fastest.ts';

export const BACKENDS = ['auto', 'native', 'wasm', 'reference', 'tfjs', 'webgpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Backends that compute elsewhere: in another library, or on a device. */
export type EngineName = 'tfjs' | 'webgpu';

export interface OpenEngine {
  readonly backend: Backend;
  /** False where the processor would do the work, slower than our own kernels do. */
  readonly hardware: boolean;
  /** The first operation that differs from the reference's in a bit, or undefined. */
  firstDifference(): Promise<string | undefined>;
  /** Frees the device. */
  close(): void;
}

/** The engine of that name, not compared with anything. BackendUnavailableError says what is missing. */
export async function openEngine(name: EngineName): Promise<OpenEngine> {
  if (name === 'tfjs') {
    const { tf, native } = await loadTf();
    const engine = tfjsEngine(tf);
    return { backend: delegate(engine), hardware: native, firstDifference: () => firstDifference(engine), close: () => undefined };
  }
  const backend = await webgpuBackend(await loadGpu());
  return { backend, hardware: !backend.software, firstDifference: () => firstWebgpuDifference(backend), close: () => backend.close() };
}

/**
 * The backend of that name. BackendMismatchError when it differs from the reference in one bit, naming the operation;
 * BackendUnavailableError or KernelsUnavailableError when it cannot run here. `auto` never fails: see `agreeing`.
 */
export async function selectBackend(name: BackendName): Promise<Backend> {
  switch (name) {
    case 'auto':
      return await automatic();
    case 'reference':
      return reference;
    case 'wasm':
      return wasmBackend();
    case 'native':
      return nativeBackend();
    default:
      return await checked(await openEngine(name));
  }
}

async function checked(engine: OpenEngine): Promise<Backend> {
  try {
    const where = await engine.firstDifference();
    if (where === undefined) return engine.backend;
    throw new BackendMismatchError(`${engine.backend.name}: differs from the reference; it must not be used (${where})`);
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** Our own kernels, a GPU and a native TensorFlow.js, but nothing that plays a GPU on the processor. */
function automatic(): Promise<Backend> {
  return agreeing([nativeBackend, wasmBackend, () => onHardware('webgpu'), () => onHardware('tfjs')]);
}

/**
 * The fastest for each model of those that agree with the reference on this machine. Its name tells of those that do not:
 * whoever reads it learns of a device or a compiler that errs. The reference, its name saying why, when there is none.
 */
export async function agreeing(openers: readonly (() => Awaitable<Backend>)[]): Promise<Backend> {
  const faults: Error[] = [];
  const found: Backend[] = [];
  for (const open of openers) {
    try {
      found.push(await open());
    } catch (error) {
      faults.push(error as Error);
    }
  }
  const told = (errors: readonly Error[]): string => errors.map(({ message }) => message).join('; ');
  const chosen = fastestOf(found);
  if (chosen === undefined) return { ...reference, name: `reference (slow; ${told(faults)})` };
  const wrong = faults.filter((error) => error instanceof BackendMismatchError);
  return wrong.length === 0 ? chosen : { name: `${chosen.name} (${told(wrong)})`, kinds: chosen.kinds, create: (spec) => chosen.create(spec) };
}

async function onHardware(name: EngineName): Promise<Backend> {
  if (name === 'tfjs' && !hasNativeTf()) throw new BackendUnavailableError('tfjs: no native build is installed');
  const engine = await openEngine(name);
  if (engine.hardware) return await checked(engine);
  engine.close();
  throw new BackendUnavailableError(`${name}: nothing but the processor would run it`);
}
