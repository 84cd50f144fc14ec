// SPDX-License-Identifier: Apache-2.0
// What a finalised model can do, for display: it is downloaded from the daemons, checked against the chain's root, and
// tried here. A classifier is measured on its test set, a language model goes on with a text that it was not trained on.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '../miner/data/dataset.ts';
import { createModelReader, type Model, type ModelReader, testSetOf } from '../miner/model.ts';
import { vocabularyOfJob, writeText } from '../miner/sample.ts';
import type { Job } from '../proto/gen/pogo.v1.ts';
import { tokenBytes } from '../train/spec.ts';
import type { Network } from './network.ts';
import type { Figure } from './view.ts';

/** Tokens of the prompt, and tokens that are written. */
const PROMPT = 16;
const WRITTEN = 160;

export interface FigureReader {
  /** Begins to find out about the job's head; its figure once it is known. */
  read(job: Job): Figure | undefined;
  /** As found out in this or an earlier run. */
  known(jobId: bigint, round: number): Figure | undefined;
  close(): Promise<void>;
}

/** Figures of earlier runs, by job and round: their models are gone from the network. */
function readKnown(file: string): Record<string, Figure> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Figure>;
  } catch {
    // Never written, or cut off by a kill: the figures are for display and new ones come.
    return {};
  }
}

/** Starts reading models when first asked. */
export function createFigures(network: Network, onNotice: (text: string) => void): FigureReader {
  const nodes = network.validators.map((v) => `http://127.0.0.1:${v.rpcPort}`);
  const file = join(network.home, 'figures.json');
  const known = readKnown(file);
  let reader: Promise<ModelReader> | undefined;
  /** What is being found out, one at a time. */
  let work: Promise<void> | undefined;
  let closed = false;
  const find = async (job: Job): Promise<void> => {
    reader ??= createModelReader({ nodes, folder: join(network.home, 'models') });
    const models = await reader;
    const model = await models.head(job.id);
    const figure = await figureOf(models, model, () => closed);
    if (closed) return;
    known[`${job.id}/${model.head.round}`] = figure;
    writeFileSync(file, `${JSON.stringify(known)}\n`);
  };
  return {
    read(job) {
      const found = known[`${job.id}/${job.head?.round}`];
      if (found !== undefined || closed) return found;
      work ??= find(job)
        .catch((error: Error) => {
          if (!closed) onNotice(`the model of round ${job.head?.round} could not be tried: ${error.message}`);
        })
        .finally(() => {
          work = undefined;
        });
      return undefined;
    },
    known: (jobId, round) => known[`${jobId}/${round}`],
    async close() {
      closed = true;
      // What goes on ends with its thread.
      await (await reader?.catch(() => undefined))?.close();
      await work;
    },
  };
}

async function figureOf(models: ModelReader, model: Model, stopped: () => boolean): Promise<Figure> {
  if (model.spec.model.kind === 'gpt') return { text: await write(models, model, model.spec.model.vocab, stopped) };
  const testSet = testSetOf(model.job);
  if (testSet === undefined) return {};
  const { correct, samples } = await models.evaluate(model, testSet);
  return { accuracy: correct / samples };
}

/** The beginning of the first evaluation sample, and how the model goes on: the same prompt and draws each round. */
async function write(models: ModelReader, model: Model, vocab: number, stopped: () => boolean): Promise<NonNullable<Figure['text']>> {
  const vocabulary = await vocabularyOfJob(model);
  const sample = (await openDataset(model.job.evaluation?.name ?? '')).sample(0);
  const bytes = tokenBytes(vocab);
  const tokens = Array.from({ length: Math.min(PROMPT, sample.length / bytes - 1) }, (_, i) =>
    bytes === 1 ? (sample[i] as number) : ((sample[2 * i] as number) << 8) | (sample[2 * i + 1] as number),
  );
  const prompt = vocabulary.decode(tokens);
  let written = '';
  for await (const text of writeText(models, model, vocabulary, { prompt, tokens: WRITTEN, temperature: 0.8, seed: '1' })) {
    if (stopped()) break;
    written += text;
  }
  return { prompt, written };
}
