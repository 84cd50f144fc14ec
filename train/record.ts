// SPDX-License-Identifier: Apache-2.0
// The record of one step, a leaf of the trace. Integers are big-endian; the layout in order:
//   u8 format = 1 | u8 length, chain id | u64 job | u64 round | u8 length, miner | u32 step (1..T) |
//   32 code root | 32 batch digest | u64 loss (sum over the batch, 2^-16 nats) | u8 has state root (0, 1) | [32 state root]
import { concatBytes, equalBytes, fromUtf8, readU64be, u32be, u64be } from '../core/bytes.ts';
import { FormatError } from './errors.ts';
import { type Binding, bindingBytes } from './samples.ts';

export const RECORD_FORMAT = 1;

export interface StepRecord extends Binding {
  readonly step: number;
  readonly codeRoot: Uint8Array;
  readonly batchDigest: Uint8Array;
  readonly loss: bigint;
  /** State root after the step, at checkpoints only. */
  readonly stateRoot?: Uint8Array;
}

/** The record's only encoding. FormatError names the field that has none. */
export function encodeRecord(record: StepRecord): Uint8Array {
  const roots: readonly (readonly [string, Uint8Array])[] = [
    ['codeRoot', record.codeRoot],
    ['batchDigest', record.batchDigest],
    ...(record.stateRoot === undefined ? [] : [['stateRoot', record.stateRoot] as const]),
  ];
  for (const [name, root] of roots) if (root.length !== 32) throw new FormatError(`${name}: must have 32 bytes`);
  if (record.step < 1) throw new FormatError('step: must be at least 1');
  const { stateRoot } = record;
  const tail = stateRoot === undefined ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), stateRoot);
  return concatBytes(
    Uint8Array.of(RECORD_FORMAT),
    bindingBytes(record),
    u32be(record.step),
    record.codeRoot,
    record.batchDigest,
    u64be(record.loss),
    tail,
  );
}

/** Decodes a record; FormatError unless `bytes` is exactly what `encodeRecord` makes of the result. */
export function decodeRecord(bytes: Uint8Array): StepRecord {
  let at = 0;
  const take = (length: number, field: string): Uint8Array => {
    if (at + length > bytes.length) throw new FormatError(`record: ends within ${field}`);
    at += length;
    return bytes.slice(at - length, at);
  };
  const byte = (field: string): number => take(1, field)[0] as number;
  const format = byte('format');
  if (format !== RECORD_FORMAT) throw new FormatError(`format: ${format} is not known`);
  const chainId = text(take(byte('chainId'), 'chainId'));
  const job = readU64be(take(8, 'job'));
  const round = readU64be(take(8, 'round'));
  const miner = take(byte('miner'), 'miner');
  const step = new DataView(take(4, 'step').buffer).getUint32(0);
  const codeRoot = take(32, 'codeRoot');
  const batchDigest = take(32, 'batchDigest');
  const loss = readU64be(take(8, 'loss'));
  const has = byte('stateRoot');
  if (has > 1) throw new FormatError('stateRoot: its presence byte must be 0 or 1');
  const base = { chainId, job, round, miner, step, codeRoot, batchDigest, loss };
  const record: StepRecord = has === 1 ? { ...base, stateRoot: take(32, 'stateRoot') } : base;
  if (at !== bytes.length) throw new FormatError(`record: ${bytes.length - at} bytes too many`);
  if (!equalBytes(encodeRecord(record), bytes)) throw new FormatError('record: is not in canonical form');
  return record;
}

function text(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    throw new FormatError('chainId: must be UTF-8');
  }
}
