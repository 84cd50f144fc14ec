// SPDX-License-Identifier: Apache-2.0
// The quality study: exact8 on the real kernels against binary32 in PyTorch, from the same first state over the same
// data in the same order. One line for each run, then means over the seeds.
//   npm run -s bench -- quality --model mlp|cnn|gpt --corpus kjv|sotu --seeds 5 --steps 2000 --arm exact8,binary32
//     --python PATH [--first-seed 0] [--code-bits 4] [--backend auto] [--threads 1] [--gradients] [--json]
// `exact8` needs no Python; every other arm is one of torch.py. `--gradients` instead compares the gradient after --steps
// steps with autograd's.
import { parseArgs } from 'node:util';
import { BACKENDS, type BackendName, selectBackend } from '../miner/work/backends.ts';
import type { Trainer } from '../train/backend.ts';
import { initialState } from '../train/init.ts';
import { nativeBackend, wasmBackend } from '../train/wasm.ts';
import { runGradients } from './quality-gradients.ts';
import { type Arm, FOUR, summary } from './quality-summary.ts';
import { batchOf, MODELS, type ModelName, type StudyTask, seedBytes, studyTask, TEXTS, type Text } from './quality-tasks.ts';
import { runPython, withExport } from './torch-python.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'mlp' },
    corpus: { type: 'string', default: 'kjv' },
    seeds: { type: 'string', default: '5' },
    'first-seed': { type: 'string', default: '0' },
    steps: { type: 'string', default: '2000' },
    arm: { type: 'string', default: 'exact8,binary32' },
    backend: { type: 'string', default: 'auto' },
    threads: { type: 'string', default: '1' },
    'code-bits': { type: 'string', default: '4' },
    python: { type: 'string' },
    gradients: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((k) => k === value);
  if (found === undefined) throw new Error(`bench: --${name} ${value} is not one of ${known.join(', ')}`);
  return found;
}

function whole(name: 'seeds' | 'steps' | 'first-seed' | 'threads', least: number): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < least) throw new Error(`bench: --${name} must be a whole number from ${least}`);
  return value;
}

function python(): string {
  if (values.python === undefined) throw new Error('bench: every arm but exact8 needs --python PATH, a Python that has torch and numpy');
  return values.python;
}

async function openTrainer(task: StudyTask, backend: BackendName, threads: number): Promise<Trainer> {
  if (backend === 'wasm') return wasmBackend({ threads }).create(task.spec);
  if (backend === 'native') return nativeBackend({ threads }).create(task.spec);
  return await (await selectBackend(backend)).create(task.spec);
}

/** Trains on our own kernels; losses come in 2^-16 nats. */
async function trainExact(task: StudyTask, trainer: Trainer, seed: number, steps: number): Promise<Arm> {
  const { spec, judged } = task;
  await trainer.load(initialState(spec, seedBytes(seed, 1)));
  const start = performance.now();
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { loss } = await trainer.step(batchOf(task, seed, step), step);
    losses.push(Number(loss) / spec.batchSize / 65536);
  }
  const seconds = (performance.now() - start) / 1000;
  const last = losses.slice(-100);
  const figures: Arm['judged'] = {};
  for (const [name, samples] of Object.entries(judged)) {
    for (const form of ['full', 'four'] as const) {
      const { losses: each, predicted } = await trainer.evaluate(samples, form);
      const bytes = samples.length / each.length;
      const right = predicted.filter((p, i) => p === samples[(i + 1) * bytes - 1]).length;
      const loss = each.reduce((sum, x) => sum + x, 0) / each.length / 65536;
      figures[form === 'full' ? name : `${name}${FOUR}`] = { loss, accuracy: right / each.length };
    }
  }
  return { training_loss: last.reduce((a, b) => a + b, 0) / last.length, judged: figures, seconds };
}

/** Trains in PyTorch on the same batches from the same state. */
async function trainTorch(task: StudyTask, arm: string, seed: number, steps: number, threads: number): Promise<Arm> {
  const each = batchOf(task, seed, 1).length;
  const batches = new Uint8Array(each * steps);
  for (let step = 1; step <= steps; step++) batches.set(batchOf(task, seed, step), (step - 1) * each);
  const state = initialState(task.spec, seedBytes(seed, 1));
  return await withExport(task, { arm, threads, state, batches, steps }, async (folder) => (await runPython(python(), 'train', folder)) as Arm);
}

const model: ModelName = oneOf('model', values.model, MODELS);
const corpus: Text = oneOf('corpus', values.corpus, TEXTS);
const [seeds, first, steps, threads] = [whole('seeds', 1), whole('first-seed', 0), whole('steps', values.gradients ? 0 : 2), whole('threads', 1)];
const codeBits = oneOf('code-bits', values['code-bits'], ['4', '5'] as const) === '5' ? 5 : 4;
const task = await studyTask(model, corpus, Math.max(steps, 2), codeBits);
const trainer = await openTrainer(task, oneOf('backend', values.backend, BACKENDS), threads);
const arms = values.arm.split(',');
if (arms.some((arm) => arm !== 'exact8') || values.gradients) python();
try {
  if (values.gradients) {
    process.stdout.write(`${JSON.stringify(await runGradients(task, trainer, first, steps, python()))}\n`);
  } else {
    const runs = new Map<string, Arm[]>(arms.map((arm) => [arm, []]));
    for (let seed = first; seed < first + seeds; seed++) {
      for (const arm of arms) {
        const run = arm === 'exact8' ? await trainExact(task, trainer, seed, steps) : await trainTorch(task, arm, seed, steps, threads);
        runs.get(arm)?.push(run);
        process.stdout.write(`${JSON.stringify({ model, data: task.data, code_bits: codeBits, arm, seed, steps, ...run })}\n`);
      }
    }
    const table = summary(runs);
    process.stdout.write(
      values.json ? `${JSON.stringify({ model, data: task.data, code_bits: codeBits, steps, seeds, ...table })}\n` : `${table.text}\n`,
    );
  }
} finally {
  await trainer.close();
}
