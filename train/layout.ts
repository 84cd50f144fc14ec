// SPDX-License-Identifier: Apache-2.0
// Where each parameter lies. Tensors stand in written order (for each layer: weight, then bias), row-major, each
// from the start of a leaf of 1,024 parameters; what remains of its last leaf is padding (+0).
import type { ModelSpec, TrainSpec } from './spec.ts';

export const LEAF_PARAMETERS = 1024;
export const BLOCK_PARAMETERS = 64;
/** One exponent byte and 32 bytes of 4-bit codes. */
export const BLOCK_BYTES = 33;
export const BLOCKS_PER_LEAF: number = LEAF_PARAMETERS / BLOCK_PARAMETERS;
export const CODE_LEAF_BYTES: number = BLOCKS_PER_LEAF * BLOCK_BYTES;

/** How a tensor's first values are drawn: zeros, ones, or normal with deviation sqrt(gain / fan). */
export type TensorInit =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'normal'; readonly gain: number; readonly fan: number };

export interface TensorShape {
  /** PyTorch's name, as written to safetensors. */
  readonly name: string;
  /** Row-major; weights are [out, in]. */
  readonly shape: readonly number[];
  readonly init: TensorInit;
}

export interface Tensor extends TensorShape {
  /** Number of elements without padding. */
  readonly count: number;
  /** First leaf. */
  readonly leaf: number;
  readonly leaves: number;
  /** First element in the padded parameter vector: leaf * 1,024. */
  readonly offset: number;
}

export interface Layout {
  readonly tensors: readonly Tensor[];
  /** Parameters without padding. */
  readonly count: number;
  /** Parameters with padding: leafCount * 1,024. */
  readonly paddedCount: number;
  readonly leafCount: number;
  /** Optimiser moments per parameter: 1 (sgd: m) or 2 (adamw: m, v). */
  readonly moments: number;
  /** 1,024 * 4 * (1 + moments): parameters, then m, then v, little-endian binary32. */
  readonly stateLeafBytes: number;
  /** 528. */
  readonly codeLeafBytes: number;
  readonly stateBytes: number;
  readonly codeBytes: number;
}

/** Tensors of a network in written order. */
export function tensorsOf(model: ModelSpec): TensorShape[] {
  const tensors: TensorShape[] = [];
  for (let l = 1; l < model.layers.length; l++) {
    const fan = model.layers[l - 1] as number;
    const out = model.layers[l] as number;
    const gain = l === model.layers.length - 1 ? 1 : 2;
    tensors.push({ name: `layers.${l - 1}.weight`, shape: [out, fan], init: { kind: 'normal', gain, fan } });
    tensors.push({ name: `layers.${l - 1}.bias`, shape: [out], init: { kind: 'zeros' } });
  }
  return tensors;
}

/** The layout of a validated specification. */
export function layoutOf(spec: TrainSpec): Layout {
  const tensors: Tensor[] = [];
  let leaf = 0;
  let count = 0;
  for (const tensor of tensorsOf(spec.model)) {
    const elements = tensor.shape.reduce((a, b) => a * b, 1);
    const leaves = Math.floor((elements + LEAF_PARAMETERS - 1) / LEAF_PARAMETERS);
    tensors.push({ ...tensor, count: elements, leaf, leaves, offset: leaf * LEAF_PARAMETERS });
    leaf += leaves;
    count += elements;
  }
  const moments = spec.optimizer.kind === 'sgd' ? 1 : 2;
  const stateLeafBytes = LEAF_PARAMETERS * 4 * (1 + moments);
  return {
    tensors,
    count,
    paddedCount: leaf * LEAF_PARAMETERS,
    leafCount: leaf,
    moments,
    stateLeafBytes,
    codeLeafBytes: CODE_LEAF_BYTES,
    stateBytes: leaf * stateLeafBytes,
    codeBytes: leaf * CODE_LEAF_BYTES,
  };
}
