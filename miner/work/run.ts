// SPDX-License-Identifier: Apache-2.0
import { ArtifactError } from '../artifact/format.ts';
import { ArtifactReader } from '../artifact/reader.ts';
import type { Bench, TaskControl } from './bench.ts';
import { shapeOfRound } from './context.ts';
import { evaluate, init } from './evaluate.ts';
import { Opener } from './open.ts';
import type { OpenTask, Results, Task } from './tasks.ts';
import { train } from './train.ts';
import { verify } from './verify.ts';

/** Runs one task in this thread. */
export async function runTask(bench: Bench, task: Task, control: TaskControl): Promise<Results[Task['kind']]> {
  switch (task.kind) {
    case 'init':
      return init(bench, task);
    case 'train':
      return await train(bench, task, control);
    case 'verify':
      return await verify(bench, task, control);
    case 'open':
      return open(bench, task);
    case 'evaluate':
      return await evaluate(bench, task, control);
    case 'logits':
      return await (await bench.nextLogits(task.spec, task.stateRoot))(task.tokens);
    default:
      return task satisfies never;
  }
}

function open(bench: Bench, task: OpenTask): Results['open'] {
  const { context } = task;
  const stored = bench.artifacts.get(task.artifactRoot);
  if (stored === undefined) throw new ArtifactError('it is not here');
  const parent = bench.state(context.spec, context.parentRoot);
  try {
    const reader = ArtifactReader.open(stored.file, shapeOfRound(context));
    try {
      const opener = new Opener(reader, parent);
      return task.leaves.map(({ segment, leaf }) => opener.open(segment, leaf));
    } finally {
      reader.close();
    }
  } finally {
    parent.close();
  }
}
