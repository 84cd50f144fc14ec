// SPDX-License-Identifier: Apache-2.0
// `pogo-miner model | sample | evaluate`: the model that a job's chain has agreed on, for use.
import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createQueries, createRpc } from '../../client/index.ts';
import { toHex } from '../../core/bytes.ts';
import { classCount } from '../../train/spec.ts';
import { cardOf } from '../card.ts';
import { failover } from '../chain.ts';
import { dataOptionsOf, loadConfig } from '../config.ts';
import type { DataOptions } from '../data/dataset.ts';
import { accuracyOf, createModelReader, exportModel, type Model, type ModelReader, testSetOf } from '../model.ts';
import { vocabularyOfJob, writeText } from '../sample.ts';
import { BACKENDS, type BackendName } from '../work/backends.ts';
import type { EvaluateResult } from '../work/tasks.ts';

interface ModelFlags {
  readonly config?: string;
  readonly node?: string;
  readonly job: bigint;
  readonly folder: string;
  readonly backend: BackendName;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function nodesOf({ node, config }: ModelFlags): readonly string[] {
  if (node !== undefined) return [node];
  return config === undefined ? ['http://127.0.0.1:26657'] : loadConfig(config).nodes;
}

function dataOf({ config }: ModelFlags): DataOptions {
  return config === undefined ? {} : dataOptionsOf(loadConfig(config));
}

/** Hands the head of the job to `use`. */
async function withModel(flags: ModelFlags, use: (model: Model, reader: ModelReader, nodes: readonly string[]) => Promise<void>): Promise<void> {
  const nodes = nodesOf(flags);
  const reader = await createModelReader({ nodes, folder: flags.folder, backend: flags.backend, data: dataOf(flags) });
  try {
    await use(await reader.head(flags.job), reader, nodes);
  } finally {
    await reader.close();
  }
}

/** Figures of a data set in one line. */
export function figuresLine(model: Model, dataset: string, result: EvaluateResult): string {
  const loss = Number((result.loss * 10_000n) / BigInt(result.samples)) / 65_536 / 10_000;
  const percent = (accuracyOf(result) / 100).toFixed(2);
  if (model.spec.model.kind !== 'gpt') return `${dataset}: ${percent} % of ${result.samples} samples, mean loss ${loss.toFixed(4)}`;
  const guess = Math.log(classCount(model.spec.model)).toFixed(4);
  return `${dataset}: loss ${loss.toFixed(4)} nats per token (${(loss / Math.LN2).toFixed(4)} bits; guessing has ${guess} nats), perplexity ${Math.exp(loss).toFixed(3)}, last token of ${result.samples} samples right in ${percent} %`;
}

async function show(flags: ModelFlags & { readonly out?: string; readonly dataset?: string }): Promise<void> {
  await withModel(flags, async (model, reader, nodes) => {
    const { job, head } = model;
    print(`job ${job.id} "${job.title}", round ${head.round}, ${head.steps} steps, state root ${toHex(head.stateRoot)}`);
    if (flags.out !== undefined) await save(model, nodes, { ...flags, out: flags.out });
    const dataset = flags.dataset ?? testSetOf(job) ?? 'none';
    if (dataset !== 'none') print(figuresLine(model, dataset, await reader.evaluate(model, dataset)));
  });
}

async function save(model: Model, nodes: readonly string[], { out, ...flags }: ModelFlags & { readonly out: string }): Promise<void> {
  const rpc = failover(nodes.map((node) => createRpc(node)));
  const { chainId } = await rpc.status();
  // Without the text the model is still one; only its vocabulary is not described.
  const vocabulary = model.spec.model.kind === 'gpt' ? await vocabularyOfJob(model, dataOf(flags)).catch(() => undefined) : undefined;
  const card = await cardOf(model, chainId, createQueries(rpc), vocabulary);
  writeFileSync(out, exportModel(model, chainId));
  writeFileSync(`${out}.json`, `${JSON.stringify(card, null, 2)}\n`);
  print(`written to ${out}, its card to ${out}.json`);
}

interface SampleFlags extends ModelFlags {
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly seed: string;
}

async function sample(flags: SampleFlags): Promise<void> {
  await withModel(flags, async (model, reader) => {
    const vocabulary = await vocabularyOfJob(model, dataOf(flags));
    let begin = flags.prompt;
    for await (const text of writeText(reader, model, vocabulary, flags)) {
      process.stdout.write(begin + text);
      begin = '';
    }
    process.stdout.write(`${begin}\n`);
  });
}

async function evaluate(flags: ModelFlags & { readonly dataset: string }): Promise<void> {
  await withModel(flags, async (model, reader) => print(figuresLine(model, flags.dataset, await reader.evaluate(model, flags.dataset))));
}

function jobNumber(text: string): bigint {
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new InvalidArgumentError('must be the number of a job.');
  return BigInt(text);
}

function tokenCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 0 to 999999.');
  return Number(text);
}

function temperature(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('must be a decimal of at least 0.');
  return Number(text);
}

/** Adds `model`, `sample` and `evaluate`. */
export function addModelCommands(program: Command): void {
  const common = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .addOption(new Option('--job <id>', 'number of the job').argParser(jobNumber).makeOptionMandatory())
      .option('--node <address>', 'RPC address of a node (default: http://127.0.0.1:26657; of a localnet http://127.0.0.1:26601)')
      .option('--config <file>', 'configuration to take the nodes from')
      .option('--folder <folder>', 'folder for what is downloaded', join(homedir(), '.pogo', 'models'))
      .addOption(new Option('--backend <name>', 'what computes').choices(BACKENDS).default('auto'));
  common('model', 'download the model of a job, check it, measure it')
    .option('--out <file>', 'write it as safetensors, with a model card beside it')
    .option('--dataset <name>', "set to measure it on, or none (default: the test part of the job's training set)")
    .action((flags: Parameters<typeof show>[0]) => show(flags));
  common('sample', 'let the language model of a job write')
    .requiredOption('--prompt <text>', 'how the text begins')
    .option('--tokens <n>', 'new tokens', tokenCount, 300)
    .option('--temperature <t>', '0 for the most likely token each time', temperature, 0.8)
    .option('--seed <text>', 'decides the draws: the same seed gives the same text everywhere', '1')
    .action((flags: SampleFlags) => sample(flags));
  common('evaluate', 'measure the model of a job on a whole data set')
    .requiredOption('--dataset <name>', 'such as mnist/test, kjv-char-64/test or one of your own')
    .action((flags: Parameters<typeof evaluate>[0]) => evaluate(flags));
}
