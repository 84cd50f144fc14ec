// SPDX-License-Identifier: Apache-2.0
// Frames of the ABCI socket protocol (cometbft v0.38 libs/protoio): unsigned LEB128 length, then that many bytes.
// The length is not zigzag, as it was before 0.37, and may be split over chunks like everything on a stream.
import { concatBytes } from '../core/bytes.ts';

/** Bytes that cannot be a frame; the stream has lost its place and has to be closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** A 64-bit number takes at most ten groups of seven bits. */
const MAX_VARINT_BYTES = 10;
const NOTHING = new Uint8Array(0);

/** `payload` with its length in front. */
export function frame(payload: Uint8Array): Uint8Array {
  const head: number[] = [];
  let rest = payload.length;
  while (rest > 127) {
    head.push((rest & 127) | 128);
    rest >>>= 7;
  }
  head.push(rest);
  const out = new Uint8Array(head.length + payload.length);
  out.set(head);
  out.set(payload, head.length);
  return out;
}

/** Cuts a byte stream into frames of at most `maxBytes`; holds at most one unfinished frame. */
export class FrameReader {
  readonly #maxBytes: number;
  #length = 0n;
  #lengthBytes = 0;
  #wanted: number | undefined;
  #parts: Uint8Array[] = [];
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether the stream may end here, that is, not within a frame. */
  get atBoundary(): boolean {
    return this.#wanted === undefined && this.#lengthBytes === 0;
  }

  /** The frames that `chunk` completes. Throws FrameError on a length that is too large or not minimal; then the reader is spent. */
  *push(chunk: Uint8Array): IterableIterator<Uint8Array> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#wanted === undefined) {
        this.#takeLengthByte(chunk[at] as number);
        at++;
        if (this.#wanted === 0) yield this.#finish();
        continue;
      }
      const take = Math.min(this.#wanted - this.#held, chunk.length - at);
      this.#parts.push(chunk.subarray(at, at + take));
      this.#held += take;
      at += take;
      if (this.#held === this.#wanted) yield this.#finish();
    }
  }

  #takeLengthByte(byte: number): void {
    const index = this.#lengthBytes++;
    if (index === MAX_VARINT_BYTES - 1 && byte > 1) throw new FrameError('frame length: more than 64 bits');
    if (byte === 0 && index > 0) throw new FrameError('frame length: not the shortest encoding');
    this.#length |= BigInt(byte & 127) << BigInt(7 * index);
    if (byte > 127) return;
    if (this.#length > BigInt(this.#maxBytes)) throw new FrameError(`frame length: ${this.#length} bytes, at most ${this.#maxBytes} are allowed`);
    this.#wanted = Number(this.#length);
  }

  #finish(): Uint8Array {
    const [only] = this.#parts;
    const whole = this.#parts.length === 1 && only !== undefined ? only : this.#parts.length === 0 ? NOTHING : concatBytes(...this.#parts);
    this.#parts = [];
    this.#held = 0;
    this.#wanted = undefined;
    this.#length = 0n;
    this.#lengthBytes = 0;
    return whole;
  }
}
