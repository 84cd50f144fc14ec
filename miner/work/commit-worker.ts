// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that hashes and writes what a round commits while the round trains. Between rounds it waits for
// messages, so that it can end; during one it waits for blocks, without an event between them.
import { parentPort, workerData } from 'node:worker_threads';
import type { Layout } from '../../train/layout.ts';
import { type RootInParts, rootInParts, useHashMany } from '../../train/merkle.ts';
import { type HashChoice, hashManyOf } from '../../train/wasm-hash.ts';
import { ChunkFile, type Written } from '../artifact/writer.ts';
import { useNativeHash } from '../native.ts';
import { PART, type Queue, type QueueReader, readerOf } from './commit-queue.ts';

export interface CommitRequest {
  readonly queue: Queue;
  readonly leaves: Pick<Layout, 'codeLeafBytes' | 'stateLeafBytes'>;
  /** Open file of the artifact; nothing is written without. */
  readonly handle: number | undefined;
}

/** What became of a round; nothing at all when it was called off. */
export type CommitAnswer =
  | { readonly kind: 'ready' | 'aborted' }
  | { readonly kind: 'written'; readonly written: Written }
  | { readonly kind: 'error'; readonly error: unknown };

/** Takes blocks until the round ends; undefined when it was called off. */
function serve(reader: QueueReader, { leaves, handle }: CommitRequest): Written | undefined {
  const trees: readonly RootInParts[] = [rootInParts(leaves.codeLeafBytes), rootInParts(leaves.stateLeafBytes)];
  const file = handle === undefined ? undefined : new ChunkFile(handle);
  let codeRoot: Uint8Array = new Uint8Array(0);
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    const { part, bytes, lastOfPart, lastOfStep } = block;
    if (part === PART.end) return file === undefined ? { size: 0, hashes: new Uint8Array(0) } : file.finish();
    const tree = trees[part];
    tree?.push(bytes);
    const root = lastOfPart ? tree?.end() : undefined;
    if (part === PART.codes && root !== undefined) codeRoot = root;
    // The roots first: somebody may be waiting for them, and nobody for the file.
    if (lastOfStep) reader.rooted(codeRoot, part === PART.state ? root : undefined);
    file?.write(bytes);
  }
  return undefined;
}

function answer(request: CommitRequest): CommitAnswer {
  const reader = readerOf(request.queue);
  try {
    const written = serve(reader, request);
    return written === undefined ? { kind: 'aborted' } : { kind: 'written', written };
  } catch (error) {
    reader.fail();
    return { kind: 'error', error };
  }
}

if (parentPort !== null) {
  const port = parentPort;
  useNativeHash();
  useHashMany(hashManyOf(workerData as HashChoice));
  port.on('message', (request: CommitRequest) => port.postMessage(answer(request)));
  port.postMessage({ kind: 'ready' } satisfies CommitAnswer);
}
