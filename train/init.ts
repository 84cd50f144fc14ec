// SPDX-License-Identifier: Apache-2.0
// The first state of a model, from a 32-byte seed.
import { DOMAIN, domainHash } from './domains.ts';
import { flush } from './float32.ts';
import { LEAF_PARAMETERS, layoutOf, type Tensor } from './layout.ts';
import { keyOf, type PhiloxKey, philox } from './philox.ts';
import type { TrainSpec } from './spec.ts';
import { writeFloats } from './state.ts';

const f = Math.fround;

/**
 * State bytes with drawn parameters and zero moments. An element i of tensor number t of kind normal is
 * f(f(n * 2^-24) * f(sqrt(f(gain / fan)))), flushed, where n is the sum of twelve words >> 8 less 6 * 2^24: words of the
 * Philox blocks with counters (i, 0, t, 0), (i, 1, t, 0), (i, 2, t, 0) under the key of H(domain, seed).
 */
export function initialState(spec: TrainSpec, seed: Uint8Array): Uint8Array {
  const layout = layoutOf(spec);
  const state = new Uint8Array(layout.stateBytes);
  const key = keyOf(domainHash(DOMAIN.initialSeed, seed));
  const values = new Float32Array(LEAF_PARAMETERS);
  layout.tensors.forEach((tensor, index) => {
    for (let leaf = 0; leaf < tensor.leaves; leaf++) {
      const first = leaf * LEAF_PARAMETERS;
      const count = Math.min(LEAF_PARAMETERS, tensor.count - first);
      fill(values.subarray(0, count), first, tensor, index, key);
      writeFloats(values.subarray(0, count), state, (tensor.leaf + leaf) * layout.stateLeafBytes);
    }
  });
  return state;
}

/** Elements from `first` on of a tensor. */
function fill(values: Float32Array, first: number, tensor: Tensor, index: number, key: PhiloxKey): void {
  const { init } = tensor;
  if (init.kind !== 'normal') {
    values.fill(init.kind === 'ones' ? 1 : 0);
    return;
  }
  const scale = f(Math.sqrt(f(init.gain / init.fan)));
  const words = new Uint32Array(4);
  const counter = new Uint32Array(4);
  counter[2] = index;
  for (let i = 0; i < values.length; i++) {
    let sum = -6 * 2 ** 24;
    for (let block = 0; block < 3; block++) {
      counter[0] = first + i;
      counter[1] = block;
      philox(key, counter, words);
      for (let w = 0; w < 4; w++) sum += (words[w] as number) >>> 8;
    }
    values[i] = flush(f(f(sum * 2 ** -24) * scale));
  }
}
