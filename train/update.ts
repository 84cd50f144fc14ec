// SPDX-License-Identifier: Apache-2.0
// The optimisers, element by element in binary32, every rounding shown (f = Math.fround). The learning rate and the
// bias corrections are functions of the global step, which counts from 1 over the whole job.
import { InvalidStepError } from './errors.ts';
import { FLUSH, FLUSH_SQUARE, flush, fromBits } from './float32.ts';
import type { AdamwSpec, OptimizerSpec, ScheduleSpec, TrainSpec } from './spec.ts';
import { allFinite, type StateArrays } from './state.ts';

const f = Math.fround;

/**
 * Learning rate of a global step. Warm-up: base * (step / warmup). Then base * (floor + (1 - floor) * (total - step)
 * / (total - warmup)); base * floor from `totalSteps` on.
 */
export function learningRate(schedule: ScheduleSpec, globalStep: number): number {
  const base = fromBits(schedule.baseRate);
  const floor = fromBits(schedule.floorRatio);
  let ratio = floor;
  if (globalStep <= schedule.warmupSteps) ratio = f(globalStep / schedule.warmupSteps);
  else if (globalStep < schedule.totalSteps) {
    const left = f((schedule.totalSteps - globalStep) / (schedule.totalSteps - schedule.warmupSteps));
    ratio = f(floor + f(f(1 - floor) * left));
  }
  return flush(f(base * ratio));
}

/** beta^step by repeated multiplication from 1, +0 once below 2^-60; the loop ends there. */
export function betaPower(beta: number, step: number): number {
  return betaPowers(beta)(step);
}

/** As `betaPower`, remembering the last step asked for: a step after it takes one multiplication. */
function betaPowers(beta: number): (step: number) => number {
  let [at, power] = [0, 1];
  return (step) => {
    if (step < at) [at, power] = [0, 1];
    for (; at < step && power !== 0; at++) power = flush(f(power * beta));
    at = step;
    return power;
  };
}

/** The scalars of one step's update; which of them matter depends on the optimiser. */
export interface Coefficients {
  readonly rate: number;
  readonly momentum: number;
  readonly beta1: number;
  /** f(1 - beta1) */
  readonly gain1: number;
  readonly beta2: number;
  /** f(1 - beta2) */
  readonly gain2: number;
  readonly epsilon: number;
  /** f(1 - f(rate * weightDecay)) */
  readonly keep: number;
  /** f(rate / f(1 - beta1^step)), flushed */
  readonly stepSize: number;
  /** f(1 / f(sqrt(f(1 - beta2^step)))) */
  readonly rootScale: number;
}

const NONE = { momentum: 0, beta1: 0, gain1: 0, beta2: 0, gain2: 0, epsilon: 0, keep: 1, stepSize: 0, rootScale: 0 };

/**
 * Scalars of the update of a global step, any step at any time; steps that follow one another cost the same however many
 * went before, while the first one costs as many multiplications as its number, but fewer than 171,000: the decays that a
 * specification may have (validate.ts) end at zero by then.
 */
export function coefficientsOf(spec: TrainSpec): (globalStep: number) => Coefficients {
  const optimizer: OptimizerSpec = spec.optimizer;
  if (optimizer.kind === 'sgd') {
    const momentum = fromBits(optimizer.momentum);
    return (globalStep) => ({ ...NONE, rate: learningRate(spec.schedule, globalStep), momentum });
  }
  const adamw = adamwCoefficients(optimizer);
  return (globalStep) => adamw(learningRate(spec.schedule, globalStep), globalStep);
}

/** Scalars of the update of one step. */
export function coefficients(spec: TrainSpec, globalStep: number): Coefficients {
  return coefficientsOf(spec)(globalStep);
}

function adamwCoefficients(optimizer: AdamwSpec): (rate: number, globalStep: number) => Coefficients {
  const beta1 = fromBits(optimizer.beta1);
  const beta2 = fromBits(optimizer.beta2);
  const [power1, power2] = [betaPowers(beta1), betaPowers(beta2)];
  return (rate, globalStep) => ({
    rate,
    momentum: 0,
    beta1,
    gain1: f(1 - beta1),
    beta2,
    gain2: f(1 - beta2),
    epsilon: fromBits(optimizer.epsilon),
    keep: f(1 - f(rate * fromBits(optimizer.weightDecay))),
    stepSize: flush(f(rate / f(1 - power1(globalStep)))),
    rootScale: f(1 / f(Math.sqrt(f(1 - power2(globalStep))))),
  });
}

/** m := f(f(momentum * m) + g); theta := f(theta - f(rate * m)); both flushed. */
export function updateSgd(c: Coefficients, theta: Float32Array, m: Float32Array, g: Float32Array): void {
  for (let i = 0; i < theta.length; i++) {
    const moment = flush(f(f(c.momentum * (m[i] as number)) + (g[i] as number)));
    m[i] = moment;
    theta[i] = flush(f((theta[i] as number) - f(c.rate * moment)));
  }
}

/**
 * m := f(f(beta1 * m) + f(gain1 * g)), flushed at 2^-60; v := f(f(beta2 * v) + f(gain2 * f(g * g))), flushed at 2^-100;
 * u := f(m / f(f(f(sqrt(v)) * rootScale) + epsilon)), flushed; theta := f(f(keep * theta) - f(stepSize * u)), flushed.
 */
export function updateAdamw(c: Coefficients, theta: Float32Array, m: Float32Array, v: Float32Array, g: Float32Array): void {
  for (let i = 0; i < theta.length; i++) {
    const gradient = g[i] as number;
    const first = f(f(c.beta1 * (m[i] as number)) + f(c.gain1 * gradient));
    const second = f(f(c.beta2 * (v[i] as number)) + f(c.gain2 * f(gradient * gradient)));
    const moment = first < FLUSH && first > -FLUSH ? 0 : first;
    const square = second < FLUSH_SQUARE ? 0 : second;
    m[i] = moment;
    v[i] = square;
    const direction = flush(f(moment / f(f(f(Math.sqrt(square)) * c.rootScale) + c.epsilon)));
    theta[i] = flush(f(f(c.keep * (theta[i] as number)) - f(c.stepSize * direction)));
  }
}

/**
 * One update of whole leaves from a decoded gradient, in place. InvalidStepError when a value is no longer finite.
 */
export function update(spec: TrainSpec, c: Coefficients, state: StateArrays, gradient: Float32Array): void {
  const [m, v] = state.moments;
  if (spec.optimizer.kind === 'sgd') updateSgd(c, state.theta, m as Float32Array, gradient);
  else updateAdamw(c, state.theta, m as Float32Array, v as Float32Array, gradient);
  if (!allFinite(state.theta) || !state.moments.every(allFinite)) throw new InvalidStepError('update: the new state is not finite');
}
