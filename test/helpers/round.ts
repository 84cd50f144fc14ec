// SPDX-License-Identifier: Apache-2.0
// A small round of training, by the reference.
import type { Trainer } from '../../train/backend.ts';
import type { Committer } from '../../train/commit.ts';
import { initialState } from '../../train/init.ts';
import { reference } from '../../train/reference.ts';
import { type RoundInput, type RoundResult, runRound, type StepProgress } from '../../train/round.ts';
import type { MlpTrainSpec } from '../../train/spec.ts';
import { mlpSpec } from '../vectors/train/specs.ts';

export const spec: MlpTrainSpec = mlpSpec([40, 30, 4], 8);
const dataset = {
  size: 50,
  sample: (i: number): Uint8Array => Uint8Array.from({ length: 41 }, (_, c) => (c === 40 ? i % 4 : (i * 37 + c * 11) & 255)),
};
export const input: RoundInput = {
  binding: { chainId: 'pogo-test', job: 1n, round: 3n, miner: new Uint8Array(20).fill(1) },
  roundSeed: new Uint8Array(32).fill(4),
  parentState: initialState(spec, new Uint8Array(32).fill(9)),
  stepsBefore: 100,
  steps: 7,
  checkpointEvery: 3,
  dataset,
};

/** Seven steps, or what `change` makes of them. */
export async function train(
  change: Partial<RoundInput> = {},
  round?: Committer,
  trainer: Trainer = reference.create(spec),
): Promise<{ steps: StepProgress[]; result: RoundResult }> {
  const steps: StepProgress[] = [];
  const run = runRound(trainer, { ...input, ...change }, round);
  for (let next = await run.next(); ; next = await run.next()) {
    if (next.done) return { steps, result: next.value };
    steps.push(next.value);
  }
}
