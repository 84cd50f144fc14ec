// SPDX-License-Identifier: Apache-2.0
// What operations run on, and how they fail: all threads of a team agree on every failure before one throws.
import { InvalidStepError } from './errors.ts';
import type { Tensor } from './layout.ts';
import type { Buffer } from './program.ts';
import type { WasmMemory } from './wasm-host.ts';
import type { Lane, MemoryPlan } from './wasm-memory.ts';
import type { Kernels } from './wasm-module.ts';
import type { Team } from './wasm-team.ts';

export interface OpContext {
  readonly kernels: Kernels;
  readonly memory: WasmMemory;
  readonly plan: MemoryPlan;
  readonly team: Team;
  /** This thread's own memory. */
  readonly lane: Lane;
  /** Samples at hand, at most plan.capacity. */
  readonly samples: number;
  /** Bytes from sample to sample. */
  readonly stride: number;
  /** Address of the parameters: plan.theta or plan.theta4. */
  readonly theta: number;
}

export interface Matrix {
  readonly at: number;
  readonly rows: number;
  readonly cols: number;
}

const INFINITE = 0x7f800000;
/** binary32 bits of the largest magnitude that a scale of 2^50 holds: 127 * 2^50 in 8 bits, 8191 * 2^50 in 14. */
export const LIMIT: { readonly 8: number; readonly 14: number } = { 8: ((50 + 6 + 127) << 23) | 0x7e0000, 14: ((50 + 12 + 127) << 23) | 0x7ff800 };

/** A buffer's address and its shape for the samples at hand. */
export function matrixOf(c: OpContext, buffer: Buffer): Matrix {
  const { plan } = c;
  const { rows, cols } = plan.program.buffers[buffer] as { rows: number; cols: number };
  return { at: plan.buffers[buffer] as number, rows: (rows / plan.capacity) * c.samples, cols };
}

export function thetaOf(c: OpContext, tensor: Tensor): number {
  return c.theta + 4 * tensor.offset;
}

export function gradientOf(c: OpContext, tensor: Tensor): number {
  return c.plan.gradient + 4 * tensor.offset;
}

/** Runs this thread's share; refuses when a share met NaN or infinity. Waits. */
export function checked(c: OpContext, op: string, units: number, granule: number, run: (from: number, to: number) => number): void {
  let magnitude = 0;
  c.team.split(units, granule, (from, to) => {
    magnitude = run(from, to);
  });
  if (c.team.top(magnitude) >= INFINITE) throw new InvalidStepError(`${op}: an output is not finite`);
}

/** Runs this thread's share; refuses when a share returned anything but 0. Waits. */
export function faultless(c: OpContext, op: string, units: number, granule: number, run: (from: number, to: number) => number): void {
  let fault = 0;
  c.team.split(units, granule, (from, to) => {
    fault = run(from, to);
  });
  if (c.team.top(fault) !== 0) throw new InvalidStepError(`${op}: a scale is above 2^50 or an output is not finite`);
}
