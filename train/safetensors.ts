// SPDX-License-Identifier: Apache-2.0
// Models in and out as safetensors (github.com/huggingface/safetensors, format of the README): u64 little-endian
// header length, JSON header, tensor bytes. Only F32 tensors; optimiser moments stay outside.
import { concatBytes, fromUtf8, utf8 } from '../core/bytes.ts';
import { FormatError } from './errors.ts';
import { flush } from './float32.ts';
import { layoutOf, type Tensor } from './layout.ts';
import type { TrainSpec } from './spec.ts';
import { emptyState, readFloats, thetaOf, writeFloats, writeState } from './state.ts';

/** Header bytes that a reader accepts: what the reference implementation allows is 100 MB; a model here needs far less. */
const MAX_HEADER = 1_000_000;

/** The parameters of a state as one safetensors file, tensors in written order, metadata as given (printable ASCII). */
export function toSafetensors(spec: TrainSpec, state: Uint8Array, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const layout = layoutOf(spec);
  const theta = thetaOf(layout, state);
  const data = new Uint8Array(layout.count * 4);
  const entries: string[] = [];
  const pairs = Object.entries(metadata).map(([key, value]) => `${quote(key)}:${quote(value)}`);
  if (pairs.length > 0) entries.push(`"__metadata__":{${pairs.join(',')}}`);
  let at = 0;
  for (const tensor of layout.tensors) {
    writeFloats(theta.subarray(tensor.offset, tensor.offset + tensor.count), data, at);
    const end = at + tensor.count * 4;
    entries.push(`${quote(tensor.name)}:{"dtype":"F32","shape":[${tensor.shape.join(',')}],"data_offsets":[${at},${end}]}`);
    at = end;
  }
  const text = `{${entries.join(',')}}`;
  const header = utf8(text.padEnd(text.length + ((8 - (text.length % 8)) % 8)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return concatBytes(length, header, data);
}

/**
 * A state (zero moments) from a safetensors file that holds exactly the network's tensors as F32. Values below 2^-60
 * become +0. FormatError names the tensor and what is wrong with it.
 */
export function fromSafetensors(spec: TrainSpec, file: Uint8Array): Uint8Array {
  const layout = layoutOf(spec);
  const { header, data } = parse(file);
  const state = emptyState(layout.leafCount, layout.moments);
  for (const name of Object.keys(header)) {
    if (name !== '__metadata__' && !layout.tensors.some((t) => t.name === name)) throw new FormatError(`${name}: is not a tensor of this network`);
  }
  for (const tensor of layout.tensors) {
    const values = state.theta.subarray(tensor.offset, tensor.offset + tensor.count);
    readFloats(data, offsetOf(tensor, header[tensor.name], data.length), values);
    for (let i = 0; i < values.length; i++) {
      const value = flush(values[i] as number);
      if (!Number.isFinite(value)) throw new FormatError(`${tensor.name}: element ${i} is not finite`);
      values[i] = value;
    }
  }
  return writeState(state);
}

function parse(file: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (file.length < 8) throw new FormatError('safetensors: shorter than its length field');
  const length = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, file.length - 8))) throw new FormatError(`safetensors: a header of ${length} bytes`);
  const end = 8 + Number(length);
  try {
    const header: unknown = JSON.parse(fromUtf8(file.subarray(8, end)));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) {
      return { header: header as Record<string, unknown>, data: file.subarray(end) };
    }
  } catch {
    // Falls through to the same refusal: no detail of the JSON parser's text is worth more.
  }
  throw new FormatError('safetensors: the header is not a JSON object');
}

function offsetOf(tensor: Tensor, entry: unknown, dataLength: number): number {
  const { dtype, shape, data_offsets: range } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  if (dtype !== 'F32') throw new FormatError(`${tensor.name}: must be present with dtype F32`);
  if (!Array.isArray(shape) || shape.join() !== tensor.shape.join())
    throw new FormatError(`${tensor.name}: shape must be [${tensor.shape.join(', ')}]`);
  const [from, to] = (Array.isArray(range) ? range : []) as unknown[];
  if (
    typeof from !== 'number' ||
    typeof to !== 'number' ||
    !Number.isInteger(from) ||
    from < 0 ||
    to - from !== tensor.count * 4 ||
    to > dataLength
  ) {
    throw new FormatError(`${tensor.name}: data_offsets do not fit`);
  }
  return from;
}

function quote(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new FormatError('safetensors: names and metadata must be printable ASCII');
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
