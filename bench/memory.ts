// SPDX-License-Identifier: Apache-2.0
// Peak resident memory of training beside PyTorch's (binary32, eager, fused AdamW): each side trains the same batches
// from the same start in a process of its own. Linux, which tells the peak of a process.
//   npm run -s bench -- memory --model mlp|cnn|gpt|gpt-large|gpt-100m --backend wasm|native --threads T --steps N --python PATH [--json]
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { initialState } from '../train/init.ts';
import { layoutOf } from '../train/layout.ts';
import { rowsPerSample } from '../train/spec.ts';
import { batchOf, MODELS, seedBytes, studyTask } from './quality-tasks.ts';
import { runPython, withExport } from './torch-python.ts';

/** What a side prints; KiB. `baseline`: before the model is made: a bare Node, or a Python that has imported torch. */
interface Side {
  readonly baseline: number;
  readonly peak: number;
  readonly losses: readonly number[];
  /** Of a step. */
  readonly seconds: number;
}

const run = promisify(execFile);
const mib = (kib: number): number => Number((kib / 1024).toFixed(1));
const rounded = (x: number): number => Number(x.toFixed(3));

function options() {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'mlp' },
      backend: { type: 'string', default: 'wasm' },
      threads: { type: 'string', default: '1' },
      steps: { type: 'string', default: '20' },
      python: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const model = MODELS.find((name) => name === values.model);
  if (model === undefined) throw new Error(`bench: --model ${values.model} is not one of ${MODELS.join(', ')}`);
  if (values.backend !== 'wasm' && values.backend !== 'native') throw new Error('bench: --backend must be wasm or native');
  const steps = Number(values.steps);
  if (!Number.isInteger(steps) || steps < 1) throw new Error('bench: --steps must be a whole number above 0');
  return { ...values, model, steps, threads: Number(values.threads) };
}

async function ourSide(folder: string, backend: string, threads: number): Promise<Side> {
  const side = join(import.meta.dirname, 'memory-side.ts');
  const { stdout } = await run(process.execPath, [side, folder, backend, String(threads)], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as Side;
}

async function compare(): Promise<{ readonly json: boolean; readonly result: Record<string, unknown> }> {
  const { model, backend, threads, steps, python, json } = options();
  const task = { ...(await studyTask(model, 'kjv', Math.max(steps, 100))), judged: {} };
  const { spec } = task;
  const batches = Buffer.concat(Array.from({ length: steps }, (_, i) => batchOf(task, 0, i + 1)));
  const state = initialState(spec, seedBytes(0, 1));
  const { ours, torch } = await withExport(task, { arm: 'binary32', threads, state, batches, steps }, async (folder) => {
    await writeFile(join(folder, 'spec.json'), JSON.stringify(spec));
    await writeFile(join(folder, 'state.bin'), state);
    const ours = await ourSide(folder, backend, threads);
    return { ours, torch: python === undefined ? undefined : ((await runPython(python, 'memory', folder)) as Side) };
  });
  const mean = ({ losses }: Side, from: number, to: number): number =>
    rounded(losses.slice(from, to).reduce((a, b) => a + b, 0) / losses.slice(from, to).length);
  const described = (side: Side, name: string): Record<string, number> => ({
    [`${name}peak_mib`]: mib(side.peak),
    [`${name}baseline_mib`]: mib(side.baseline),
    [`${name}seconds_per_step`]: rounded(side.seconds),
    [`${name}tokens_per_second`]: Math.floor((spec.batchSize * rowsPerSample(spec.model)) / side.seconds),
    [`${name}first_loss`]: mean(side, 0, 1),
    [`${name}last_loss`]: mean(side, -Math.ceil(steps / 5), steps),
  });
  const ratios =
    torch === undefined
      ? {}
      : {
          ...described(torch, 'torch_'),
          ratio: rounded(ours.peak / torch.peak),
          ratio_above_baseline: rounded((ours.peak - ours.baseline) / (torch.peak - torch.baseline)),
        };
  const size = { parameters: layoutOf(spec).count, batch: spec.batchSize, steps };
  return { json, result: { model, backend, threads, ...size, ...described(ours, ''), ...ratios } };
}

const { json, result } = await compare();
if (!json) for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(28)} ${value}\n`);
else process.stdout.write(`${JSON.stringify(result)}\n`);
