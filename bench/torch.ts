// SPDX-License-Identifier: Apache-2.0
// Our steps per second against PyTorch's (binary32, eager, fused AdamW) on this machine: both take turns in one run, so
// that whatever else the machine does meets both. Real steps with codes, without hashing.
//   npm run -s bench -- torch --model mlp|gpt|gpt-large --backend wasm|native --threads T --seconds S --python PATH [--json]
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Trainer } from '../train/backend.ts';
import { initialState } from '../train/init.ts';
import { nativeBackend, wasmBackend } from '../train/wasm.ts';
import { batchOf, MODELS, type StudyTask, seedBytes, studyTask } from './quality-tasks.ts';
import { startPython, withExport } from './torch-python.ts';

const TURNS = 6;
/** Shortest time that makes one sample of the median. */
const WINDOW_MS = 200;
/** Between turns, so that threads that spin for work have gone to sleep. */
const PAUSE_MS = 300;
/** Batches that PyTorch draws its samples from. */
const POOL = 64;
const STEPS = 2 ** 20;

interface Side {
  readonly median: number;
  readonly best: number;
}

interface TorchAnswer {
  readonly rates: readonly number[];
  readonly torch: string;
}

function sideOf(rates: readonly number[]): Side {
  const sorted = [...rates].sort((a, b) => a - b);
  return { median: Number((sorted[sorted.length >> 1] ?? 0).toFixed(2)), best: Number((sorted.at(-1) ?? 0).toFixed(2)) };
}

/** Steps for `seconds`, one rate for each window. */
async function turn(task: StudyTask, trainer: Trainer, seconds: number, from: number): Promise<{ readonly rates: number[]; readonly step: number }> {
  const rates: number[] = [];
  let step = from;
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const start = performance.now();
    const first = step;
    while (performance.now() - start < WINDOW_MS) {
      step++;
      await trainer.step(batchOf(task, 0, step), step);
    }
    rates.push(((step - first) * 1000) / (performance.now() - start));
  }
  return { rates, step };
}

/** A row whose median other processes had no part in: they used less than this of a core while it was taken. */
const QUIET_CORES = 0.25;

/** Hundredths of a second of processor time: of the whole machine, and of a process by its id. Linux; 0 elsewhere. */
function ticks(pid?: number): number {
  try {
    if (pid === undefined) {
      const [user, nice, system, , , irq, soft] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number);
      return [user, nice, system, irq, soft].reduce<number>((sum, x) => sum + (x ?? 0), 0);
    }
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    return (fields[11] ?? 0) + (fields[12] ?? 0);
  } catch {
    return 0;
  }
}

async function compare(): Promise<{ readonly json: boolean; readonly result: Record<string, unknown> }> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'mlp' },
      backend: { type: 'string', default: 'wasm' },
      threads: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '12' },
      python: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const model = MODELS.find((name) => name === values.model);
  if (model === undefined) throw new Error(`bench: --model ${values.model} is not one of ${MODELS.join(', ')}`);
  if (values.backend !== 'wasm' && values.backend !== 'native') throw new Error('bench: --backend must be wasm or native');
  if (values.python === undefined) throw new Error('bench: --python PATH is needed, a Python that has torch and numpy');
  const [threads, seconds] = [Number(values.threads), Number(values.seconds)];
  if (!(seconds > 0)) throw new Error('bench: --seconds must be a number above 0');
  const task = { ...(await studyTask(model, 'kjv', STEPS)), judged: {} };
  const trainer = await (values.backend === 'native' ? nativeBackend({ threads }) : wasmBackend({ threads })).create(task.spec);
  const state = initialState(task.spec, seedBytes(0, 1));
  await trainer.load(state);
  const batches = Buffer.concat(Array.from({ length: POOL }, (_, i) => batchOf(task, 0, i + 1)));
  const load = loadavg()[0] ?? 0;
  const sides = await withExport(task, { arm: 'binary32', threads, state, batches, steps: 1 }, async (folder) => {
    const python = startPython(values.python ?? '', 'speed', folder);
    const ask = async (s: number): Promise<TorchAnswer> => (await python.ask(String(s))) as TorchAnswer;
    const [ours, theirs]: [number[], number[]] = [[], []];
    let { step } = await turn(task, trainer, 1, 0);
    let answer = await ask(1);
    const used = (): number => ticks() - ticks(process.pid) - ticks(python.pid);
    const [began, before] = [performance.now(), used()];
    for (let i = 0; i < TURNS; i++) {
      await sleep(PAUSE_MS);
      const mine = await turn(task, trainer, seconds / TURNS / 2, step);
      step = mine.step;
      ours.push(...mine.rates);
      await sleep(PAUSE_MS);
      answer = await ask(seconds / TURNS / 2);
      theirs.push(...answer.rates);
    }
    const others = ((used() - before) * 10) / (performance.now() - began);
    await python.end();
    return { ours: sideOf(ours), torch: sideOf(theirs), version: answer.torch, others };
  });
  await trainer.close();
  const { ours, torch, version, others } = sides;
  return {
    json: values.json,
    result: {
      model,
      backend: values.backend,
      threads,
      parameters: trainer.layout.count,
      steps_per_second: ours.median,
      best: ours.best,
      torch_steps_per_second: torch.median,
      torch_best: torch.best,
      ratio: Number((ours.median / torch.median).toFixed(3)),
      ratio_best: Number((ours.best / torch.best).toFixed(3)),
      torch_version: version,
      load: Number(load.toFixed(2)),
      others_cores: Number(others.toFixed(2)),
      quiet: others < QUIET_CORES,
    },
  };
}

const { json, result } = await compare();
if (!json) for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(24)} ${value}\n`);
process.stdout.write(`${JSON.stringify(result)}\n`);
