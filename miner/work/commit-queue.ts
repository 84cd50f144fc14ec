// SPDX-License-Identifier: Apache-2.0
// A bounded queue in shared memory, one thread writing and one reading: what a round commits, in the order of its
// artifact, cut into blocks that hold whole leaves; and the roots on their way back. A full queue keeps the writer waiting.
import type { Layout } from '../../train/layout.ts';
import type { Parts } from '../../train/parts.ts';

/** What a block belongs to: a step's codes, the state after it, or what else an artifact holds. */
export const PART = { codes: 0, state: 1, rest: 2, end: 3 } as const;
export type Part = (typeof PART)[keyof typeof PART];

export const BLOCK_BYTES: number = 1 << 18;
const MIN_BLOCKS = 16;
const MAX_BLOCKS = 128;
/** Steps on their way hold their codes and states until they have roots; large models are slow, and one step of delay is enough for them. */
const WAITING_BYTES = 1 << 25;
const MAX_DEPTH = 16;
const ROOT_BYTES = 32;

/** Int32 words: blocks written and not yet read, steps with roots, whether a side gave up; then kind and length of each block. */
export const WORD = { filled: 0, rooted: 1, failed: 2, aborted: 3, blocks: 4 } as const;
/** How long a reader without blocks sleeps before it looks again, unless it is woken: first, and after a while. */
const LEAST_SLEEP_MS = 0.5;
const MOST_SLEEP_MS = 16;
const LAST_OF_PART = 4;
const LAST_OF_STEP = 8;

/** One queue, as it is handed to the other thread. */
export interface Queue {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly roots: Uint8Array<SharedArrayBuffer>;
  readonly blocks: number;
  /** Steps on their way at most. */
  readonly depth: number;
  /** Bytes of a whole number of leaves, for each part. */
  readonly block: readonly [codes: number, state: number, rest: number];
}

export interface Block {
  readonly part: Part;
  /** Valid until the reader's `next`. */
  readonly bytes: Uint8Array;
  readonly lastOfPart: boolean;
  readonly lastOfStep: boolean;
}

/** A queue for models of that layout: 4 to 32 MiB, touched only as far as it is used. */
export function createQueue(layout: Layout): Queue {
  const whole = (leafBytes: number): number => BLOCK_BYTES - (BLOCK_BYTES % leafBytes);
  const block = [whole(layout.codeLeafBytes), whole(layout.stateLeafBytes), BLOCK_BYTES] as const;
  const depth = Math.max(1, Math.min(MAX_DEPTH, Math.floor(WAITING_BYTES / (layout.codeBytes + layout.stateBytes))));
  const wanted = depth * Math.ceil(layout.codeBytes / block[0]) + 2 * Math.ceil(layout.stateBytes / block[1]);
  const blocks = Math.max(MIN_BLOCKS, Math.min(MAX_BLOCKS, wanted));
  return {
    words: new Int32Array(new SharedArrayBuffer(4 * (WORD.blocks + 2 * blocks))),
    bytes: new Uint8Array(new SharedArrayBuffer(blocks * BLOCK_BYTES)),
    roots: new Uint8Array(new SharedArrayBuffer(2 * ROOT_BYTES * depth)),
    blocks,
    depth,
    block,
  };
}

/** The queue of a round that ended on both sides, empty again: shared memory is no weight to the collector, which leaves it lying about. */
export function emptied(queue: Queue): Queue {
  queue.words.fill(0);
  return queue;
}

/** Raises a word and wakes who waits for it. */
function raise(words: Int32Array<SharedArrayBuffer>, word: number): void {
  Atomics.add(words, word, 1);
  Atomics.notify(words, word);
}

export interface QueueWriter {
  /** A part, block by block; `wait` is awaited while no block is free, with the number of filled ones. */
  write(part: Part, bytes: Parts, lastOfStep: boolean, wait: (filled: number) => Promise<void>): Promise<void>;
}

export function writerOf(queue: Queue): QueueWriter {
  const { words, blocks } = queue;
  let at = 0;
  return {
    write: async (part, bytes, lastOfStep, wait) => {
      const size = part === PART.end ? BLOCK_BYTES : queue.block[part];
      let from = 0;
      do {
        const to = Math.min(bytes.length, from + size);
        for (let filled = Atomics.load(words, WORD.filled); filled === blocks; filled = Atomics.load(words, WORD.filled)) await wait(filled);
        if (bytes.copy === undefined) queue.bytes.set(bytes.subarray(from, to), at * BLOCK_BYTES);
        else bytes.copy(from, to, queue.bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES));
        const last = to === bytes.length;
        words[WORD.blocks + 2 * at] = part + (last ? LAST_OF_PART : 0) + (last && lastOfStep ? LAST_OF_STEP : 0);
        words[WORD.blocks + 2 * at + 1] = to - from;
        // Nobody is woken: that would cost more than a block, several thousand times a second. The reader looks by itself.
        Atomics.add(words, WORD.filled, 1);
        at = (at + 1) % blocks;
        from = to;
      } while (from < bytes.length);
    },
  };
}

export interface QueueReader {
  /** The next block, waiting for it in this thread; undefined once the writer aborted. The block before it is given back. */
  next(): Block | undefined;
  /** Roots of the next step. */
  rooted(codeRoot: Uint8Array, stateRoot: Uint8Array | undefined): void;
  /** No root will come any more. */
  fail(): void;
}

export function readerOf(queue: Queue): QueueReader {
  const { words, blocks } = queue;
  let at = -1;
  let step = 0;
  return {
    next: () => {
      if (at >= 0) {
        Atomics.sub(words, WORD.filled, 1);
        Atomics.notify(words, WORD.filled);
      }
      for (let sleep = LEAST_SLEEP_MS; Atomics.load(words, WORD.aborted) === 0 && Atomics.load(words, WORD.filled) === 0; ) {
        Atomics.wait(words, WORD.filled, 0, sleep);
        sleep = Math.min(MOST_SLEEP_MS, 2 * sleep);
      }
      if (Atomics.load(words, WORD.aborted) !== 0) return undefined;
      at = (at + 1) % blocks;
      const kind = words[WORD.blocks + 2 * at] as number;
      const bytes = queue.bytes.subarray(at * BLOCK_BYTES, at * BLOCK_BYTES + (words[WORD.blocks + 2 * at + 1] as number));
      return { part: (kind & 3) as Part, bytes, lastOfPart: (kind & LAST_OF_PART) !== 0, lastOfStep: (kind & LAST_OF_STEP) !== 0 };
    },
    rooted: (codeRoot, stateRoot) => {
      const slot = (step++ % queue.depth) * 2 * ROOT_BYTES;
      queue.roots.set(codeRoot, slot);
      if (stateRoot !== undefined) queue.roots.set(stateRoot, slot + ROOT_BYTES);
      raise(words, WORD.rooted);
    },
    fail: () => {
      raise(words, WORD.failed);
      Atomics.notify(words, WORD.filled);
      Atomics.notify(words, WORD.rooted);
    },
  };
}

/** Roots of a step that has some. */
export function rootsOf(queue: Queue, step: number): readonly [codeRoot: Uint8Array, stateRoot: Uint8Array] {
  const slot = (step % queue.depth) * 2 * ROOT_BYTES;
  return [queue.roots.slice(slot, slot + ROOT_BYTES), queue.roots.slice(slot + ROOT_BYTES, slot + 2 * ROOT_BYTES)];
}

/** Wakes a reader that sleeps: for a writer that has nothing to do but wait for it. */
export function wakeReader({ words }: Queue): void {
  Atomics.notify(words, WORD.filled);
}

/** The writer ends the round early: the reader stops at once, whatever the queue holds. */
export function abortQueue({ words }: Queue): void {
  raise(words, WORD.aborted);
  // A reader that is about to sleep on "nothing is filled" finds another value.
  raise(words, WORD.filled);
}
