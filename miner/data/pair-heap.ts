// SPDX-License-Identifier: Apache-2.0
// A binary heap of counted keys: the highest count first, of equal ones the lowest key.

export interface Counted {
  readonly key: number;
  readonly count: number;
}

export class PairHeap {
  readonly #entries: Counted[] = [];

  push(key: number, count: number): void {
    const entries = this.#entries;
    const entry = { key, count };
    let at = entries.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(entry, entries[above] as Counted)) break;
      entries[at] = entries[above] as Counted;
      at = above;
    }
    entries[at] = entry;
  }

  /** The first entry, taken out; undefined of none. */
  pop(): Counted | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || entries.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= entries.length) break;
      if (below + 1 < entries.length && isBefore(entries[below + 1] as Counted, entries[below] as Counted)) below++;
      if (!isBefore(entries[below] as Counted, last)) break;
      entries[at] = entries[below] as Counted;
      at = below;
    }
    entries[at] = last;
    return first;
  }
}

function isBefore(a: Counted, b: Counted): boolean {
  return a.count === b.count ? a.key < b.key : a.count > b.count;
}
