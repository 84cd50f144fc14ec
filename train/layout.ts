// SPDX-License-Identifier: Apache-2.0
// Where each parameter lies. Tensors stand in written order (tensors.ts), row-major, each
// from the start of a leaf of 1,024 parameters; what remains of its last leaf is padding (+0).
import { type CodeBits, codeBitsOf, type TrainSpec } from './spec.ts';
import { type TensorShape, tensorsOf } from './tensors.ts';

export const LEAF_PARAMETERS = 1024;
export const BLOCK_PARAMETERS = 64;
export const BLOCKS_PER_LEAF: number = LEAF_PARAMETERS / BLOCK_PARAMETERS;
/** A block of the 4-bit model: one exponent byte and 32 bytes of codes. */
export const MODEL4_BLOCK_BYTES = 33;
export const MODEL4_LEAF_BYTES: number = BLOCKS_PER_LEAF * MODEL4_BLOCK_BYTES;

/** Bytes of a block of gradient codes: an exponent, 32 bytes of 4-bit codes, and 8 for each further bit; 33 or 41. */
export function codeBlockBytes(bits: CodeBits): number {
  return 1 + 8 * bits;
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
  /** 528, or 656 with codes of 5 bits. */
  readonly codeLeafBytes: number;
  readonly stateBytes: number;
  readonly codeBytes: number;
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
  const codeLeafBytes = BLOCKS_PER_LEAF * codeBlockBytes(codeBitsOf(spec));
  return {
    tensors,
    count,
    paddedCount: leaf * LEAF_PARAMETERS,
    leafCount: leaf,
    moments,
    stateLeafBytes,
    codeLeafBytes,
    stateBytes: leaf * stateLeafBytes,
    codeBytes: leaf * codeLeafBytes,
  };
}
