// SPDX-License-Identifier: Apache-2.0
// Test accuracy for display: the model is downloaded from the daemons, checked against the chain's root, and measured here.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createModelReader, type ModelReader } from '../miner/model.ts';
import type { Job } from '../proto/gen/pogo.v1.ts';
import type { Network } from './network.ts';

/** Test set of a job by the name of its training set; undefined where there is none. */
function testSetOf(job: Job): string | undefined {
  const name = job.training?.name ?? '';
  return name.endsWith('/train') ? name.replace(/\/train$/, '/test') : undefined;
}

export interface AccuracyReader {
  /** Share of the test set that the job's head classifies rightly, 0..1; undefined without a test set or when the model cannot be had now. */
  read(job: Job): Promise<number | undefined>;
  /** As measured in this or an earlier run. */
  known(jobId: bigint, round: number): number | undefined;
  close(): Promise<void>;
}

/** Figures measured in earlier runs, by job and round: their models are gone from the network. */
function readKnown(file: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  } catch {
    // Never written, or cut off by a kill: the figures are for display and new ones come.
    return {};
  }
}

/** Starts reading models when first asked. */
export function createAccuracy(network: Network, onNotice: (text: string) => void): AccuracyReader {
  let reader: Promise<ModelReader> | undefined;
  const file = join(network.home, 'accuracy.json');
  const known = readKnown(file);
  const start = (): Promise<ModelReader> =>
    createModelReader({ nodes: network.validators.map((v) => `http://127.0.0.1:${v.rpcPort}`), folder: join(network.home, 'models') });
  return {
    async read(job) {
      const testSet = testSetOf(job);
      if (testSet === undefined) return undefined;
      try {
        reader ??= start();
        const models = await reader;
        const model = await models.head(job.id);
        if (model.head.round !== job.head?.round) return undefined;
        const { correct, samples } = await models.evaluate(model, testSet);
        known[`${job.id}/${model.head.round}`] = correct / samples;
        writeFileSync(file, `${JSON.stringify(known)}\n`);
        return correct / samples;
      } catch (error) {
        onNotice(`the model of round ${job.head?.round} could not be measured: ${(error as Error).message}`);
        return undefined;
      }
    },
    known: (jobId, round) => known[`${jobId}/${round}`],
    close: async () => (await reader)?.close(),
  };
}
