// SPDX-License-Identifier: Apache-2.0
// Commands that a person can type next, ready for a shell.
import { join } from 'node:path';
import type { LocalnetOptions } from './options.ts';
import { PROJECT } from './options.ts';
import type { Figure } from './view.ts';

/** `text` as one word of a shell's command line. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What continues this chain and this job. */
export function continueCommand({ home, job }: Pick<LocalnetOptions, 'home' | 'job'>): string {
  const flags = [...(home === join(PROJECT, '.localnet') ? [] : ['--home', home]), ...(job === 'mnist-mlp' ? [] : ['--job', job])];
  return ['npm start', ...(flags.length === 0 ? [] : ['--']), ...flags.map(shellWord)].join(' ');
}

/** What gets more out of the model while the chain runs: text that goes on as the shown one began, or the model as a file. */
export function useCommand(node: string, jobId: bigint, { text }: Figure): string {
  const which = `--job ${jobId} --node ${node}`;
  if (text === undefined) return `bin/pogo-miner model ${which} --out model.safetensors`;
  const line = text.prompt.split('\n').reduce((best, next) => (next.length > best.length ? next : best));
  return `bin/pogo-miner sample ${which} --prompt ${shellWord(line)}`;
}
