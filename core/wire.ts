// SPDX-License-Identifier: Apache-2.0
// What protobuf bytes would become, before anything is made of them: two bytes on the wire can ask for an object of
// hundreds, and a library's own bound on recursion may change with its version.
import protobuf from 'protobufjs';

export interface WireLimits {
  /** Fields of the message and of all messages within it; a packed list counts once. */
  readonly items: number;
  /** Messages within messages; the outermost is the first. */
  readonly depth: number;
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly limits: WireLimits;
  items: number;
  at: number;
}

/** Ends the walk early; never leaves this file. */
class Stop extends Error {}

/** Why a message of `type` must not be decoded from `bytes`; undefined when it may be. */
export function wireComplaint(type: protobuf.Type, bytes: Uint8Array, limits: WireLimits): string | undefined {
  try {
    walk({ bytes, limits, items: 0, at: 0 }, type, bytes.length, 1);
    return undefined;
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
}

function walk(w: Walk, type: protobuf.Type | undefined, end: number, depth: number): void {
  if (depth > w.limits.depth) throw new Stop(`messages are nested deeper than ${w.limits.depth}`);
  while (w.at < end) {
    if (++w.items > w.limits.items) throw new Stop(`more than ${w.limits.items} fields`);
    const tag = varint(w);
    const wireType = tag % 8;
    if (wireType === 2) delimited(w, type?.fieldsById[(tag - wireType) / 8], end, depth);
    else if (wireType === 0) varint(w);
    else if (wireType === 1) w.at += 8;
    else if (wireType === 5) w.at += 4;
    else throw new Stop('groups are not supported');
  }
  if (w.at !== end) throw new Stop('a field is longer than its message');
}

function delimited(w: Walk, field: protobuf.Field | undefined, end: number, depth: number): void {
  const length = varint(w);
  if (length > end - w.at) throw new Stop('a field is longer than its message');
  const target = field?.resolvedType;
  if (target instanceof protobuf.Type) walk(w, target, w.at + length, depth + 1);
  else w.at += length;
}

/** Exact up to 2^53; what is longer is no tag, and no length that fits. */
function varint(w: Walk): number {
  let value = 0;
  for (let scale = 1, i = 0; i < 10; i++, scale *= 128) {
    const byte = w.bytes[w.at++];
    if (byte === undefined) throw new Stop('it ends within a number');
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
  throw new Stop('a number of more than 64 bits');
}
