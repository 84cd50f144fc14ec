// SPDX-License-Identifier: Apache-2.0
// What the chain recomputes of one leaf of 1,024 parameters: updates from committed codes, and the 4-bit form.
import { decodeCodes } from './codes.ts';
import { InvalidCodesError } from './errors.ts';
import { BLOCKS_PER_LEAF, codeBlockBytes, LEAF_PARAMETERS } from './layout.ts';
import { encodeModel4 } from './model4.ts';
import { codeBitsOf, type TrainSpec } from './spec.ts';
import { emptyState, readState, type StateArrays, writeState } from './state.ts';
import { coefficientsOf, update } from './update.ts';

/**
 * The state leaf after one update per code leaf; the first is the update of `firstGlobalStep` (counted from 1 over
 * the job). Errors: InvalidStateError for a leaf of another length, InvalidCodesError for a code leaf that is not
 * 528 (or 656) valid bytes, InvalidStepError when a value is no longer finite. Inputs are not changed.
 */
export function applyLeaf(spec: TrainSpec, stateLeaf: Uint8Array, codeLeaves: readonly Uint8Array[], firstGlobalStep: number): Uint8Array {
  const state = leafState(spec, stateLeaf);
  const gradient = new Float32Array(LEAF_PARAMETERS);
  const coefficients = coefficientsOf(spec);
  const bits = codeBitsOf(spec);
  const expected = BLOCKS_PER_LEAF * codeBlockBytes(bits);
  codeLeaves.forEach((codes, i) => {
    if (codes.length !== expected) throw new InvalidCodesError(`codes: a leaf has ${codes.length} bytes, expected ${expected}`);
    decodeCodes(codes, gradient, bits);
    update(spec, coefficients(firstGlobalStep + i), state, gradient);
  });
  return writeState(state);
}

/** The 528 bytes of the 4-bit form of a state leaf's parameters. InvalidStateError when they have none. */
export function quantiseLeaf4(spec: TrainSpec, stateLeaf: Uint8Array): Uint8Array {
  return encodeModel4(leafState(spec, stateLeaf).theta);
}

function leafState(spec: TrainSpec, stateLeaf: Uint8Array): StateArrays {
  const state = emptyState(1, spec.optimizer.kind === 'sgd' ? 1 : 2);
  readState(stateLeaf, state);
  return state;
}
