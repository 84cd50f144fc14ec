// SPDX-License-Identifier: Apache-2.0
// Gradient clipping by a norm that every backend computes alike (f = Math.fround).
import { dot } from './contract.ts';
import { LEAF_PARAMETERS } from './layout.ts';
import { quantise, rowsOf } from './quantise.ts';

const f = Math.fround;

/**
 * Euclidean norm of a gradient in the padded layout: f(sqrt(s)), s the sum, leaf by leaf in binary32 from +0, of
 * dot(Q14(leaf), Q8(leaf)), each leaf one slice of 1,024.
 */
export function gradientNorm(gradient: Float32Array): number {
  const slices = rowsOf(gradient, gradient.length / LEAF_PARAMETERS, LEAF_PARAMETERS);
  const fine = quantise(slices, 14);
  const coarse = quantise(slices, 8);
  let sum = 0;
  for (let leaf = 0; leaf < fine.slices; leaf++) sum = f(sum + dot(fine, leaf, coarse, leaf));
  return f(Math.sqrt(sum));
}

/** g := f(g * f(limit / norm)) where the norm exceeds the limit; otherwise nothing changes. */
export function clip(gradient: Float32Array, limit: number): void {
  const norm = gradientNorm(gradient);
  if (norm <= limit) return;
  const factor = f(limit / norm);
  for (let i = 0; i < gradient.length; i++) gradient[i] = f((gradient[i] as number) * factor);
}
