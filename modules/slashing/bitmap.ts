// SPDX-License-Identifier: Apache-2.0
// Which blocks of its window a validator missed, one bit each, in chunks that are read and written as a whole.
import type { Readable } from '../../core/collections.ts';
import type { Context } from '../../core/context.ts';
import * as state from './state.ts';

const CHUNK_BYTES = 128;
const CHUNK_BITS = 1024n;

const maskOf = (index: bigint): readonly [byte: number, mask: number] => [Number((index % CHUNK_BITS) >> 3n), 1 << Number(index & 7n)];

/** Whether the block at this place of the window was missed. */
export function isMissed(ctx: Readable, address: Uint8Array, index: bigint): boolean {
  const [byte, mask] = maskOf(index);
  const chunk = state.missed.get(ctx, [address, index / CHUNK_BITS]);
  return ((chunk?.[byte] ?? 0) & mask) !== 0;
}

export function setMissed(ctx: Context, address: Uint8Array, index: bigint, missed: boolean): void {
  const [byte, mask] = maskOf(index);
  const key = [address, index / CHUNK_BITS] as const;
  const chunk = new Uint8Array(CHUNK_BYTES);
  chunk.set(state.missed.get(ctx, key) ?? []);
  chunk[byte] = missed ? (chunk[byte] as number) | mask : (chunk[byte] as number) & ~mask;
  if (chunk.every((b) => b === 0)) state.missed.delete(ctx, key);
  else state.missed.set(ctx, key, chunk);
}

export function clearMissed(ctx: Context, address: Uint8Array): void {
  const keys = [...state.missed.entries(ctx, { prefix: state.chunksOf(address) })].map(([key]) => key);
  for (const key of keys) state.missed.delete(ctx, key);
}

/** Places of all missed blocks, rising. */
export function missedIndexes(ctx: Readable, address: Uint8Array): readonly bigint[] {
  const out: bigint[] = [];
  for (const [[, chunk], bytes] of state.missed.entries(ctx, { prefix: state.chunksOf(address) })) {
    bytes.forEach((b, i) => {
      for (let bit = 0; bit < 8; bit++) if ((b & (1 << bit)) !== 0) out.push(chunk * CHUNK_BITS + BigInt(8 * i + bit));
    });
  }
  return out;
}
