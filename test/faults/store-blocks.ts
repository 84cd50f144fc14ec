// SPDX-License-Identifier: Apache-2.0
// The blocks that the store's fault tests commit: a function of the height alone, so that an undisturbed twin can
// repeat them.
import type { Change } from '../../core/store.ts';

export const stores: readonly string[] = ['acc', 'bank', 'pogo'];
export const keep = 10;

/** Sorted changes of one height: about 60 sets and deletes over 400 keys, now and then an empty block. */
export function blockOf(height: bigint): Change[] {
  let x = Number(height) * 2654435761;
  const next = (below: number): number => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return (x >>> 8) % below;
  };
  const changes: Change[] = [];
  if (next(10) === 0) return changes;
  for (const store of ['acc', 'bank']) {
    const keys = [...new Set(Array.from({ length: 30 }, () => 1000 + next(400)))].sort((a, b) => a - b);
    for (const key of keys) {
      const value = next(3) === 0 ? undefined : new Uint8Array(20 + next(300)).fill(next(256));
      changes.push({ store, key: new TextEncoder().encode(`key/${key}`), value });
    }
  }
  return changes;
}
