// SPDX-License-Identifier: Apache-2.0
// Copy-on-write layers: a block is a layer over the last commit, a transaction a layer over the block. A layer is
// applied to its parent or dropped; events go with it.
import { compareBytes } from './bytes.ts';
import { CorruptStateError } from './errors.ts';
import type { Event } from './events.ts';
import type { Change, Entry, MultiReadStore, Range, ReadStore, WriteStore } from './store.ts';

interface Written {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

const LATIN = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i));

/** Map key of a byte string, one code unit a byte, so that string order is byte order. */
function mapKey(bytes: Uint8Array): string {
  let out = '';
  for (const b of bytes) out += LATIN[b];
  return out;
}

function checkWrite(key: Uint8Array, value: Uint8Array): void {
  if (key.length === 0 || key.length > 1024) throw new CorruptStateError(`store: a key of ${key.length} bytes; 1 to 1024 are allowed`);
  if (!(value instanceof Uint8Array)) throw new CorruptStateError('store: a value must be bytes');
}

/** Keys that a layer puts in order one by one; more are sorted at once. */
const FEW = 16;

/** First place in `keys`, which are in order, of a key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let from = 0;
  let to = keys.length;
  while (from < to) {
    const mid = (from + to) >>> 1;
    if ((keys[mid] as string) < key) from = mid + 1;
    else to = mid;
  }
  return from;
}

/** One sub-store's writes over a base. */
class StoreLayer implements WriteStore {
  private readonly writes: Map<string, Written> = new Map();
  /** Keys of `writes` in order, but for those in `fresh`. */
  private order: string[] = [];
  private fresh: string[] = [];
  private readonly base: ReadStore;

  constructor(base: ReadStore) {
    this.base = base;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const written = this.writes.get(mapKey(key));
    return written === undefined ? this.base.get(key) : written.value;
  }

  has(key: Uint8Array): boolean {
    return this.get(key) !== undefined;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    checkWrite(key, value);
    this.write({ key, value });
  }

  delete(key: Uint8Array): void {
    this.write({ key, value: undefined });
  }

  private write(written: Written): void {
    const key = mapKey(written.key);
    if (!this.writes.has(key)) this.fresh.push(key);
    this.writes.set(key, written);
  }

  /** All keys in order. A block of thousands of messages that each iterate must not sort or scan all its writes for each. */
  private keys(): readonly string[] {
    if (this.fresh.length > FEW) this.order = [...this.order, ...this.fresh].sort((a, b) => (a < b ? -1 : 1));
    else for (const key of this.fresh) this.order.splice(lowerBound(this.order, key), 0, key);
    this.fresh = [];
    return this.order;
  }

  private within({ start, end, reverse }: Range): Written[] {
    const keys = this.keys();
    const from = start === undefined ? 0 : lowerBound(keys, mapKey(start));
    const to = end === undefined ? keys.length : lowerBound(keys, mapKey(end));
    const found = keys.slice(from, to).map((key) => this.writes.get(key) as Written);
    return reverse === true ? found.reverse() : found;
  }

  *iterate(range: Range = {}): IterableIterator<Entry> {
    const sign = range.reverse === true ? -1 : 1;
    const own = this.within(range);
    let at = 0;
    for (const entry of this.base.iterate(range)) {
      for (; at < own.length; at++) {
        const w = own[at] as Written;
        const order = sign * compareBytes(w.key, entry[0]);
        if (order >= 0) break;
        if (w.value !== undefined) yield [w.key, w.value];
      }
      const shadow = own[at];
      if (shadow !== undefined && compareBytes(shadow.key, entry[0]) === 0) {
        at++;
        if (shadow.value !== undefined) yield [shadow.key, shadow.value];
      } else {
        yield entry;
      }
    }
    for (; at < own.length; at++) {
      const w = own[at] as Written;
      if (w.value !== undefined) yield [w.key, w.value];
    }
  }

  sorted(): readonly Written[] {
    return this.within({});
  }
}

/** A layer over all sub-stores, with the events emitted in it. */
export class Overlay implements MultiReadStore {
  readonly names: readonly string[];
  private readonly layers: Map<string, StoreLayer> = new Map();
  private readonly parent: MultiReadStore;
  private emitted: Event[] = [];

  constructor(parent: MultiReadStore) {
    this.parent = parent;
    this.names = parent.names;
  }

  store(name: string): WriteStore {
    let layer = this.layers.get(name);
    if (layer === undefined) {
      if (!this.names.includes(name)) throw new CorruptStateError(`store: no sub-store is called "${name}"`);
      layer = new StoreLayer(this.parent.store(name));
      this.layers.set(name, layer);
    }
    return layer;
  }

  emit(event: Event): void {
    this.emitted.push(event);
  }

  /** Takes the events emitted so far. */
  takeEvents(): Event[] {
    const events = this.emitted;
    this.emitted = [];
    return events;
  }

  fork(): Overlay {
    return new Overlay(this);
  }

  /** Writes everything into `target`, which must be the overlay that this one was forked from; events follow. */
  apply(target: Overlay): void {
    for (const name of this.names) {
      const layer = this.layers.get(name);
      if (layer === undefined) continue;
      const store = target.store(name);
      for (const w of layer.sorted()) {
        if (w.value === undefined) store.delete(w.key);
        else store.set(w.key, w.value);
      }
    }
    for (const event of this.takeEvents()) target.emit(event);
  }

  /** Net changes against the parent in order of store name, then key; writes of the present value are left out. */
  changes(): readonly Change[] {
    const out: Change[] = [];
    for (const name of [...this.names].sort((a, b) => (a < b ? -1 : 1))) {
      const layer = this.layers.get(name);
      if (layer === undefined) continue;
      const base = this.parent.store(name);
      for (const w of layer.sorted()) {
        const before = base.get(w.key);
        if (w.value === undefined ? before === undefined : before !== undefined && compareBytes(before, w.value) === 0) continue;
        out.push({ store: name, key: w.key, value: w.value });
      }
    }
    return out;
  }
}
