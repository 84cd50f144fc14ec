// SPDX-License-Identifier: Apache-2.0
// TensorFlow.js in Node: the CUDA build, the CPU build or the plain JavaScript one, whichever is installed.
import { createRequire } from 'node:module';
import { BackendUnavailableError } from './errors.ts';
import type { Tf } from './tfjs.ts';

interface Package extends Tf {
  ready(): Promise<void>;
  setBackend(name: string): Promise<boolean>;
  env(): { set(flag: string, value: boolean): void };
}

/** Native builds, the faster one first; nothing but the names is known here until one of them is installed. */
const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

export interface LoadedTf {
  readonly tf: Tf;
  /** Such as `@tensorflow/tfjs-node` or `@tensorflow/tfjs-backend-cpu`. */
  readonly name: string;
  /** Whether the products run in native code; the plain JavaScript backend is for tests. */
  readonly native: boolean;
}

const require = createRequire(import.meta.url);

/** Whether a native build is installed, without loading it. */
export function hasNativeTf(): boolean {
  return NATIVE.some(installed);
}

/** The fastest TensorFlow.js that is installed. BackendUnavailableError says what is missing or does not load. */
export async function loadTf(): Promise<LoadedTf> {
  const name = NATIVE.find(installed);
  if (name !== undefined) {
    restoreUtil();
    const tf = await load(name);
    await tf.ready();
    return { tf, name, native: true };
  }
  const plain = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu'] as const;
  const missing = plain.find((part) => !installed(part));
  if (missing !== undefined) throw new BackendUnavailableError(`tfjs: ${missing} is not installed, nor is ${NATIVE.join(' or ')}`);
  const tf = await load(plain[0]);
  tf.env().set('PROD', true);
  await load(plain[1]);
  if (!(await tf.setBackend('cpu'))) throw new BackendUnavailableError('tfjs: the cpu backend does not start');
  return { tf, name: plain[1], native: false };
}

function installed(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

async function load(name: string): Promise<Package> {
  try {
    const module = (await import(name)) as Package & { readonly default?: Package };
    return module.default ?? module;
  } catch (error) {
    throw new BackendUnavailableError(`tfjs: ${name} does not load: ${(error as Error).message.split('\n', 1)[0]}`);
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 removed from its util module. */
function restoreUtil(): void {
  const util = require('node:util') as { isArray?: unknown; isNullOrUndefined?: unknown };
  util.isArray ??= Array.isArray;
  util.isNullOrUndefined ??= (value: unknown): boolean => value === null || value === undefined;
}
