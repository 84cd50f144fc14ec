// SPDX-License-Identifier: Apache-2.0
// Commits block after block into the folder given, as fast as it can, and tells on standard output what it began and
// finished, until its parent kills it or (second argument) a height is reached.
import { writeSync } from 'node:fs';
import { toHex } from '../../core/bytes.ts';
import { openDiskStore } from '../../store/disk.ts';
import { blockOf, keep, stores } from './store-blocks.ts';

const [, , dir = '', until = '0'] = process.argv;

try {
  const store = await openDiskStore({ dir, stores, keep, cacheBytes: 50_000 });
  writeSync(1, `opened ${store.last().height} ${toHex(store.last().appHash)}\n`);
  for (let height = store.last().height + 1n; until === '0' || height <= BigInt(until); height++) {
    const hash = toHex(store.stage(height, blockOf(height)));
    writeSync(1, `staged ${height} ${hash}\n`);
    await store.commit();
    writeSync(1, `committed ${height} ${hash}\n`);
  }
  await store.close();
} catch (error) {
  writeSync(1, `failed ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
