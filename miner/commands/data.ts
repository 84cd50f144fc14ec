// SPDX-License-Identifier: Apache-2.0
// `pogo-miner data`: which sets there are, checking them, and adding one's own.
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { toHex } from '../../core/bytes.ts';
import { type AddOptions, addSet, ownFolder } from '../data/add.ts';
import { DATASET_NAMES, openDataset, recomputeRoot } from '../data/dataset.ts';
import { DataError } from '../data/idx.ts';
import type { Manifest } from '../data/manifest.ts';
import { listSets } from '../data/set.ts';
import { PARTS } from '../data/windows.ts';

interface Flags {
  readonly folder?: string;
  readonly mnist?: string;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What stands in a job file for the sets of a manifest. */
function jobLines({ name, sample_bytes: bytes, parts, text, table }: Manifest): string[] {
  const line = (field: string, part: (typeof PARTS)[number]): string => {
    const { root, size } = parts[part];
    return `  "${field}": ${JSON.stringify({ name: `${name}/${part}`, root, size, sample_bytes: bytes })},`;
  };
  const model = [
    ...(text === undefined ? [] : [`  "model": { "kind": "gpt", "vocab": ${text.vocab}, "context": ${text.context}, ... },`]),
    ...(table === undefined ? [] : [`  "model": { "kind": "mlp", "layers": [${bytes - 1}, ..., ${table.classes.length}], "input_exponent": -8 },`]),
  ];
  return [...model, line('training', 'train'), line('evaluation', 'holdout')];
}

function describe({ text, table, sample_bytes: bytes }: Manifest): string {
  if (text !== undefined) return `text, ${text.vocabulary.kind} vocabulary of ${text.vocab}, context ${text.context}, stride ${text.stride}`;
  if (table !== undefined) return `table, ${bytes - 1} inputs, ${table.classes.length} classes of "${table.label}"`;
  return `${bytes - 1} inputs and a label`;
}

async function add(path: string, options: AddOptions & Flags): Promise<void> {
  const parent = options.folder ?? ownFolder();
  const made = await addSet(path, options, parent);
  print(`${made.name}: ${describe(made)}`);
  for (const part of PARTS) print(`  ${part.padEnd(8)}${made.parts[part].size} samples, root ${made.parts[part].root}`);
  print(`kept in ${join(parent, made.name)}; in a job file:`);
  for (const line of jobLines(made)) print(line);
}

function list(flags: Flags): void {
  const parent = flags.folder ?? ownFolder();
  print('built in');
  for (const name of DATASET_NAMES) print(`  ${name}`);
  print('  and kjv or sotu, -char-, -byte- or -bpeN-, any context: kjv-byte-256/train, kjv-bpe1024-128/train');
  const own = listSets(parent);
  print(`own, in ${parent}${own.length === 0 ? ': none' : ''}`);
  for (const set of own) for (const part of PARTS) print(`  ${set.name}/${part}  ${set.parts[part].size} samples  ${describe(set)}`);
}

/** Computes every root again. DataError for the first that differs. */
async function verify(names: readonly string[], flags: Flags): Promise<void> {
  const options = { ...(flags.folder === undefined ? {} : { sets: flags.folder }), ...(flags.mnist === undefined ? {} : { mnist: flags.mnist }) };
  const own = listSets(flags.folder ?? ownFolder()).flatMap((set) => PARTS.map((part) => `${set.name}/${part}`));
  for (const name of names.length === 0 ? [...DATASET_NAMES, ...own] : names) {
    const set = await openDataset(name, options);
    const root = toHex(recomputeRoot(set));
    if (root !== toHex(set.root)) throw new DataError(`${name}: its samples have the root ${root}, recorded is ${toHex(set.root)}`);
    print(`${name}  ${set.size} samples of ${set.sampleBytes} bytes  root ${root}  ok`);
  }
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a positive whole number.');
  return Number(text);
}

/** Adds `data` with its verbs. */
export function addDataCommands(program: Command): void {
  const data = program.command('data').description('data sets: which there are, checking them, adding your own');
  const folder = (): Option => new Option('--folder <folder>', 'folder of your own sets (default: $POGO_DATA, or ~/.pogo/data)');
  data
    .command('list', { isDefault: true })
    .description('names of the sets that are here')
    .addOption(folder())
    .action((flags: Flags) => list(flags));
  data
    .command('verify [names...]')
    .description('compute the roots again; of all sets without names')
    .addOption(folder())
    .option('--mnist <folder>', 'folder of the four MNIST files')
    .action((names: readonly string[], flags: Flags) => verify(names, flags));
  data
    .command('add <file>')
    .description('make a set of a text file, a folder of them, or a CSV file')
    .option('--name <name>', 'name of the set (default: that of the file)')
    .option(
      '--vocabulary <kind>',
      'of a text: character, byte, bpe:N to learn N tokens from it, or the path of a tokenizer.json (default: character)',
    )
    .option('--context <n>', 'of a text: tokens that the model sees (default: 64)', whole)
    .option('--stride <n>', 'of a text: tokens from one sample to the next (default: the context)', whole)
    .option('--label <column>', 'of a CSV file: column to predict (default: the last)')
    .addOption(folder())
    .action((path: string, options: AddOptions & Flags) => add(path, options));
}
