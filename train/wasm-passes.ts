// SPDX-License-Identifier: Apache-2.0
// The passes of a step, each walked through by every thread of a team: forward, backward, codes and update.
import { InvalidCodesError, InvalidStepError } from './errors.ts';
import { BLOCK_PARAMETERS, BLOCKS_PER_LEAF } from './layout.ts';
import type { Op } from './program.ts';
import type { Coefficients } from './update.ts';
import type { OpContext } from './wasm-context.ts';
import { runOp } from './wasm-ops.ts';

const INFINITE = 0x7f800000;
/** Faults of kernels/update.ts, above all magnitudes so that the largest of a team is one of them. */
const FAULT = 0x7fffff00;
const FAULTS = [
  '',
  'an exponent byte is outside 70..180',
  'negative zero',
  'an exponent byte above 70 without a code of step 7',
  'a fifth bit at a zero',
];

/** What a trainer asks of its threads; passes are a sum of `PASS`. */
export interface Command {
  readonly passes: number;
  /** Samples in memory. */
  readonly samples: number;
  /** Address of the parameters. */
  readonly theta: number;
  /** For an update. */
  readonly globalStep: number;
}

/** In the order in which they run; `update` makes codes from the gradient, `apply` reads those in memory. */
export const PASS = { forward: 1, losses: 2, backward: 4, encode: 8, update: 16, apply: 32 } as const;

/** Runs a command, this thread's share of it; `coefficients`: those of the specification. InvalidStepError, InvalidCodesError. */
export function execute(c: OpContext, coefficients: (globalStep: number) => Coefficients, { passes, globalStep }: Command): void {
  if (passes & PASS.forward) forward(c);
  if (passes & PASS.losses) runOp(c.plan.program.backward[0] as Op, c);
  if (passes & PASS.backward) backward(c);
  if (passes & PASS.encode) encodeGradient(c);
  if (passes & (PASS.update | PASS.apply)) update(c, coefficients(globalStep), (passes & PASS.update) !== 0);
}

/** From samples to logits. */
function forward(c: OpContext): void {
  for (const op of c.plan.program.forward) runOp(op, c);
}

/** From logits and labels to losses and the gradient. */
function backward(c: OpContext): void {
  for (const op of c.plan.program.backward) runOp(op, c);
}

/** Codes of the gradient. */
function encodeGradient(c: OpContext): void {
  const { plan } = c;
  blocks(c, (from, to) => c.kernels.update.encode(plan.gradient + 4 * from, to - from, codesAt(c, from), plan.fifth, c.lane.scratch));
}

/** The update with the decoded codes: `encode` makes them from the gradient, otherwise they lie in memory. */
function update(c: OpContext, s: Coefficients, encode: boolean): void {
  const { plan, lane, kernels } = c;
  const gradient = (from: number): number => (encode ? plan.gradient + 4 * from : 0);
  const [m, v] = plan.moments as readonly [number, number?];
  if (v === undefined) {
    blocks(c, (from, to) => {
      const places = [gradient(from), codesAt(c, from), plan.fifth, plan.theta + 4 * from, m + 4 * from] as const;
      return kernels.update.sgd(...places, to - from, s.rate, s.momentum, lane.scratch);
    });
    return;
  }
  const scalars = [s.beta1, s.gain1, s.beta2, s.gain2, s.epsilon, s.keep, s.stepSize, s.rootScale];
  new Float32Array(c.memory.buffer, lane.scratch + 512, scalars.length).set(scalars);
  blocks(c, (from, to) => {
    const places = [gradient(from), codesAt(c, from), plan.fifth, plan.theta + 4 * from, m + 4 * from, v + 4 * from] as const;
    return kernels.update.adamw(...places, to - from, lane.scratch + 512, lane.scratch);
  });
}

function codesAt(c: OpContext, parameter: number): number {
  return c.plan.codes + (parameter / BLOCK_PARAMETERS) * (c.plan.codeLeafBytes / BLOCKS_PER_LEAF);
}

/** This thread's share of all blocks; `run` returns a magnitude, -1 for a gradient that is not finite, or -1 - fault. */
function blocks(c: OpContext, run: (from: number, to: number) => number): void {
  let result = 0;
  c.team.split(c.plan.parameters, BLOCK_PARAMETERS, (from, to) => {
    const got = run(from, to);
    result = got < 0 ? FAULT - got : got;
  });
  const top = c.team.top(result);
  if (top < INFINITE) return;
  if (top === FAULT + 1) throw new InvalidStepError('codes: a gradient is not finite');
  if (top > FAULT) throw new InvalidCodesError(`codes: ${FAULTS[top - FAULT - 1]}`);
  throw new InvalidStepError('update: the new state is not finite');
}
