// SPDX-License-Identifier: Apache-2.0
// What tasks work with: stores, data sets and one trainer per specification.
import { toHex } from '../../core/bytes.ts';
import type { DataSet } from '../../proto/gen/pogo.v1.ts';
import type { Backend, Evaluation, Trainer } from '../../train/backend.ts';
import type { Parts } from '../../train/parts.ts';
import { gatherSamples } from '../../train/round.ts';
import { logitsBy, type NextLogits } from '../../train/sample.ts';
import type { TrainSpec } from '../../train/spec.ts';
import type { FileParts } from '../artifact/file-parts.ts';
import { ArtifactStore } from '../artifact/store.ts';
import { checkDataset, type DataOptions, type Dataset, openDataset } from '../data/dataset.ts';
import { StateStore } from '../states.ts';
import { type CommitThread, startCommitThread } from './commit-thread.ts';
import type { Progress } from './tasks.ts';

/** The task was called off. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}

/** A state that a task needs is not kept here. */
export class MissingStateError extends Error {
  override readonly name = 'MissingStateError';
}

/** An artifact that a task needs is not kept here. */
export class MissingArtifactError extends Error {
  override readonly name = 'MissingArtifactError';
}

export interface BenchOptions {
  readonly artifacts: string;
  readonly states: string;
  readonly data: DataOptions;
}

/** Whether a task shall go on, and who hears how far it is. */
export interface TaskControl {
  /** Throws CancelledError when the task was called off. */
  check(): void;
  progress(progress: Progress): void;
}

export const NO_CONTROL: TaskControl = { check: () => undefined, progress: () => undefined };

export class Bench {
  readonly artifacts: ArtifactStore;
  readonly states: StateStore;
  readonly #backend: Backend;
  readonly #data: DataOptions;
  readonly #datasets: Map<string, Dataset> = new Map();
  #commitThread: CommitThread | undefined;
  #trainer: { readonly key: string; readonly trainer: Trainer } | undefined;
  /** What writes by the state that the trainer was left with. */
  #writing: { readonly root: string; readonly next: NextLogits } | undefined;

  constructor(backend: Backend, options: BenchOptions) {
    this.#backend = backend;
    this.#data = options.data;
    this.artifacts = new ArtifactStore(options.artifacts);
    this.states = new StateStore(options.states);
  }

  /** The set that the chain names. DataError when ours is another one. */
  async dataset(named: DataSet): Promise<Dataset> {
    const dataset = await this.datasetByName(named.name);
    checkDataset(dataset, named);
    return dataset;
  }

  async datasetByName(name: string): Promise<Dataset> {
    const dataset = this.#datasets.get(name) ?? (await openDataset(name, this.#data));
    this.#datasets.set(name, dataset);
    return dataset;
  }

  /** The trainer of a specification; its state is whatever it was left with. */
  async trainer(spec: TrainSpec): Promise<Trainer> {
    const key = JSON.stringify(spec);
    this.#writing = undefined;
    if (this.#trainer?.key === key) return this.#trainer.trainer;
    await this.#trainer?.trainer.close();
    // Its memory may go before the next one takes as much.
    this.#trainer = undefined;
    const trainer = await this.#backend.create(spec);
    this.#trainer = { key, trainer };
    return trainer;
  }

  /** Logits by a kept state, which is loaded once for all tokens of a text. MissingStateError without. */
  async nextLogits(spec: TrainSpec, root: Uint8Array): Promise<NextLogits> {
    const key = toHex(root);
    if (this.#writing?.root === key && this.#trainer?.key === JSON.stringify(spec)) return this.#writing.next;
    const state = this.state(spec, root);
    try {
      const trainer = await this.trainer(spec);
      await trainer.load(state);
      const next = await logitsBy(trainer);
      this.#writing = { root: key, next };
      return next;
    } finally {
      state.close();
    }
  }

  /** The thread that hashes and writes what rounds commit; started when it is first asked for. */
  commitThread(): CommitThread {
    if (this.#commitThread?.ended !== false) this.#commitThread = startCommitThread();
    return this.#commitThread;
  }

  /** Ends what runs beside the caller. */
  async close(): Promise<void> {
    await this.#commitThread?.close();
    await this.#trainer?.trainer.close();
    this.#trainer = undefined;
  }

  /** The kept state of that root, to be closed. MissingStateError without. */
  state(spec: TrainSpec, root: Uint8Array): FileParts {
    const state = this.states.get(spec, root);
    if (state === undefined) throw new MissingStateError('the parent state is not kept here');
    return state;
  }
}

/** Losses of a state on samples of a set. */
export async function measure(trainer: Trainer, state: Parts, dataset: Dataset, indices: Uint32Array): Promise<Evaluation> {
  await trainer.load(state);
  return await trainer.evaluate(gatherSamples(trainer.spec, dataset, indices), 'full');
}

export function sum(losses: Int32Array): bigint {
  let total = 0;
  for (const loss of losses) total += loss; // fewer than 2^22 of them, each below 2^31
  return BigInt(total);
}
