// SPDX-License-Identifier: Apache-2.0
// Which kernels train. All give the same bits, so the choice is about speed alone.
import type { Backend } from '../../train/backend.ts';
import { reference } from '../../train/reference.ts';
import { wasmBackend } from '../../train/wasm.ts';

export const BACKENDS = ['auto', 'wasm', 'reference'] as const;
export type BackendName = (typeof BACKENDS)[number];

/**
 * The backend of that name; `auto` is the fastest that agrees with the reference on this machine, else the reference,
 * whose name then says why. A backend that differs in one bit is never used.
 */
export function selectBackend(name: BackendName): Backend {
  if (name === 'reference') return reference;
  try {
    return wasmBackend();
  } catch (error) {
    if (name === 'wasm') throw error;
    return { ...reference, name: `reference (slow; ${(error as Error).message})` };
  }
}
