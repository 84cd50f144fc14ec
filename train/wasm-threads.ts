// SPDX-License-Identifier: Apache-2.0
// The other threads of a trainer. Each has its own instance of the kernels on the trainer's memory, sleeps between
// commands, and ends with the trainer or with the process.
import { Worker } from 'node:worker_threads';
import type { TrainSpec } from './spec.ts';
import type { WasmMemory } from './wasm-host.ts';
import type { CompiledKernels } from './wasm-module.ts';
import type { Command } from './wasm-passes.ts';
import { CONTROL, createControl, joinTeam, SOLO, signal, type Team } from './wasm-team.ts';

/** What a thread is started with. */
export interface ThreadInput {
  readonly spec: TrainSpec;
  readonly kernels: CompiledKernels;
  readonly memory: WasmMemory;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly command: Float64Array<SharedArrayBuffer>;
  readonly id: number;
  readonly size: number;
}

/** Words of a command: passes, samples, address of the parameters, global step. */
export const COMMAND_WORDS = 4;

export interface Threads {
  readonly team: Team;
  /** Hands a command to all other threads; the caller then runs it as well. */
  start(command: Command): void;
  close(): void;
}

/** A team of one needs no threads. */
export const ALONE: Threads = { team: SOLO, start: () => {}, close: () => {} };

/** `size` - 1 further threads for a trainer. */
export function startThreads(input: Pick<ThreadInput, 'spec' | 'kernels' | 'memory'>, size: number): Threads {
  const control = createControl(size);
  const command = new Float64Array(new SharedArrayBuffer(8 * COMMAND_WORDS));
  const workers = Array.from({ length: size - 1 }, (_, i) => {
    const workerData: ThreadInput = { ...input, control, command, id: i + 1, size };
    const worker = new Worker(new URL('./wasm-worker.ts', import.meta.url), { workerData });
    worker.unref();
    return worker;
  });
  return {
    team: joinTeam(control, 0, size),
    start: ({ passes, samples, theta, globalStep }) => {
      command.set([passes, samples, theta, globalStep]);
      signal(control, CONTROL.command);
    },
    close: () => {
      for (const worker of workers) void worker.terminate();
    },
  };
}
