// SPDX-License-Identifier: Apache-2.0
// The rules of a training specification. Input may come from a job file, so types are checked as well.
import { SpecError } from './errors.ts';
import { fromBits } from './float32.ts';
import { layoutOf } from './layout.ts';
import { compile } from './program.ts';
import { type CnnSpec, type GptSpec, LIMITS, type MlpSpec, type ModelSpec, type OptimizerSpec, type ScheduleSpec, type TrainSpec } from './spec.ts';
import { geometriesOf } from './tensors.ts';

/** The specification that `input` is; throws SpecError naming field and rule. Unknown fields are refused. */
export function validateSpec(input: unknown): TrainSpec {
  const spec = fields(input, 'spec', ['arithmetic', 'model', 'optimizer', 'schedule', 'batchSize'], ['codeBits']);
  if (spec.arithmetic !== 'exact8') throw new SpecError('arithmetic', "must be 'exact8'");
  const model = validateModel(spec.model);
  const optimizer = validateOptimizer(spec.optimizer);
  const schedule = validateSchedule(spec.schedule);
  const batchSize = integer(spec.batchSize, 'batchSize', 1, LIMITS.batchSize);
  const valid: TrainSpec = { arithmetic: 'exact8', model, optimizer, schedule, batchSize, ...codeBitsField(spec.codeBits) };
  if (layoutOf(valid).paddedCount > LIMITS.parameters) throw new SpecError('model', `must have at most ${LIMITS.parameters} parameters with padding`);
  const elements = compile(valid, batchSize).buffers.reduce((a, { rows, cols }) => a + rows * cols, 0);
  if (elements > LIMITS.activations)
    throw new SpecError('batchSize', `makes ${elements} activations of a step, at most ${LIMITS.activations} are allowed`);
  return valid;
}

/** 4 is what the field's absence means, and one specification has one form. */
function codeBitsField(value: unknown): { readonly codeBits?: 5 } {
  if (value === undefined || value === 4) return {};
  if (value !== 5) throw new SpecError('codeBits', 'must be 4 or 5');
  return { codeBits: 5 };
}

function validateModel(input: unknown): ModelSpec {
  const kind = kindOf(input);
  if (kind === 'mlp') return validateMlp(input);
  if (kind === 'cnn') return validateCnn(input);
  if (kind === 'gpt') return validateGpt(input);
  throw new SpecError('model.kind', "must be 'mlp', 'gpt' or 'cnn'");
}

function validateMlp(input: unknown): MlpSpec {
  const model = fields(input, 'model', ['kind', 'layers', 'inputExponent']);
  const layers = list(model.layers, 'model.layers', 2, LIMITS.layers).map((width, i) => integer(width, `model.layers[${i}]`, 1, LIMITS.width));
  classes(layers[layers.length - 1], `model.layers[${layers.length - 1}]`);
  return { kind: 'mlp', layers, inputExponent: integer(model.inputExponent, 'model.inputExponent', -16, 0) };
}

/** A label is one byte. */
function classes(value: unknown, path: string): number {
  return integer(value, path, 2, 256);
}

function validateCnn(input: unknown): CnnSpec {
  const names = ['kind', 'height', 'width', 'channels', 'convolutions', 'hidden', 'classes', 'inputExponent'] as const;
  const model = fields(input, 'model', names);
  const convolutions = list(model.convolutions, 'model.convolutions', 1, LIMITS.layers).map((entry, i) => {
    const at = `model.convolutions[${i}]`;
    const { filters, kernel, stride } = fields(entry, at, ['filters', 'kernel', 'stride']);
    return {
      filters: integer(filters, `${at}.filters`, 1, LIMITS.width),
      kernel: integer(kernel, `${at}.kernel`, 1, LIMITS.kernel),
      stride: integer(stride, `${at}.stride`, 1, LIMITS.kernel),
    };
  });
  const valid: CnnSpec = {
    kind: 'cnn',
    height: integer(model.height, 'model.height', 1, 4096),
    width: integer(model.width, 'model.width', 1, 4096),
    channels: integer(model.channels, 'model.channels', 1, 64),
    convolutions,
    hidden: list(model.hidden, 'model.hidden', 0, LIMITS.layers).map((width, i) => integer(width, `model.hidden[${i}]`, 1, LIMITS.width)),
    classes: classes(model.classes, 'model.classes'),
    inputExponent: integer(model.inputExponent, 'model.inputExponent', -16, 0),
  };
  geometriesOf(valid).forEach(({ outHeight, outWidth }, i) => {
    if (outHeight < 1 || outWidth < 1) throw new SpecError(`model.convolutions[${i}].kernel`, 'must not be larger than the padded image');
  });
  return valid;
}

function validateGpt(input: unknown): GptSpec {
  const model = fields(input, 'model', ['kind', 'vocab', 'context', 'width', 'layers', 'heads', 'tied']);
  const width = integer(model.width, 'model.width', 1, LIMITS.width);
  const heads = integer(model.heads, 'model.heads', 1, width);
  if (width % heads !== 0) throw new SpecError('model.width', 'must be a multiple of model.heads');
  if (typeof model.tied !== 'boolean') throw new SpecError('model.tied', 'must be true or false');
  return {
    kind: 'gpt',
    vocab: integer(model.vocab, 'model.vocab', 2, LIMITS.vocab),
    context: integer(model.context, 'model.context', 1, LIMITS.context),
    width,
    layers: integer(model.layers, 'model.layers', 1, LIMITS.blocks),
    heads,
    tied: model.tied,
  };
}

function validateOptimizer(input: unknown): OptimizerSpec {
  const kind = kindOf(input);
  if (kind === 'sgd') {
    const sgd = fields(input, 'optimizer', ['kind', 'momentum'], ['clip']);
    return { kind, momentum: float(sgd.momentum, 'optimizer.momentum', { least: 2 ** -20, below: 1, zero: true }), ...clipOf(sgd.clip) };
  }
  if (kind !== 'adamw') throw new SpecError('optimizer.kind', "must be 'sgd' or 'adamw'");
  const adamw = fields(input, 'optimizer', ['kind', 'beta1', 'beta2', 'epsilon', 'weightDecay'], ['clip']);
  return {
    kind,
    beta1: float(adamw.beta1, 'optimizer.beta1', { least: 2 ** -20, most: 1 - 2 ** -12, zero: true }),
    beta2: float(adamw.beta2, 'optimizer.beta2', { least: 2 ** -20, most: 1 - 2 ** -12 }),
    epsilon: float(adamw.epsilon, 'optimizer.epsilon', { least: 2 ** -40, most: 1 }),
    weightDecay: float(adamw.weightDecay, 'optimizer.weightDecay', { least: 2 ** -30, most: 1, zero: true }),
    ...clipOf(adamw.clip),
  };
}

function clipOf(value: unknown): { readonly clip?: number } {
  return value === undefined ? {} : { clip: float(value, 'optimizer.clip', { least: 2 ** -20, most: 2 ** 20 }) };
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

/** The named fields of an object; those in `optional` may be absent, any other is refused. */
function fields<K extends string, O extends string = never>(
  input: unknown,
  path: string,
  names: readonly K[],
  optional: readonly O[] = [],
): Record<K | O, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw new SpecError(path, 'must be an object');
  const known: readonly string[] = [...names, ...optional];
  for (const name of Object.keys(input)) if (!known.includes(name)) throw new SpecError(`${path}.${name}`, 'is not a known field');
  for (const name of names) if (!Object.hasOwn(input, name)) throw new SpecError(`${path}.${name}`, 'is missing');
  return input as Record<K | O, unknown>;
}

function list(value: unknown, path: string, least: number, most: number): unknown[] {
  if (!Array.isArray(value)) throw new SpecError(path, 'must be a list');
  if (value.length < least || value.length > most) throw new SpecError(path, `must have ${least} to ${most} entries`);
  return value;
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
