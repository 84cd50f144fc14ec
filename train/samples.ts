// SPDX-License-Identifier: Apache-2.0
// Which samples a step takes. Nothing in the choice is the miner's.
import { concatBytes, u32be, u64be, utf8 } from '../core/bytes.ts';
import { DOMAIN, domainHash } from './domains.ts';
import { FormatError } from './errors.ts';
import { keyOf, mulHigh, philox } from './philox.ts';

/** Whose work in which round: what a record repeats and a miner's seed binds. */
export interface Binding {
  readonly chainId: string;
  readonly job: bigint;
  readonly round: bigint;
  /** Address bytes, 1 to 32. */
  readonly miner: Uint8Array;
}

/** The binding's bytes: u8 length and chain id, job and round as big-endian u64, u8 length and address. */
export function bindingBytes(binding: Binding): Uint8Array {
  const chain = utf8(binding.chainId);
  if (chain.length < 1 || chain.length > 64) throw new FormatError('chainId: must have 1 to 64 bytes');
  if (binding.miner.length < 1 || binding.miner.length > 32) throw new FormatError('miner: must have 1 to 32 bytes');
  return concatBytes(
    Uint8Array.of(chain.length),
    chain,
    u64be(binding.job),
    u64be(binding.round),
    Uint8Array.of(binding.miner.length),
    binding.miner,
  );
}

/** The miner's own seed of a round (32 bytes), so that no two miners draw the same samples. */
export function minerSeed(roundSeed: Uint8Array, binding: Binding): Uint8Array {
  if (roundSeed.length !== 32) throw new FormatError('seed: must have 32 bytes');
  return domainHash(DOMAIN.minerSeed, roundSeed, bindingBytes(binding));
}

/**
 * Indices of the samples of `step` (1..T within the round), drawn independently, so an index may repeat: the high
 * word of u * size, u the first word of the Philox block with counter (step, position, 0, 0) under the key of
 * H(domain, seed). `seed` is the miner's (32 bytes), `size` 1..2^32 - 1.
 */
export function sampleIndices(seed: Uint8Array, step: number, batchSize: number, size: number): Uint32Array {
  const key = keyOf(domainHash(DOMAIN.sampleKey, seed));
  const words = new Uint32Array(4);
  const counter = Uint32Array.of(step, 0, 0, 0);
  const indices = new Uint32Array(batchSize);
  for (let position = 0; position < batchSize; position++) {
    counter[1] = position;
    philox(key, counter, words);
    indices[position] = mulHigh(words[0] as number, size);
  }
  return indices;
}

/** 32 bytes: SHA-256 over domain and the indices as big-endian u32. */
export function batchDigest(indices: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(indices.length * 4);
  const view = new DataView(bytes.buffer);
  indices.forEach((index, i) => {
    view.setUint32(4 * i, index);
  });
  return domainHash(DOMAIN.batch, bytes);
}

/** 32 bytes: a verifier's digest of a step's activations, SHA-256 over domain, u32 length and address, activations. */
export function activationsDigest(verifier: Uint8Array, activations: Uint8Array): Uint8Array {
  return domainHash(DOMAIN.activations, u32be(verifier.length), verifier, activations);
}
