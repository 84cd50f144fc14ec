// SPDX-License-Identifier: Apache-2.0
import { RequestError } from './dispatch.ts';

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function varint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw new RequestError('request: ends within a number');
    // Exact up to 2^53; a larger length is out of the frame anyway.
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new RequestError('request: a number of more than 64 bits');
}

function skip(cursor: Cursor, wireType: number): void {
  switch (wireType) {
    case 0:
      varint(cursor);
      return;
    case 1:
      cursor.at += 8;
      return;
    case 2: {
      const length = varint(cursor);
      cursor.at += length;
      return;
    }
    case 5:
      cursor.at += 4;
      return;
    default:
      throw new RequestError('request: groups are not part of ABCI');
  }
}

/**
 * Counts the fields of the request's one message (its transactions, votes and evidence) without decoding them.
 * Throws RequestError above `maxItems`: two bytes on the wire become an object, so 64 MiB could ask for gigabytes;
 * and on a second message beside the first, since decoding would silently keep the last.
 */
export function checkItems(bytes: Uint8Array, maxItems: number): void {
  const cursor: Cursor = { bytes, at: 0 };
  if (bytes.length === 0) return;
  const wireType = varint(cursor) % 8;
  if (wireType !== 2) throw new RequestError('request: not a message');
  const length = varint(cursor);
  if (cursor.at + length > bytes.length) throw new RequestError('request: its message is longer than the frame');
  if (cursor.at + length < bytes.length) throw new RequestError('request: more than one message in the frame');
  for (let items = 0; cursor.at < bytes.length; items++) {
    if (items === maxItems) throw new RequestError(`request: more than ${maxItems} fields`);
    skip(cursor, varint(cursor) % 8);
  }
  if (cursor.at !== bytes.length) throw new RequestError('request: a field is longer than its message');
}
