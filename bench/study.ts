// SPDX-License-Identifier: Apache-2.0
// The whole quality study: each row of docs/exact-arithmetic.md's table by quality.ts in a process of its own, then the
// table in Markdown.
//   npm run -s bench -- study --python PATH [--seeds 5] [--steps N] [--backend auto] [--ablations] [--json]
// `--steps` shortens every row, for a look; `--ablations` adds each part of the recipe changed once, with one seed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { Summary } from './quality-summary.ts';

interface Row {
  readonly name: string;
  readonly args: readonly string[];
  readonly steps: number;
}

/** Five epochs for the classifiers. */
const ROWS: readonly Row[] = [
  { name: 'MLP 784-256-10, MNIST', args: ['--model', 'mlp'], steps: 4300 },
  { name: 'CNN, Fashion-MNIST, codes of 5 bits', args: ['--model', 'cnn', '--code-bits', '5'], steps: 4300 },
  { name: 'CNN, Fashion-MNIST, codes of 4 bits', args: ['--model', 'cnn'], steps: 4300 },
  { name: 'GPT 3 x 128, King James', args: ['--model', 'gpt', '--corpus', 'kjv'], steps: 2000 },
  { name: 'GPT 3 x 128, State of the Union', args: ['--model', 'gpt', '--corpus', 'sotu'], steps: 2000 },
];

const CHANGES = ['forward-binary32', 'backward-binary32', 'softmax-binary32', 'forward-7', 'backward-8', 'scopes-tensor'];
const CODES = ['codes-binary32', 'codes-5', 'codes-linear'];
const ABLATED: readonly (Row & { readonly arms: readonly string[] })[] = [
  { name: 'MLP', args: ['--model', 'mlp'], steps: 2000, arms: CHANGES },
  { name: 'CNN', args: ['--model', 'cnn'], steps: 2000, arms: CHANGES },
  { name: 'GPT', args: ['--model', 'gpt'], steps: 2000, arms: [...CHANGES, 'probabilities-binary32', 'norm-binary32'] },
];

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    seeds: { type: 'string', default: '5' },
    steps: { type: 'string' },
    backend: { type: 'string', default: 'auto' },
    ablations: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

/** Runs quality.ts, passing on its lines, and returns the last one. */
async function quality(row: Row, seeds: string, arms: readonly string[]): Promise<Summary> {
  if (values.python === undefined) throw new Error('bench: the study needs --python PATH, a Python that has torch and numpy');
  const steps = values.steps ?? String(row.steps);
  const common = ['--steps', steps, '--seeds', seeds, '--arm', arms.join(','), '--python', values.python, '--backend', values.backend, '--json'];
  const child = spawn(process.execPath, [join(import.meta.dirname, 'quality.ts'), ...row.args, ...common], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    process.stdout.write(`${line}\n`);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`bench: ${row.name} ended with ${code}`);
  return JSON.parse(last) as Summary;
}

const percent = (x: number): string => `${x > 0 ? '+' : ''}${x.toFixed(2)}`;

/** One line for each part that the models were judged on. */
function lines(name: string, { arms }: Summary): string[] {
  return Object.entries(arms).flatMap(([arm, parts]) =>
    Object.entries(parts).flatMap(([part, { loss, loss_percent: l, accuracy_points: a }]) => {
      if (l === undefined || a === undefined) return [];
      const base = arms['binary32']?.[part.split(' ')[0] ?? '']?.loss;
      return [
        `| ${name}, ${arm} | ${part} | ${base} | ${loss} | ${percent(l[0])} % (${percent(l[1])} to ${percent(l[2])}) | ${percent(a[0])} points |`,
      ];
    }),
  );
}

const table = ['| network and data | part | binary32 | loss | difference, mean (least to greatest) | accuracy |', '|---|---|---|---|---|---|'];
for (const row of ROWS) table.push(...lines(row.name, await quality(row, values.seeds, ['exact8', 'binary32'])));
if (values.ablations) {
  for (const row of ABLATED) table.push(...lines(`${row.name}, one seed`, await quality(row, '1', ['simulated', 'binary32', ...row.arms, ...CODES])));
}
process.stdout.write(values.json ? `${JSON.stringify({ seeds: Number(values.seeds), table })}\n` : `${table.join('\n')}\n`);
