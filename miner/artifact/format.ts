// SPDX-License-Identifier: Apache-2.0
// What an artifact holds, in this order, so that a miner can write it as the steps come:
//   header, 64 bytes: "pogo-artifact/1\n" (16) | u32be steps | u32be checkpoint_every | u32be leaves |
//     u32be state leaf bytes | u32be code leaf bytes | 28 zero bytes
//   per step: the gradient codes; after a step at a checkpoint: the state there
//   the 4-bit form of the final model
//   per step: u16be length and the step record
// The states at the checkpoints are there so that a false leaf of any checkpoint can be proven with its path.
// Everything but the records has a size that the job fixes, so a reader knows every offset from the job alone.
import { concatBytes, equalBytes, u32be, utf8 } from '../../core/bytes.ts';
import { type Layout, MODEL4_LEAF_BYTES } from '../../train/layout.ts';
import { isCheckpoint } from '../../train/round.ts';

export const HEADER_BYTES = 64;
const MAGIC = utf8('pogo-artifact/1\n');
/** A record is at most 1 + 65 + 16 + 33 + 4 + 72 + 33 bytes (train/record.ts), so this is generous. */
export const MAX_RECORD_BYTES = 512;

/** Bytes of an artifact that break the format. */
export class ArtifactError extends Error {
  override readonly name = 'ArtifactError';
}

export interface Shape {
  readonly steps: number;
  readonly checkpointEvery: number;
  readonly leafCount: number;
  readonly stateLeafBytes: number;
  readonly codeLeafBytes: number;
}

/** Offsets of everything in an artifact of that shape. */
export interface Offsets {
  /** Of the codes of step 1..T. */
  codes(step: number): number;
  /** Of the state after checkpoint step `step`. */
  state(step: number): number;
  readonly model4: number;
  readonly records: number;
  readonly codeBytes: number;
  readonly model4Bytes: number;
  readonly stateBytes: number;
}

export function shapeOf(layout: Layout, steps: number, checkpointEvery: number): Shape {
  const { leafCount, stateLeafBytes, codeLeafBytes } = layout;
  return { steps, checkpointEvery, leafCount, stateLeafBytes, codeLeafBytes };
}

export function encodeHeader(shape: Shape): Uint8Array {
  const fields = [shape.steps, shape.checkpointEvery, shape.leafCount, shape.stateLeafBytes, shape.codeLeafBytes].map(u32be);
  return concatBytes(MAGIC, ...fields, new Uint8Array(HEADER_BYTES - MAGIC.length - 4 * fields.length));
}

/** Throws ArtifactError unless `bytes` is the header of exactly that shape. */
export function checkHeader(bytes: Uint8Array, shape: Shape): void {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw new ArtifactError('header: is not that of an artifact of format 1');
  if (!equalBytes(bytes, encodeHeader(shape))) throw new ArtifactError('header: steps, checkpoints or sizes differ from the job');
}

export function offsetsOf(shape: Shape): Offsets {
  const codeBytes = shape.leafCount * shape.codeLeafBytes;
  const model4Bytes = shape.leafCount * MODEL4_LEAF_BYTES;
  const stateBytes = shape.leafCount * shape.stateLeafBytes;
  const statesBefore = (step: number): number => Math.floor((step - 1) / shape.checkpointEvery);
  const codes = (step: number): number => HEADER_BYTES + (step - 1) * codeBytes + statesBefore(step) * stateBytes;
  const state = (step: number): number => {
    if (!isCheckpoint(step, shape.steps, shape.checkpointEvery)) throw new RangeError(`step ${step} is no checkpoint`);
    return codes(step) + codeBytes;
  };
  const model4 = state(shape.steps) + stateBytes;
  return { codes, state, model4, records: model4 + model4Bytes, codeBytes, model4Bytes, stateBytes };
}

/** Least and greatest size of an artifact of that shape: what is worth downloading. */
export function sizeBounds(shape: Shape): readonly [least: number, greatest: number] {
  const { records } = offsetsOf(shape);
  return [records + 3 * shape.steps, records + (2 + MAX_RECORD_BYTES) * shape.steps];
}

/** The records at the end of an artifact. ArtifactError unless there are exactly `steps`. */
export function splitRecords(bytes: Uint8Array, steps: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  let at = 0;
  for (let step = 1; step <= steps; step++) {
    const length = at + 2 <= bytes.length ? ((bytes[at] as number) << 8) | (bytes[at + 1] as number) : 0;
    if (length < 1 || length > MAX_RECORD_BYTES || at + 2 + length > bytes.length) throw new ArtifactError(`records: record ${step} is malformed`);
    records.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (at !== bytes.length) throw new ArtifactError(`records: ${bytes.length - at} bytes too many`);
  return records;
}

export function joinRecords(records: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...records.flatMap((record) => [Uint8Array.of(record.length >> 8, record.length & 255), record]));
}
