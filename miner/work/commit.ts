// SPDX-License-Identifier: Apache-2.0
// A round's artifact and roots in the making: in a thread of their own where there is a core for it and enough to do.
import { availableParallelism } from 'node:os';
import { type Committer, inlineCommitter } from '../../train/commit.ts';
import type { Layout } from '../../train/layout.ts';
import { inParts } from '../../train/parts.ts';
import { encodeHeader, joinRecords, type Shape, sizeBounds } from '../artifact/format.ts';
import type { ArtifactStore, Stored } from '../artifact/store.ts';
import { ChunkFile, Draft } from '../artifact/writer.ts';
import type { CommitRound, CommitThread } from './commit-thread.ts';

/** Hashing fewer bytes than these takes less time than a thread needs to start. */
const THREAD_FROM = 1 << 22;

/** Whether a round of that shape is worth a thread here. */
export function wantsThread(shape: Shape): boolean {
  return availableParallelism() > 1 && sizeBounds(shape)[0] >= THREAD_FROM;
}

/** Hashes and writes at once in the calling thread. */
export function inlineRound(layout: Layout, handle?: number): CommitRound {
  const committer = inlineCommitter(layout);
  const file = handle === undefined ? undefined : new ChunkFile(handle);
  return {
    ...committer,
    put: async (codes, state) => {
      await committer.put(codes, state);
      file?.write(codes);
      if (state !== undefined) for (const part of inParts(state, layout.stateLeafBytes)) file?.write(part);
    },
    append: async (bytes) => file?.write(bytes),
    finish: async () => file?.finish() ?? { size: 0, hashes: new Uint8Array(0) },
    abort: async () => undefined,
  };
}

/** What `runRound` is given; ends with `finish` or `abort`. */
export interface ArtifactCommitter extends Committer {
  /** The end of the round: the artifact is in the store, durably. */
  finish(model4: Uint8Array, records: readonly Uint8Array[]): Promise<Stored>;
  /** Nothing of the round is kept, and nobody writes any more. */
  abort(): Promise<void>;
}

/** Begins a round's artifact in the store; `thread` does the work where one is given. */
export async function beginArtifact(store: ArtifactStore, shape: Shape, layout: Layout, thread?: CommitThread): Promise<ArtifactCommitter> {
  const draft = new Draft(store);
  try {
    const round = thread === undefined ? inlineRound(layout, draft.handle) : thread.begin(layout, draft.handle);
    await round.append(encodeHeader(shape));
    const finish = async (model4: Uint8Array, records: readonly Uint8Array[]): Promise<Stored> => {
      await round.append(model4);
      await round.append(joinRecords(records));
      return draft.adopt(await round.finish());
    };
    const abort = async (): Promise<void> => {
      await round.abort();
      draft.discard();
    };
    return { ...round, inPlace: true, finish, abort };
  } catch (error) {
    draft.discard();
    throw error;
  }
}
