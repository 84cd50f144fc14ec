// SPDX-License-Identifier: Apache-2.0
// Test accuracy for display: the model is downloaded from the daemons, checked against the chain's root, and measured here.
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
  close(): Promise<void>;
}

/** Starts reading models when first asked. */
export function createAccuracy(network: Network, onNotice: (text: string) => void): AccuracyReader {
  let reader: Promise<ModelReader> | undefined;
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
        return correct / samples;
      } catch (error) {
        onNotice(`the model of round ${job.head?.round} could not be measured: ${(error as Error).message}`);
        return undefined;
      }
    },
    close: async () => (await reader)?.close(),
  };
}
