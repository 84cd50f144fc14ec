// SPDX-License-Identifier: Apache-2.0
// A training task as files that torch.py reads, and a Python to run it. A Python with PyTorch is never set up by the
// project: who wants the comparison gives its path.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBits } from '../train/float32.ts';
import { toSafetensors } from '../train/safetensors.ts';
import { type OptimizerSpec, sampleBytes } from '../train/spec.ts';
import { learningRate } from '../train/update.ts';
import type { StudyTask } from './quality-tasks.ts';

const SCRIPT = join(import.meta.dirname, 'torch.py');

export interface Export {
  readonly arm: string;
  readonly threads: number;
  /** State whose parameters are where the task begins. */
  readonly state: Uint8Array;
  /** Encoded samples of `steps` batches, one after another. */
  readonly batches: Uint8Array;
  readonly steps: number;
}

function optimizerOf(o: OptimizerSpec): Record<string, string | number> {
  if (o.clip !== undefined) throw new Error('bench: torch.py does not clip');
  if (o.kind === 'sgd') return { kind: 'sgd', momentum: fromBits(o.momentum) };
  const { beta1, beta2, epsilon, weightDecay } = o;
  return { kind: 'adamw', beta1: fromBits(beta1), beta2: fromBits(beta2), epsilon: fromBits(epsilon), weightDecay: fromBits(weightDecay) };
}

/** Calls `use` with a folder that holds the task, and removes the folder. */
export async function withExport<T>(task: StudyTask, data: Export, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'pogo bench '));
  const { spec, judged } = task;
  try {
    const described = {
      model: spec.model,
      optimizer: optimizerOf(spec.optimizer),
      arm: data.arm,
      threads: data.threads,
      batch: spec.batchSize,
      sampleBytes: sampleBytes(spec.model),
      rates: Array.from({ length: data.steps }, (_, i) => learningRate(spec.schedule, i + 1)),
      judged: Object.keys(judged),
    };
    await writeFile(join(folder, 'task.json'), JSON.stringify(described));
    await writeFile(join(folder, 'model.safetensors'), toSafetensors(spec, data.state));
    await writeFile(join(folder, 'batches.bin'), data.batches);
    for (const [name, samples] of Object.entries(judged)) await writeFile(join(folder, `${name}.bin`), samples);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** torch.py on a folder. `ask` sends a line and awaits the next line of output; `end` closes its input and awaits its end. */
export interface Python {
  readonly pid: number;
  ask(line: string | undefined): Promise<unknown>;
  end(): Promise<void>;
}

export function startPython(python: string, verb: 'train' | 'gradients' | 'memory' | 'speed', folder: string): Python {
  const threads = String(availableParallelism());
  const child = spawn(python, [SCRIPT, verb, folder], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, OMP_NUM_THREADS: threads } });
  const ended = endOf(child, python);
  const lines = linesOf(child);
  return {
    pid: child.pid ?? 0,
    async ask(line) {
      if (line !== undefined) child.stdin?.write(`${line}\n`);
      const answer = await Promise.race([lines.next(), ended.then(() => undefined)]);
      if (answer === undefined || answer.done === true) throw new Error(`bench: ${python} ended without an answer`);
      return JSON.parse(answer.value);
    },
    async end() {
      child.stdin?.end();
      await ended;
    },
  };
}

/** Runs torch.py once and returns what it printed. */
export async function runPython(python: string, verb: 'train' | 'gradients' | 'memory', folder: string): Promise<unknown> {
  const process = startPython(python, verb, folder);
  const answer = await process.ask(undefined);
  await process.end();
  return answer;
}

function endOf(child: ChildProcess, python: string): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`bench: ${python} cannot be run: ${error.message}`)));
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`bench: torch.py ended with ${code}`))));
  });
  // Whoever awaits it hears of a failure; nobody needs to.
  ended.catch(() => undefined);
  return ended;
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let rest = '';
  for await (const part of child.stdout ?? []) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
