// SPDX-License-Identifier: Apache-2.0
// Training specifications on the wire to those that train/ understands, and back. Every rule of a field is
// `validateSpec`'s; here only the shape changes.
import type { ModelSpec as ProtoModelSpec, OptimizerSpec as ProtoOptimizerSpec, TrainSpec as ProtoTrainSpec } from '../../proto/gen/pogo.v1.ts';
import { SpecError } from '../../train/errors.ts';
import type { ModelSpec, OptimizerSpec, TrainSpec } from '../../train/spec.ts';
import { validateSpec } from '../../train/validate.ts';

function modelOf(spec: ProtoTrainSpec): unknown {
  const { mlp, gpt, cnn } = spec.model ?? {};
  if (mlp !== undefined) return { kind: 'mlp', ...mlp };
  if (gpt !== undefined) return { kind: 'gpt', ...gpt };
  if (cnn !== undefined) return { kind: 'cnn', ...cnn };
  throw new SpecError('model', 'must be mlp, gpt or cnn');
}

function optimizerOf(spec: ProtoTrainSpec): unknown {
  const { sgd, adamw } = spec.optimizer ?? {};
  if (sgd !== undefined) return clipped('sgd', sgd);
  if (adamw !== undefined) return clipped('adamw', adamw);
  throw new SpecError('optimizer', 'must be sgd or adamw');
}

/** 0 is no bound; as bits of a limit it would be refused, so the two cannot be confused. */
function clipped(kind: string, { clip, ...fields }: { readonly clip: number }): unknown {
  return clip === 0 ? { kind, ...fields } : { kind, ...fields, clip };
}

/** 0 is 4; the same number in another form would be another message for the same job. */
function codeBitsField(bits: number): number {
  if (bits !== 5) throw new SpecError('codeBits', 'must be 5, or absent for 4');
  return bits;
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
    ...(spec.codeBits === 0 ? {} : { codeBits: codeBitsField(spec.codeBits) }),
  });
}

function modelToProto(model: ModelSpec): ProtoModelSpec {
  switch (model.kind) {
    case 'mlp': {
      const { kind: _, ...mlp } = model;
      return { mlp };
    }
    case 'gpt': {
      const { kind: _, ...gpt } = model;
      return { gpt };
    }
    case 'cnn': {
      const { kind: _, ...cnn } = model;
      return { cnn };
    }
    default:
      return model satisfies never;
  }
}

function optimizerToProto(optimizer: OptimizerSpec): ProtoOptimizerSpec {
  if (optimizer.kind === 'sgd') {
    const { kind: _, clip = 0, ...sgd } = optimizer;
    return { sgd: { ...sgd, clip } };
  }
  const { kind: _, clip = 0, ...adamw } = optimizer;
  return { adamw: { ...adamw, clip } };
}

/** The message of a specification. */
export function specToProto(spec: TrainSpec): ProtoTrainSpec {
  return {
    arithmetic: spec.arithmetic,
    model: modelToProto(spec.model),
    optimizer: optimizerToProto(spec.optimizer),
    schedule: spec.schedule,
    batchSize: spec.batchSize,
    codeBits: spec.codeBits ?? 0,
  };
}
