// SPDX-License-Identifier: Apache-2.0
// A model's figures on a whole data set, for display.
import { initialState } from '../../train/init.ts';
import { stateTree } from '../../train/round.ts';
import { type ModelSpec, sampleBytes, tokenBytes } from '../../train/spec.ts';
import { DataError } from '../data/idx.ts';
import type { Bench, TaskControl } from './bench.ts';
import type { EvaluateResult, EvaluateTask, InitResult, InitTask } from './tasks.ts';

/** Samples that are put through at once. */
const ROWS = 500;

export async function evaluate(bench: Bench, task: EvaluateTask, control: TaskControl): Promise<EvaluateResult> {
  const { spec } = task;
  const dataset = await bench.datasetByName(task.dataset);
  const bytes = sampleBytes(spec.model);
  if (dataset.sampleBytes !== bytes) throw new DataError(`${dataset.name}: a sample has ${dataset.sampleBytes} bytes, the model takes ${bytes}`);
  const trainer = await bench.trainer(spec);
  const state = bench.state(spec, task.stateRoot);
  try {
    await trainer.load(state);
  } finally {
    state.close();
  }
  let correct = 0;
  let loss = 0n;
  for (let from = 0; from < dataset.size; from += ROWS) {
    control.check();
    const rows = Math.min(ROWS, dataset.size - from);
    const samples = new Uint8Array(rows * bytes);
    for (let i = 0; i < rows; i++) samples.set(dataset.sample(from + i), i * bytes);
    const result = await trainer.evaluate(samples, 'full');
    for (let i = 0; i < rows; i++) {
      if (result.predicted[i] === labelOf(spec.model, samples, (i + 1) * bytes)) correct++;
      loss += BigInt(result.losses[i] as number);
    }
  }
  return { samples: dataset.size, correct, loss };
}

/** Label of the sample that ends before `end`: its last byte, or its last token. */
function labelOf(model: ModelSpec, samples: Uint8Array, end: number): number {
  const low = samples[end - 1] as number;
  const wide = model.kind === 'gpt' && tokenBytes(model.vocab) === 2;
  return wide ? ((samples[end - 2] as number) << 8) | low : low;
}

export function init(bench: Bench, task: InitTask): InitResult {
  const state = initialState(task.spec, task.seed);
  const { root } = stateTree(task.spec, state);
  bench.states.put(task.spec, root, state);
  return { root };
}
