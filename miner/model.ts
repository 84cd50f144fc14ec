// SPDX-License-Identifier: Apache-2.0
// The model of a job, for whoever wants it: the head by query, the state from the network, checked against the head's
// root, its figures measured here. Nothing that a miner says is believed.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createQueries } from '../client/query.ts';
import { createRpc } from '../client/rpc.ts';
import { toHex } from '../core/bytes.ts';
import { specFromProto } from '../modules/pogo/spec.ts';
import type { Head, Job } from '../proto/gen/pogo.v1.ts';
import { layoutOf } from '../train/layout.ts';
import { wholeOf } from '../train/parts.ts';
import { toSafetensors } from '../train/safetensors.ts';
import type { TrainSpec } from '../train/spec.ts';
import { ArtifactStore } from './artifact/store.ts';
import { failover } from './chain.ts';
import type { DataOptions } from './data/dataset.ts';
import { Library } from './library.ts';
import { useNativeHash } from './native.ts';
import { StateStore } from './states.ts';
import type { BackendName } from './work/backends.ts';
import { present } from './work/context.ts';
import type { EvaluateResult } from './work/tasks.ts';
import { startWorkbench, type Workbench } from './work/workbench.ts';

export interface Model {
  readonly job: Job;
  readonly head: Head;
  readonly spec: TrainSpec;
  /** State bytes in leaf layout; their root is the head's. */
  readonly state: Uint8Array;
}

/** There is no such job. */
export class NoJobError extends Error {
  override readonly name = 'NoJobError';
}

/** Models that stay in the folder besides those of the heads. */
const KEPT = 2;

export interface ModelReader {
  /** The head of a job. UnavailableError when nobody serves it, NoJobError when there is no such job. */
  head(jobId: bigint): Promise<Model>;
  /** Figures of a model on a whole data set, such as mnist/test. */
  evaluate(model: Model, dataset: string): Promise<EvaluateResult>;
  /** Logits of the token that follows `tokens`, by a language model, on the backend of the reader. */
  logits(model: Model, tokens: readonly number[]): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ModelReaderOptions {
  /** RPC addresses. */
  readonly nodes: readonly string[];
  /** Folder for what is downloaded. */
  readonly folder: string;
  readonly backend?: BackendName;
  /** Where data sets are, for what is measured. */
  readonly data?: DataOptions;
}

/** Starts a worker thread; `close` ends it. */
export async function createModelReader(options: ModelReaderOptions): Promise<ModelReader> {
  const { folder } = options;
  useNativeHash();
  mkdirSync(folder, { recursive: true });
  const queries = createQueries(failover(options.nodes.map((node) => createRpc(node))));
  const folders = { artifacts: join(folder, 'artifacts'), states: join(folder, 'states') };
  const data = { cache: join(folder, 'roots'), ...options.data };
  const workbench: Workbench = await startWorkbench(options.backend ?? 'auto', { ...folders, data });
  const states = new StateStore(folders.states);
  const library = new Library(queries, workbench, new ArtifactStore(folders.artifacts), states, '');
  return {
    async head(jobId) {
      const job = await queries.job(jobId);
      if (job === undefined) throw new NoJobError(`job: the chain has no job ${jobId}`);
      const head = present(job.head, 'job.head');
      const spec = specFromProto(job.spec);
      await library.bringState(job, head);
      // Whoever asks each round would keep the models of all rounds.
      await library.tidy(KEPT);
      const kept = present(states.get(spec, head.stateRoot), 'the state');
      try {
        return { job, head, spec, state: wholeOf(kept, layoutOf(spec).stateLeafBytes) };
      } finally {
        kept.close();
      }
    },
    evaluate: ({ spec, head }, dataset) => workbench.run({ kind: 'evaluate', spec, stateRoot: head.stateRoot, dataset }),
    logits: ({ spec, head }, tokens) => workbench.run({ kind: 'logits', spec, stateRoot: head.stateRoot, tokens }),
    close: () => workbench.close(),
  };
}

/** The model as a safetensors file that names where it is from. */
export function exportModel(model: Model, chainId: string): Uint8Array {
  const { job, head, spec, state } = model;
  const metadata = {
    format: 'pt',
    chain_id: chainId,
    job: job.id.toString(),
    round: head.round.toString(),
    steps: head.steps.toString(),
    height: head.height.toString(),
    state_root: toHex(head.stateRoot),
  };
  return toSafetensors(spec, state, metadata);
}

/** Name of the test part of the set that a job trains on; undefined where it has none by its name. */
export function testSetOf(job: Job): string | undefined {
  const name = job.training?.name ?? '';
  return name.endsWith('/train') ? name.replace(/\/train$/, '/test') : undefined;
}

/** Share of samples whose largest logit is the label's, in ten-thousandths, rounded down. */
export function accuracyOf(result: EvaluateResult): number {
  return Math.floor((result.correct * 10_000) / result.samples);
}
