// SPDX-License-Identifier: Apache-2.0
// The message of the job to post. Its data sets are opened here first, own ones too: so they are made once, before any
// daemon asks, and what is wrong with them is said at once.
import { createJobMessage, loadJob, type ResolvedDataset } from '../client/job-file.ts';
import { describeDataset, openDataset, vocabularyOf } from '../miner/data/dataset.ts';
import type { MsgCreateJob } from '../proto/gen/pogo.v1.ts';

/** Names of data sets in a parsed job file. */
function namesIn(json: unknown): string[] {
  if (typeof json !== 'object' || json === null) return [];
  const { training, evaluation } = json as { readonly training?: unknown; readonly evaluation?: unknown };
  return [training, evaluation].filter((name) => typeof name === 'string');
}

/** Throws UsageError or DataError naming what is wrong. */
export async function jobMessage(job: string, owner: string): Promise<MsgCreateJob> {
  const json = loadJob(job);
  const sets = new Map<string, ResolvedDataset>();
  for (const name of namesIn(json)) {
    const vocabulary = await vocabularyOf(name);
    sets.set(name, { set: describeDataset(await openDataset(name)), vocab: vocabulary?.size });
  }
  return createJobMessage(json, owner, job, (name) => sets.get(name));
}
