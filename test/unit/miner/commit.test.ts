// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes } from '../../../core/bytes.ts';
import { shapeOf } from '../../../miner/artifact/format.ts';
import { ArtifactStore } from '../../../miner/artifact/store.ts';
import { CancelledError } from '../../../miner/work/bench.ts';
import { beginArtifact, inlineRound, wantsThread } from '../../../miner/work/commit.ts';
import { abortQueue, BLOCK_BYTES, createQueue, emptied, PART, readerOf, WORD, writerOf } from '../../../miner/work/commit-queue.ts';
import { startCommitThread } from '../../../miner/work/commit-thread.ts';
import { shapeOfRound } from '../../../miner/work/context.ts';
import { runTask } from '../../../miner/work/run.ts';
import { Verdict } from '../../../proto/gen/pogo.v1.ts';
import type { Layout } from '../../../train/layout.ts';
import { layoutOf } from '../../../train/layout.ts';
import { treeOfLeaves } from '../../../train/merkle.ts';
import { reference } from '../../../train/reference.ts';
import { runRound } from '../../../train/round.ts';
import { firstThatAgrees } from '../../../train/wasm-hash.ts';
import { variants } from '../../../train/wasm-module.ts';
import { input, spec, train } from '../../helpers/round.ts';
import { MINER, openRound, TERMS, train as trainTask, verify, verifyTask, workplace } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'commit-'));
const thread = startCommitThread();
after(async () => {
  await thread.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A layout of `leaves` leaves, of which nothing but sizes matters here. */
function layoutOfLeaves(leaves: number, moments: number): Layout {
  const stateLeafBytes = 4096 * (1 + moments);
  return { ...layoutOf(spec), leafCount: leaves, stateLeafBytes, stateBytes: leaves * stateLeafBytes, codeBytes: leaves * 528 };
}

function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(i ^ (seed << 20), 2654435761) >>> 24;
  return bytes;
}

function fileIn(name: string, flags = 'w'): { readonly path: string; readonly handle: number } {
  const path = join(folder, name);
  return { path, handle: openSync(path, flags) };
}

test('rounds of any length and any checkpoints have the same progress, records and roots, hashed here or beside', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 12 }), async (steps, checkpointEvery) => {
      const here = await train({ steps, checkpointEvery });
      const round = thread.begin(layoutOf(spec));
      const beside = await train({ steps, checkpointEvery }, round);
      await round.finish();
      assert.deepEqual(beside, here);
      const where = thread.begin(layoutOf(spec));
      const inPlace = await train({ steps, checkpointEvery }, { ...where, inPlace: true });
      await where.finish();
      assert.ok(inPlace.steps.every((s) => s.state === undefined));
      assert.deepEqual(inPlace.result.records, here.result.records);
      assert.deepEqual(inPlace.result.finalRoot, here.result.finalRoot);
      assert.deepEqual(
        beside.steps.map((s) => s.step),
        Array.from({ length: steps }, (_, i) => i + 1),
      );
    }),
    { numRuns: 25 },
  );
});

test('codes and states of many blocks keep their roots, and the file has the bytes in order with their chunk hashes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 2 }),
      fc.array(fc.boolean(), { maxLength: 4 }),
      async (leaves, moments, states) => {
        const layout = layoutOfLeaves(leaves, moments);
        const parts: Uint8Array[] = [bytesOf(64, 1)];
        const there = fileIn('beside');
        const here = fileIn('here');
        const rounds = [thread.begin(layout, there.handle), inlineRound(layout, here.handle)];
        for (const round of rounds) await round.append(parts[0] as Uint8Array);
        for (const [i, hasState] of states.entries()) {
          const codes = bytesOf(layout.codeBytes, i);
          const state = hasState ? bytesOf(layout.stateBytes, i + 7) : undefined;
          parts.push(codes, ...(state === undefined ? [] : [state]));
          for (const round of rounds) {
            await round.put(codes, state);
            assert.deepEqual(await round.take(), {
              codeRoot: treeOfLeaves(codes, 528).root,
              ...(state === undefined ? {} : { stateRoot: treeOfLeaves(state, layout.stateLeafBytes).root }),
            });
          }
        }
        const rest = bytesOf(3 * BLOCK_BYTES + 17, 3);
        for (const round of rounds) await round.append(rest);
        const [beside, inline] = await Promise.all(rounds.map((round) => round.finish()));
        assert.deepEqual(beside, inline);
        const all = concatBytes(...parts, rest);
        assert.equal(beside?.size, all.length);
        assert.ok(all.every((byte, i, { length }) => i < length && byte === all[i]));
        assert.deepEqual(new Uint8Array(readFileSync(there.path)), all);
        for (const { handle } of [there, here]) closeSync(handle);
      },
    ),
    { numRuns: 12 },
  );
});

test('a state that is larger than the queue goes through it', async () => {
  const layout = layoutOfLeaves(3000, 2);
  const queue = createQueue(layout);
  assert.ok(layout.stateBytes > queue.bytes.length);
  const state = bytesOf(layout.stateBytes, 1);
  const codes = bytesOf(layout.codeBytes, 2);
  const round = thread.begin(layout);
  await round.put(codes, state);
  assert.deepEqual(await round.take(), { codeRoot: treeOfLeaves(codes, 528).root, stateRoot: treeOfLeaves(state, 12_288).root });
  await round.finish();
});

test('every way of hashing gives the thread the same roots', async () => {
  const layout = layoutOfLeaves(103, 1);
  const codes = bytesOf(layout.codeBytes, 5);
  const state = bytesOf(layout.stateBytes, 6);
  for (const name of ['native', ...variants(), 'host'] as const) {
    const own = startCommitThread(firstThatAgrees([name]).choice);
    const round = own.begin(layout);
    await round.put(codes, state);
    assert.deepEqual(await round.take(), { codeRoot: treeOfLeaves(codes, 528).root, stateRoot: treeOfLeaves(state, 8192).root });
    await round.finish();
    await own.close();
  }
});

test('a writer waits while the queue is full, and goes on when the reader gives a block back', async () => {
  const queue = createQueue(layoutOfLeaves(1, 1));
  const writer = writerOf(queue);
  let waits = 0;
  const reader = readerOf(queue);
  const read: number[] = [];
  const seen: number[] = [];
  const total = queue.blocks + 3;
  for (let i = 0; i < total; i++) {
    await writer.write(PART.codes, Uint8Array.of(i), true, async (filled) => {
      waits++;
      seen.push(filled);
      if (read.length === 0) read.push(reader.next()?.bytes[0] as number);
      read.push(reader.next()?.bytes[0] as number);
    });
    assert.ok(Atomics.load(queue.words, WORD.filled) <= queue.blocks);
  }
  assert.equal(waits, 3);
  assert.deepEqual(seen, [queue.blocks, queue.blocks, queue.blocks]);
  assert.deepEqual(read, [0, 1, 2, 3]);
  abortQueue(queue);
  assert.equal(reader.next(), undefined);
});

test('the queue of a round that ended carries the next one from its beginning', async () => {
  let queue = createQueue(layoutOfLeaves(1, 1));
  const never = (): Promise<void> => Promise.reject(new Error('the queue is full'));
  for (let round = 0; round < 3; round++) {
    const [writer, reader] = [writerOf(queue), readerOf(queue)];
    for (let i = 0; i < queue.blocks; i++) await writer.write(PART.codes, Uint8Array.of(round, i), true, never);
    for (let i = 0; i < queue.blocks; i++) {
      assert.deepEqual([...(reader.next()?.bytes ?? [])], [round, i]);
      reader.rooted(new Uint8Array(32).fill(i), undefined);
    }
    assert.equal(Atomics.load(queue.words, WORD.rooted), queue.blocks);
    queue = emptied(queue);
    assert.ok(queue.words.every((word) => word === 0));
  }
});

test('the queue is bounded whatever the model, and so are the steps on their way', async () => {
  for (const leaves of [1, 103, 600, 10_000, 100_000]) {
    const layout = layoutOfLeaves(leaves, 2);
    const queue = createQueue(layout);
    assert.ok(queue.bytes.length <= 1 << 25);
    assert.ok(queue.depth === 1 || queue.depth * (layout.codeBytes + layout.stateBytes) <= 1 << 25);
  }
  const layout = layoutOfLeaves(1, 1);
  const round = thread.begin(layout);
  const codes = new Uint8Array(layout.codeBytes);
  for (let i = 0; i < round.depth; i++) await round.put(codes, undefined);
  await assert.rejects(async () => round.put(codes, undefined), /on their way/);
  await round.abort();
});

test('training never runs ahead of the roots by more than the depth', async () => {
  const round = thread.begin(layoutOf(spec));
  const own = reference.create(spec);
  let trained = 0;
  let told = 0;
  const step = own.step.bind(own);
  own.step = (samples, globalStep) => {
    trained++;
    assert.ok(trained - told <= round.depth + 1);
    return step(samples, globalStep);
  };
  for await (const progress of runRound(own, { ...input, steps: 60 }, round)) told = progress.step;
  assert.equal(told, 60);
  await round.finish();
});

test('what goes wrong in the thread comes out of the round, and the thread takes the next one', async () => {
  const readOnly = fileIn('beside', 'r');
  const round = thread.begin(layoutOf(spec), readOnly.handle);
  await assert.rejects(train({ steps: 40 }, round), /EBADF/);
  await round.abort();
  closeSync(readOnly.handle);
  const next = thread.begin(layoutOf(spec));
  assert.equal((await train({}, next)).steps.length, 7);
  await next.finish();
});

test('the end of the thread comes out of the round, and no further one begins', async () => {
  const own = startCommitThread();
  const round = own.begin(layoutOf(spec));
  await own.close();
  await assert.rejects(train({ steps: 40 }, round), /the thread ended/);
  await round.abort();
  assert.ok(own.ended);
  assert.throws(() => own.begin(layoutOf(spec)), /the thread ended/);
});

test('a round that is called off leaves no file, no writer and a thread that is free', async () => {
  const store = new ArtifactStore(join(folder, 'store'));
  const layout = layoutOf(spec);
  const commit = await beginArtifact(store, shapeOf(layout, 50, 3), layout, thread);
  const run = runRound(reference.create(spec), { ...input, steps: 50 }, commit);
  for (let i = 0; i < 9; i++) await run.next();
  await commit.abort();
  assert.deepEqual(readdirSync(store.folder), []);
  const stored = await Promise.all(
    [thread, undefined].map(async (beside) => {
      const again = await beginArtifact(store, shapeOf(layout, 7, 3), layout, beside);
      const steps = runRound(reference.create(spec), input, again);
      let next = await steps.next();
      for (; !next.done; next = await steps.next());
      return await again.finish(next.value.model4, next.value.records);
    }),
  );
  assert.deepEqual(stored[0], stored[1]);
  assert.deepEqual(store.get(stored[0]?.root as Uint8Array), stored[0]);
});

test('a thread is for rounds with much to hash, where there is a second core', () => {
  assert.equal(wantsThread(shapeOf(layoutOf(spec), 7, 3)), false);
  assert.equal(wantsThread(shapeOf(layoutOf(spec), 1000, 3)), availableParallelism() > 1);
});

test("a miner's long round is what a verifier accepts, and one that is called off leaves nothing to the next", async () => {
  const place = workplace();
  try {
    const { bench } = place;
    const context = { ...(await openRound(bench)), terms: { ...TERMS, steps: 60, checkpointEvery: 1 } };
    assert.equal(wantsThread(shapeOfRound(context)), availableParallelism() > 1);
    const task = { kind: 'train', context, miner: MINER } as const;
    const stopped = {
      check: () => {
        throw new CancelledError('the task was called off');
      },
      progress: () => undefined,
    };
    await assert.rejects(runTask(bench, task, stopped), CancelledError);
    assert.deepEqual(readdirSync(bench.artifacts.folder), []);
    const result = await trainTask(bench, context);
    const { report, detail } = await verify(bench, verifyTask(context, result, { steps: [1, 60] }));
    assert.deepEqual([detail, report.verdict], ['', Verdict.VERDICT_POSITIVE]);
    await bench.close();
  } finally {
    place.remove();
  }
});
