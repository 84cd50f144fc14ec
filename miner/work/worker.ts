// SPDX-License-Identifier: Apache-2.0
// Entry of the worker thread: one task after another, so that the daemon's own thread stays free for chain and peers.
import { parentPort, workerData } from 'node:worker_threads';
import { useNativeHash } from '../native.ts';
import { type BackendName, selectBackend } from './backends.ts';
import { Bench, type BenchOptions, CancelledError } from './bench.ts';
import { runTask } from './run.ts';
import type { Progress, Results, Task } from './tasks.ts';

export interface WorkerSetup {
  readonly backend: BackendName;
  readonly options: BenchOptions;
  /** One Int32: the id of the task that is called off. */
  readonly cancelled: SharedArrayBuffer;
}

export interface WorkerRequest {
  readonly id: number;
  readonly task: Task;
}

export type WorkerAnswer =
  | { readonly id: number; readonly kind: 'ready'; readonly backend: string }
  | { readonly id: number; readonly kind: 'progress'; readonly progress: Progress }
  | { readonly id: number; readonly kind: 'result'; readonly result: Results[Task['kind']] }
  | { readonly id: number; readonly kind: 'error'; readonly name: string; readonly message: string };

/** Least milliseconds between two reports of progress. */
const PROGRESS_MS = 200;

async function serve(port: NonNullable<typeof parentPort>, setup: WorkerSetup): Promise<void> {
  useNativeHash();
  const backend = await selectBackend(setup.backend);
  const bench = new Bench(backend, setup.options);
  const cancelled = new Int32Array(setup.cancelled);
  const answer = (message: WorkerAnswer): void => port.postMessage(message);
  const run = async ({ id, task }: WorkerRequest): Promise<void> => {
    let reported = performance.now();
    const check = (): void => {
      if (Atomics.load(cancelled, 0) === id) throw new CancelledError('the task was called off');
    };
    const progress = (progress: Progress): void => {
      if (performance.now() - reported < PROGRESS_MS) return;
      reported = performance.now();
      answer({ id, kind: 'progress', progress });
    };
    try {
      answer({ id, kind: 'result', result: await runTask(bench, task, { check, progress }) });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      answer({ id, kind: 'error', name, message });
    }
  };
  let queue: Promise<void> = Promise.resolve();
  port.on('message', (request: WorkerRequest) => {
    queue = queue.then(() => run(request));
  });
  answer({ id: 0, kind: 'ready', backend: backend.name });
}

if (parentPort !== null) await serve(parentPort, workerData as WorkerSetup);
