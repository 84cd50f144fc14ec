// SPDX-License-Identifier: Apache-2.0
// The training thread's side of the thread that hashes and writes what a round commits.
import { setImmediate as nextEvents } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Committer } from '../../train/commit.ts';
import type { Layout } from '../../train/layout.ts';
import type { Parts } from '../../train/parts.ts';
import { fastestHash, type HashChoice } from '../../train/wasm-hash.ts';
import type { Written } from '../artifact/writer.ts';
import { abortQueue, createQueue, emptied, PART, type Part, type Queue, rootsOf, WORD, wakeReader, writerOf } from './commit-queue.ts';
import type { CommitAnswer, CommitRequest } from './commit-worker.ts';

/** A round's commitments in the making; ends with `finish` or `abort`. */
export interface CommitRound extends Committer {
  /** Adds bytes to the artifact that no tree covers. */
  append(bytes: Uint8Array): Promise<void>;
  /** Waits until everything is written. */
  finish(): Promise<Written>;
  /** Ends the round; when it resolves nothing is written any more. */
  abort(): Promise<void>;
}

export interface CommitThread {
  /** Whether it takes no round any more. */
  readonly ended: boolean;
  /** One round at a time. `handle`: open file of the artifact, which stays the caller's; nothing is written without. */
  begin(layout: Layout, handle?: number): CommitRound;
  close(): Promise<void>;
}

/** How long a wait is blind to the end of the other thread. */
const SLICE_MS = 20;
/** The thread's data lie outside the heap. */
const YOUNG_MB = 2;

/** Starts the thread; it hashes as `choice` says and keeps no process alive. */
export function startCommitThread(choice: HashChoice = fastestHash()): CommitThread {
  const worker = new Worker(new URL('./commit-worker.ts', import.meta.url), {
    workerData: choice,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  worker.unref();
  let current: PromiseWithResolvers<Written | undefined> | undefined;
  let ended: Error | undefined;
  /** The queue of the last round, if that was finished. */
  let spare: { readonly sizes: string; readonly queue: Queue } | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    current?.reject(ended);
  };
  worker.on('message', (answer: CommitAnswer) => {
    if (answer.kind === 'written') current?.resolve(answer.written);
    if (answer.kind === 'aborted') current?.resolve(undefined);
    if (answer.kind === 'error') current?.reject(answer.error);
  });
  worker.on('error', (error) => end(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', () => end(new Error('commit: the thread ended')));
  return {
    get ended(): boolean {
      return ended !== undefined;
    },
    begin: (layout, handle) => {
      if (current !== undefined) throw new Error('commit: a round is under way');
      if (ended !== undefined) throw ended;
      const answer = Promise.withResolvers<Written | undefined>();
      current = answer;
      const settled = (): void => {
        current = undefined;
        worker.unref();
      };
      const { codeLeafBytes, codeBytes, stateLeafBytes, stateBytes } = layout;
      const sizes = [codeLeafBytes, codeBytes, stateLeafBytes, stateBytes].join();
      const queue = spare?.sizes === sizes ? emptied(spare.queue) : createQueue(layout);
      spare = undefined;
      answer.promise.then((written) => {
        if (written !== undefined) spare = { sizes, queue };
        settled();
      }, settled);
      worker.postMessage({
        queue,
        leaves: { codeLeafBytes, stateLeafBytes },
        handle,
      } satisfies CommitRequest);
      return roundOn(queue, answer.promise, () => {
        if (current === answer) worker.ref();
      });
    },
    close: async () => {
      await worker.terminate();
    },
  };
}

/** `answer` settles with the round; `hold` is called before it is awaited, so that the process lives as long. */
function roundOn(queue: Queue, answer: Promise<Written | undefined>, hold: () => void): CommitRound {
  const { words, depth } = queue;
  const writer = writerOf(queue);
  /** Whether each step on its way has a state. */
  const put: boolean[] = [];
  let taken = 0;
  let failed = false;
  answer.catch(() => {
    failed = true;
  });
  const settled = async (): Promise<Written> => {
    hold();
    const written = await answer;
    if (written === undefined) throw new Error('commit: the round was called off');
    return written;
  };
  const check = async (): Promise<void> => {
    if (failed || Atomics.load(words, WORD.failed) !== 0) await settled();
  };
  /** While `words[word]` is `value`, for a slice at most; throws what ended the round. */
  const pause = async (word: number, value: number): Promise<void> => {
    wakeReader(queue);
    if (Atomics.wait(words, word, value, SLICE_MS) === 'timed-out') await nextEvents();
    await check();
  };
  const write = (part: Part, bytes: Parts, lastOfStep = false): Promise<void> =>
    writer.write(part, bytes, lastOfStep, (filled) => pause(WORD.filled, filled));
  return {
    depth,
    put: async (codes, state) => {
      if (put.length === depth) throw new Error(`commit: more than ${depth} steps on their way`);
      await check();
      await write(PART.codes, codes, state === undefined);
      if (state !== undefined) await write(PART.state, state, true);
      put.push(state !== undefined);
    },
    ready: () => Atomics.load(words, WORD.rooted) > taken,
    take: async () => {
      const withState = put.shift();
      if (withState === undefined) throw new Error('commit: nothing was put');
      while (Atomics.load(words, WORD.rooted) === taken) await pause(WORD.rooted, taken);
      const [codeRoot, stateRoot] = rootsOf(queue, taken++);
      return withState ? { codeRoot, stateRoot } : { codeRoot };
    },
    append: (bytes) => write(PART.rest, bytes),
    finish: async () => {
      await write(PART.end, new Uint8Array(0));
      wakeReader(queue);
      return await settled();
    },
    abort: async () => {
      abortQueue(queue);
      hold();
      await answer.catch(() => undefined);
    },
  };
}
