// SPDX-License-Identifier: Apache-2.0
// The daemon's side of its worker thread.
import { Worker } from 'node:worker_threads';
import { ArtifactError } from '../artifact/format.ts';
import { DataError } from '../data/idx.ts';
import type { BackendName } from './backends.ts';
import { type BenchOptions, CancelledError, MissingStateError } from './bench.ts';
import type { Progress, Results, Task } from './tasks.ts';
import type { WorkerAnswer, WorkerSetup } from './worker.ts';

export interface RunOptions {
  readonly signal?: AbortSignal;
  onProgress?(progress: Progress): void;
}

interface Pending {
  resolve(result: Results[Task['kind']]): void;
  reject(error: Error): void;
  onProgress: ((progress: Progress) => void) | undefined;
}

/** Runs tasks elsewhere; what daemons need of it. */
export interface Workbench {
  /** Name of the backend in use. */
  readonly backend: string;
  run<K extends Task['kind']>(task: Extract<Task, { readonly kind: K }>, options?: RunOptions): Promise<Results[K]>;
  close(): Promise<void>;
}

/** Errors that keep their type across the thread border. */
const ERRORS: readonly (new (message: string) => Error)[] = [ArtifactError, CancelledError, DataError, MissingStateError];

/** The thread's data lie in typed arrays outside the heap; V8's default of 48 MB for short-lived objects would only wait to be filled. */
const YOUNG_MB = 8;

class ThreadWorkbench implements Workbench {
  backend = '';
  readonly #worker: Worker;
  readonly #cancelled: Int32Array;
  readonly #pending: Map<number, Pending> = new Map();
  #next = 1;
  readonly #started = Promise.withResolvers<void>();
  #failure: Error | undefined;

  constructor(worker: Worker, cancelled: Int32Array) {
    this.#worker = worker;
    this.#cancelled = cancelled;
    worker.on('message', (answer: WorkerAnswer) => this.#take(answer));
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => this.#fail(new Error('the worker thread ended')));
  }

  /** Resolves when the thread takes tasks; rejects when it ended before. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  run<K extends Task['kind']>(task: Extract<Task, { readonly kind: K }>, options: RunOptions = {}): Promise<Results[K]> {
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(new CancelledError('the task was called off'));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#next++;
    const cancel = (): void => void Atomics.store(this.#cancelled, 0, id);
    signal?.addEventListener('abort', cancel, { once: true });
    const result = new Promise<Results[Task['kind']]>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress: options.onProgress });
      this.#worker.postMessage({ id, task });
    });
    return result.finally(() => signal?.removeEventListener('abort', cancel)) as Promise<Results[K]>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(answer: WorkerAnswer): void {
    if (answer.kind === 'ready') {
      this.backend = answer.backend;
      this.#started.resolve();
      return;
    }
    const pending = this.#pending.get(answer.id);
    if (answer.kind === 'progress') {
      pending?.onProgress?.(answer.progress);
      return;
    }
    this.#pending.delete(answer.id);
    if (answer.kind === 'result') pending?.resolve(answer.result);
    else pending?.reject(errorOf(answer.name, answer.message));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
    this.#started.reject(this.#failure);
  }
}

function errorOf(name: string, message: string): Error {
  const type = ERRORS.find((e) => e.name === name);
  return type === undefined ? Object.assign(new Error(message), { name }) : new type(message);
}

/** Starts the thread; resolves once its backend is checked, rejects when it is refused. */
export async function startWorkbench(backend: BackendName, options: BenchOptions): Promise<Workbench> {
  const cancelled = new SharedArrayBuffer(4);
  const setup: WorkerSetup = { backend, options, cancelled };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: setup, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
  const workbench = new ThreadWorkbench(worker, new Int32Array(cancelled));
  await workbench.started;
  return workbench;
}
