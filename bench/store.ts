// SPDX-License-Identifier: Apache-2.0
// The disk store: a block that changes 1,000 of 100,000 keys, reads, proofs and a restart. Run alone with
// `node bench/store.ts [KEYS]`; times are medians in this run, on this disk.
import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareBytes } from '../core/bytes.ts';
import { useSha256 } from '../core/hash.ts';
import type { Change, ReadStore, StateStore } from '../core/store.ts';
import { openDiskStore } from '../store/disk.ts';

/** One figure: median and worst of the samples. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'us';
  readonly median: number;
  readonly worst: number;
}

const CHANGED = 1000;
const BLOCKS = 30;

function keyOf(index: number): Uint8Array {
  const key = new Uint8Array(20);
  new DataView(key.buffer).setUint32(0, Math.imul(index, 2654435761) >>> 0);
  return key;
}

function changesOf(indices: Iterable<number>, fill: number): Change[] {
  const changes = Array.from(indices, (index) => ({ store: 'bank', key: keyOf(index), value: new Uint8Array(40).fill(fill) }));
  return changes.sort((a, b) => compareBytes(a.key, b.key));
}

function figure(name: string, unit: Figure['unit'], samples: readonly number[]): Figure {
  const sorted = [...samples].sort((a, b) => a - b);
  return { name, unit, median: sorted[sorted.length >> 1] ?? 0, worst: sorted.at(-1) ?? 0 };
}

/** Microseconds of each of 1,000 calls. */
function sample(keys: number, call: (key: Uint8Array) => unknown): number[] {
  return Array.from({ length: 1000 }, (_, i) => {
    const key = keyOf((i * 7919) % keys);
    const start = performance.now();
    call(key);
    return (performance.now() - start) * 1000;
  });
}

async function fill(store: StateStore, keys: number): Promise<void> {
  for (let from = 0; from < keys; from += 20_000) {
    const count = Math.min(20_000, keys - from);
    store.stage(
      store.last().height + 1n,
      changesOf(
        Array.from({ length: count }, (_, i) => from + i),
        from & 255,
      ),
    );
    await store.commit();
  }
}

async function blocks(store: StateStore, keys: number): Promise<Figure[]> {
  const staged: number[] = [];
  const committed: number[] = [];
  for (let block = 0; block < BLOCKS; block++) {
    const indices = new Set<number>();
    for (let x = block + 1; indices.size < Math.min(CHANGED, keys); ) {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
      indices.add((x >>> 8) % keys);
    }
    const changes = changesOf(indices, block);
    const start = performance.now();
    store.stage(store.last().height + 1n, changes);
    const middle = performance.now();
    await store.commit();
    staged.push(middle - start);
    committed.push(performance.now() - middle);
  }
  return [figure(`stage ${CHANGED} changes among ${keys} keys`, 'ms', staged), figure('commit them (synced batch)', 'ms', committed)];
}

/** Fills a store with `keys` keys in a folder of its own and measures it. Sets the native SHA-256, as the node does. */
export async function benchStore(keys = 100_000): Promise<readonly Figure[]> {
  useSha256((data) => hash('sha256', data, 'buffer'));
  const root = await mkdtemp(join(tmpdir(), 'pogo bench store '));
  const options = { dir: join(root, 'state'), stores: ['acc', 'bank'], keep: 10 };
  try {
    let store = await openDiskStore(options);
    await fill(store, keys);
    const figures = await blocks(store, keys);
    const read = (from: ReadStore | undefined): ((key: Uint8Array) => unknown) => from?.get.bind(from) ?? (() => undefined);
    sample(keys, read(store.latest().store('bank')));
    figures.push(figure('get, visited before', 'us', sample(keys, read(store.latest().store('bank')))));
    await store.close();
    const start = performance.now();
    store = await openDiskStore(options);
    figures.push(figure('open', 'ms', [performance.now() - start]));
    figures.push(figure('get, after a restart', 'us', sample(keys, read(store.latest().store('bank')))));
    const { height } = store.last();
    figures.push(figure('get, three blocks ago', 'us', sample(keys, read(store.at(height - 3n)?.store('bank')))));
    figures.push(
      figure(
        'prove',
        'us',
        sample(keys, (key) => store.prove(height, 'bank', key)),
      ),
    );
    await store.close();
    return figures;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  for (const { name, unit, median, worst } of await benchStore(Number(process.argv[2] ?? 100_000))) {
    process.stdout.write(`${name.padEnd(44)} ${median.toFixed(2).padStart(9)} ${unit}  worst ${worst.toFixed(2)} ${unit}\n`);
  }
}
