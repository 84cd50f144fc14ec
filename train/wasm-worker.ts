// SPDX-License-Identifier: Apache-2.0
// Entry of a trainer's further threads: waits for commands and takes its share of each.
import { workerData } from 'node:worker_threads';
import { InvalidCodesError, InvalidStepError } from './errors.ts';
import { sampleBytes } from './spec.ts';
import { coefficientsOf } from './update.ts';
import type { OpContext } from './wasm-context.ts';
import { type Lane, planMemory } from './wasm-memory.ts';
import { instantiate } from './wasm-module.ts';
import { execute } from './wasm-passes.ts';
import { awaitChange, CONTROL, createLooks, joinTeam, signal } from './wasm-team.ts';
import type { ThreadInput } from './wasm-threads.ts';

const { spec, kernels: compiled, memory, control, command, id, size } = workerData as ThreadInput;
const plan = planMemory(spec, size);
const kernels = instantiate(compiled, memory);
const team = joinTeam(control, id, size);
const lane = plan.lanes[id] as Lane;
const stride = sampleBytes(spec.model);
const looks = createLooks();
const coefficients = coefficientsOf(spec);

try {
  for (let seen = 0; ; seen++) {
    awaitChange(control, CONTROL.command, seen, looks, Number.POSITIVE_INFINITY);
    const [passes = 0, samples = 0, theta = 0, globalStep = 0] = command;
    const c: OpContext = { kernels, memory, plan, team, lane, samples, stride, theta };
    try {
      execute(c, coefficients, { passes, samples, theta, globalStep });
    } catch (error) {
      // All threads agree on these before they throw, and the caller's thread reports them.
      if (!(error instanceof InvalidStepError || error instanceof InvalidCodesError)) throw error;
    }
    team.wait();
  }
} catch (error) {
  Atomics.store(control, CONTROL.failed, 1);
  signal(control, CONTROL.phase);
  throw error;
}
