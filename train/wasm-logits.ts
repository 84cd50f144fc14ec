// SPDX-License-Identifier: Apache-2.0
// The logits of the next token in a trainer's memory, by one thread: the same places, of which a shorter text takes the beginnings.
import { encodeSample, type NextToken } from './logits.ts';
import type { Program } from './program.ts';
import { tokenBytes } from './spec.ts';
import type { OpContext } from './wasm-context.ts';
import type { MemoryPlan } from './wasm-memory.ts';
import { runOp } from './wasm-ops.ts';
import { SOLO } from './wasm-team.ts';

/** Runs the pass on `c`, a context of one sample whose thread has the first lane. InvalidStepError as the reference. */
export function runNext(c: OpContext, next: NextToken, tokens: readonly number[]): Float32Array {
  const { program, head, rows, model } = next;
  const { buffer } = c.memory;
  new Uint16Array(buffer, c.plan.tokens, rows).set(tokens);
  new Uint8Array(buffer).set(encodeSample(model.vocab, tokens), c.plan.samples);
  const solo = (plan: MemoryPlan): OpContext => ({ ...c, plan, team: SOLO, samples: 1, stride: (rows + 1) * tokenBytes(model.vocab) });
  const plan: MemoryPlan = { ...c.plan, program, capacity: 1 };
  const body = solo(plan);
  for (const op of next.body) runOp(op, body);
  const last = 4 * (rows - 1) * (program.buffers[head.x]?.cols ?? 0);
  const buffers = plan.buffers.map((at, i) => (i === head.x ? at + last : at));
  const single: Program = { ...program, buffers: next.headShapes };
  runOp(head, solo({ ...plan, program: single, buffers }));
  return new Float32Array(buffer, plan.buffers[head.out] as number, model.vocab).slice();
}
