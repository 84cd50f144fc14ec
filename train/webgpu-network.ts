// SPDX-License-Identifier: Apache-2.0
// A specification's whole step as one list of dispatches, from samples to codes and the new state, none of which leaves the
// device unless a caller reads it.
import { BLOCK_PARAMETERS, type Layout, LEAF_PARAMETERS, layoutOf } from './layout.ts';
import { compile, type Op, type Program } from './program.ts';
import { type CodeBits, rowsPerSample, sampleBytes, type TrainSpec } from './spec.ts';
import { EXP_TABLE, LOG_TABLE } from './tables.ts';
import { encode } from './webgpu-codes.ts';
import { type Inputs, record, type Surroundings } from './webgpu-ops.ts';
import { Plan, type PlanOptions } from './webgpu-plan.ts';
import type { Ref } from './webgpu-shader.ts';
import { COEFFICIENTS, MODEL4, update } from './webgpu-update.ts';

/** Parts of the list, in its order: samples to losses; to the gradient; its codes; the update; the 4-bit form to losses. */
export const PARTS = ['forward', 'backward', 'encode', 'update', 'four'] as const;
export type PartName = (typeof PARTS)[number];

/** Parameters of a workgroup that codes them: four blocks of 64, a quarter of a leaf. */
const PARAMETERS_A_GROUP = LEAF_PARAMETERS / 4;

export interface Network {
  readonly layout: Layout;
  readonly plan: Plan;
  readonly program: Program;
  /** First dispatch of each part, and the number of dispatches. */
  readonly starts: readonly number[];
  readonly state: readonly Ref[];
  readonly gradient: Ref;
  readonly codes: Ref;
  readonly coefficients: Ref;
  readonly inputs: Inputs;
  readonly refs: readonly Ref[];
}

/** The list of a specification. */
export function recordNetwork(spec: TrainSpec, options: PlanOptions): Network {
  const layout = layoutOf(spec);
  const plan = new Plan(options);
  const program = compile(spec, spec.batchSize);
  const rows = spec.batchSize * rowsPerSample(spec.model);
  const bits = codeBits(layout);
  const padded = layout.paddedCount;
  const state = Array.from({ length: 1 + layout.moments }, () => plan.fixed(padded));
  const [theta, gradient, codes] = [state[0] as Ref, plan.fixed(padded), plan.fixed(layout.codeBytes / 4)];
  const coefficients = plan.fixed(COEFFICIENTS.length);
  const inputs = inputsOf(plan, spec, rows);
  const surroundings = (params: Ref): Surroundings => {
    const refs = program.buffers.map((shape) => plan.buffer(shape.rows * shape.cols));
    return { plan, shapes: program.buffers, refs, theta: params, gradient, leaves: layout.leafCount, sampleBytes: sampleBytes(spec.model), inputs };
  };
  const [loss, ...backward] = program.backward;
  const forward = loss === undefined ? program.forward : [...program.forward, loss];
  const main = surroundings(theta);
  const starts = [0];
  const part = (run: () => void): void => {
    run();
    starts.push(plan.dispatches.length);
  };
  part(() => recordAll(forward, main));
  part(() => recordAll(backward, main));
  part(() => {
    plan.begin('codes');
    plan.run(encode(bits), padded / PARAMETERS_A_GROUP, {}, [gradient, codes]);
    plan.keep(main.refs[program.logits] as Ref);
  });
  part(() => {
    plan.begin('update');
    plan.each(update(spec.optimizer.kind, bits), padded, {}, [coefficients, codes, ...state]);
  });
  part(() => {
    plan.begin('model4');
    // In the gradient's place, which the next step fills anew but for its padding: that is +0 in both.
    plan.run(MODEL4, padded / PARAMETERS_A_GROUP, {}, [theta, gradient]);
    recordAll(forward, surroundings(gradient));
  });
  return { layout, plan, program, starts, state, gradient, codes, coefficients, inputs, refs: main.refs };
}

/** Bits of a gradient code: a block has an exponent and 8 bytes for each bit of its 64 codes. */
export function codeBits({ codeBytes, paddedCount }: Layout): CodeBits {
  return codeBytes / (paddedCount / BLOCK_PARAMETERS) === 33 ? 4 : 5;
}

function recordAll(ops: readonly Op[], s: Surroundings): void {
  for (const op of ops) record(op, s);
}

function inputsOf(plan: Plan, { model, batchSize }: TrainSpec, rows: number): Inputs {
  const gpt = model.kind === 'gpt';
  return {
    samples: plan.fixed(gpt ? rows : Math.floor((batchSize * sampleBytes(model) + 3) / 4)),
    labels: plan.fixed(rows),
    tokenStarts: plan.fixed(gpt ? model.vocab + 1 : 1),
    tokenRows: plan.fixed(gpt ? rows : 1),
    positionStarts: plan.fixed(gpt ? model.context + 1 : 1),
    positionRows: plan.fixed(gpt ? rows : 1),
    tables: plan.fixed(EXP_TABLE.length + LOG_TABLE.length),
    losses: plan.fixed(rows),
    predicted: plan.fixed(rows),
  };
}
