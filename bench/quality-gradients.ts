// SPDX-License-Identifier: Apache-2.0
// Our gradient against PyTorch's autograd, at a point that training has reached.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Trainer } from '../train/backend.ts';
import { initialState } from '../train/init.ts';
import { toSafetensors } from '../train/safetensors.ts';
import { readFloats, writeState } from '../train/state.ts';
import { batchOf, type StudyTask, seedBytes } from './quality-tasks.ts';
import { runPython, withExport } from './torch-python.ts';

/**
 * Relative distances after `steps` steps, on the next batch: of exact8 (before coding) and of binary32 from binary64,
 * and of torch.py's simulation from exact8; see `gradients` there.
 */
export async function runGradients(task: StudyTask, trainer: Trainer, seed: number, steps: number, python: string): Promise<unknown> {
  const { spec } = task;
  const { layout } = trainer;
  await trainer.load(initialState(spec, seedBytes(seed, 1)));
  for (let step = 1; step <= steps; step++) await trainer.step(batchOf(task, seed, step), step);
  const state = await trainer.state();
  const batches = batchOf(task, seed, steps + 1);
  const { activations } = await trainer.gradient(batches);
  const theta = new Float32Array(layout.paddedCount);
  readFloats(activations, activations.length - 4 * theta.length, theta);
  const moments = Array.from({ length: layout.moments }, () => new Float32Array(theta.length));
  return await withExport(task, { arm: 'binary32', threads: 1, state, batches, steps: 1 }, async (folder) => {
    await writeFile(join(folder, 'gradient.safetensors'), toSafetensors(spec, writeState({ theta, moments })));
    const figures = (await runPython(python, 'gradients', folder)) as object;
    return { model: task.model, data: task.data, seed, steps, parameters: layout.count, ...figures };
  });
}
