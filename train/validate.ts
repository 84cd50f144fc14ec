// SPDX-License-Identifier: Apache-2.0
// The rules of a training specification. Input may come from a job file, so types are checked as well.
import { SpecError } from './errors.ts';
import { fromBits } from './float32.ts';
import { layoutOf } from './layout.ts';
import { LIMITS, type ModelSpec, type OptimizerSpec, type ScheduleSpec, type TrainSpec } from './spec.ts';

/** The specification that `input` is; throws SpecError naming field and rule. Unknown fields are refused. */
export function validateSpec(input: unknown): TrainSpec {
  const spec = fields(input, 'spec', ['arithmetic', 'model', 'optimizer', 'schedule', 'batchSize']);
  if (spec.arithmetic !== 'exact8') throw new SpecError('arithmetic', "must be 'exact8'");
  const model = validateModel(spec.model);
  const optimizer = validateOptimizer(spec.optimizer);
  const schedule = validateSchedule(spec.schedule);
  const batchSize = integer(spec.batchSize, 'batchSize', 1, LIMITS.batchSize);
  const valid: TrainSpec = { arithmetic: 'exact8', model, optimizer, schedule, batchSize };
  if (layoutOf(valid).paddedCount > LIMITS.parameters) throw new SpecError('model', `must have at most ${LIMITS.parameters} parameters with padding`);
  const width = model.layers.reduce((a, b) => a + b, 0);
  if (width * batchSize > LIMITS.activations) throw new SpecError('batchSize', `times the sum of the layers must be at most ${LIMITS.activations}`);
  return valid;
}

function validateModel(input: unknown): ModelSpec {
  const kind = kindOf(input);
  if (kind !== 'mlp') throw new SpecError('model.kind', "must be 'mlp'");
  const model = fields(input, 'model', ['kind', 'layers', 'inputExponent']);
  const layers: unknown = model.layers;
  if (!Array.isArray(layers)) throw new SpecError('model.layers', 'must be a list');
  if (layers.length < 2 || layers.length > LIMITS.layers) throw new SpecError('model.layers', `must have 2 to ${LIMITS.layers} entries`);
  const widths = layers.map((width: unknown, i) => integer(width, `model.layers[${i}]`, 1, LIMITS.width));
  if ((widths[widths.length - 1] as number) < 2) throw new SpecError(`model.layers[${widths.length - 1}]`, 'must be at least 2 classes');
  if ((widths[widths.length - 1] as number) > 256)
    throw new SpecError(`model.layers[${widths.length - 1}]`, 'must be at most 256 classes, since a label is one byte');
  return { kind: 'mlp', layers: widths, inputExponent: integer(model.inputExponent, 'model.inputExponent', -16, 0) };
}

function validateOptimizer(input: unknown): OptimizerSpec {
  const kind = kindOf(input);
  if (kind === 'sgd') {
    const sgd = fields(input, 'optimizer', ['kind', 'momentum']);
    return { kind, momentum: float(sgd.momentum, 'optimizer.momentum', { least: 2 ** -20, below: 1, zero: true }) };
  }
  if (kind !== 'adamw') throw new SpecError('optimizer.kind', "must be 'sgd' or 'adamw'");
  const adamw = fields(input, 'optimizer', ['kind', 'beta1', 'beta2', 'epsilon', 'weightDecay']);
  return {
    kind,
    beta1: float(adamw.beta1, 'optimizer.beta1', { least: 2 ** -20, most: 1 - 2 ** -12, zero: true }),
    beta2: float(adamw.beta2, 'optimizer.beta2', { least: 2 ** -20, most: 1 - 2 ** -12 }),
    epsilon: float(adamw.epsilon, 'optimizer.epsilon', { least: 2 ** -40, most: 1 }),
    weightDecay: float(adamw.weightDecay, 'optimizer.weightDecay', { least: 2 ** -30, most: 1, zero: true }),
  };
}

function validateSchedule(input: unknown): ScheduleSpec {
  const schedule = fields(input, 'schedule', ['baseRate', 'warmupSteps', 'totalSteps', 'floorRatio']);
  const totalSteps = integer(schedule.totalSteps, 'schedule.totalSteps', 1, LIMITS.totalSteps);
  return {
    baseRate: float(schedule.baseRate, 'schedule.baseRate', { least: 2 ** -40, most: 16 }),
    warmupSteps: integer(schedule.warmupSteps, 'schedule.warmupSteps', 0, totalSteps - 1),
    totalSteps,
    floorRatio: float(schedule.floorRatio, 'schedule.floorRatio', { least: 2 ** -20, most: 1, zero: true }),
  };
}

function kindOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
}

function fields<K extends string>(input: unknown, path: string, names: readonly K[]): Record<K, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw new SpecError(path, 'must be an object');
  for (const name of Object.keys(input))
    if (!(names as readonly string[]).includes(name)) throw new SpecError(`${path}.${name}`, 'is not a known field');
  for (const name of names) if (!Object.hasOwn(input, name)) throw new SpecError(`${path}.${name}`, 'is missing');
  return input as Record<K, unknown>;
}

function integer(value: unknown, path: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most || Object.is(value, -0)) {
    throw new SpecError(path, `must be an integer from ${least} to ${most}`);
  }
  return value;
}

interface FloatRule {
  readonly least: number;
  readonly most?: number;
  readonly below?: number;
  readonly zero?: boolean;
}

/** binary32 bits whose value lies in the range; positive zero where `zero` allows it. */
function float(bits: unknown, path: string, rule: FloatRule): number {
  const valid = integer(bits, path, 0, 0xffffffff);
  const value = fromBits(valid);
  if (valid === 0 && rule.zero) return valid;
  const under = rule.below === undefined ? value <= (rule.most ?? 0) : value < rule.below;
  if (value >= rule.least && under) return valid;
  const upper = rule.below === undefined ? `at most ${rule.most}` : `below ${rule.below}`;
  throw new SpecError(path, `must be the bits of a binary32 that is ${rule.zero ? '0 or ' : ''}at least ${rule.least} and ${upper}`);
}
