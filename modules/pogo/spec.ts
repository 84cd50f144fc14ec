// SPDX-License-Identifier: Apache-2.0
// Training specifications on the wire to those that train/ understands, and back.
import type { TrainSpec as ProtoTrainSpec } from '../../proto/gen/pogo.v1.ts';
import { SpecError } from '../../train/errors.ts';
import type { OptimizerSpec, TrainSpec } from '../../train/spec.ts';
import { validateSpec } from '../../train/validate.ts';

function modelOf(spec: ProtoTrainSpec): unknown {
  const mlp = spec.model?.mlp;
  if (mlp === undefined) throw new SpecError('model', 'must be an mlp');
  return { kind: 'mlp', ...mlp };
}

function optimizerOf(spec: ProtoTrainSpec): unknown {
  const { sgd, adamw } = spec.optimizer ?? {};
  if (sgd !== undefined) return { kind: 'sgd', ...sgd };
  if (adamw !== undefined) return { kind: 'adamw', ...adamw };
  throw new SpecError('optimizer', 'must be sgd or adamw');
}

/** The validated specification of a message; throws SpecError naming field and rule. */
export function specFromProto(spec: ProtoTrainSpec | undefined): TrainSpec {
  if (spec === undefined) throw new SpecError('spec', 'is required');
  return validateSpec({
    arithmetic: spec.arithmetic,
    model: modelOf(spec),
    optimizer: optimizerOf(spec),
    schedule: { ...(spec.schedule ?? {}) },
    batchSize: spec.batchSize,
  });
}

function optimizerToProto(optimizer: OptimizerSpec): NonNullable<ProtoTrainSpec['optimizer']> {
  const { kind, ...fields } = optimizer;
  return kind === 'sgd'
    ? { sgd: fields as { readonly momentum: number } }
    : { adamw: fields as Omit<Extract<OptimizerSpec, { kind: 'adamw' }>, 'kind'> };
}

/** The message of a specification. */
export function specToProto(spec: TrainSpec): ProtoTrainSpec {
  if (spec.model.kind !== 'mlp') throw new SpecError('model', 'must be an mlp');
  const { layers, inputExponent } = spec.model;
  return {
    arithmetic: spec.arithmetic,
    model: { mlp: { layers, inputExponent } },
    optimizer: optimizerToProto(spec.optimizer),
    schedule: spec.schedule,
    batchSize: spec.batchSize,
  };
}
