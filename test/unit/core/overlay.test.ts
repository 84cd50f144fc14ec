// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareBytes, toHex } from '../../../core/bytes.ts';
import { event } from '../../../core/events.ts';
import { Overlay } from '../../../core/overlay.ts';
import { memoryStore } from '../../../store/memory.ts';

const NAMES = ['a', 'b'];
const key = fc.uint8Array({ minLength: 1, maxLength: 3 });
const operation = fc.record({ store: fc.constantFrom(...NAMES), key, value: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined }) });

function listOf(model: ReadonlyMap<string, Uint8Array>, name: string): string[] {
  const entries = [...model].filter(([k]) => k.startsWith(name)).sort(([x], [y]) => (x < y ? -1 : 1));
  return entries.map(([k, v]) => `${k}=${toHex(v)}`);
}

test('layers behave as a plain map, applied or dropped, in both directions of iteration', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ ops: fc.array(operation, { maxLength: 12 }), keep: fc.boolean() }), { maxLength: 6 }),
      key,
      async (transactions, bound) => {
        const store = memoryStore({ stores: NAMES, keep: 0 });
        const block = new Overlay(store.latest());
        let model = new Map<string, Uint8Array>();
        for (const tx of transactions) {
          const layer = block.fork();
          const next = new Map(model);
          for (const op of tx.ops) {
            if (op.value === undefined) layer.store(op.store).delete(op.key);
            else layer.store(op.store).set(op.key, op.value);
            if (op.value === undefined) next.delete(`${op.store}/${toHex(op.key)}`);
            else next.set(`${op.store}/${toHex(op.key)}`, op.value);
          }
          if (!tx.keep) continue;
          layer.apply(block);
          model = next;
        }
        for (const name of NAMES) {
          const forward = [...block.store(name).iterate()].map(([k, v]) => `${name}/${toHex(k)}=${toHex(v)}`);
          assert.deepEqual(forward, listOf(model, `${name}/`));
          const back = [...block.store(name).iterate({ reverse: true })].map(([k, v]) => `${name}/${toHex(k)}=${toHex(v)}`);
          assert.deepEqual(back, forward.toReversed());
          const from = [...block.store(name).iterate({ start: bound })].every(([k]) => compareBytes(k, bound) >= 0);
          assert.ok(from);
        }
        store.stage(1n, block.changes());
        await store.commit();
        for (const name of NAMES) {
          assert.deepEqual(
            [...store.latest().store(name).iterate()].map(([k, v]) => `${name}/${toHex(k)}=${toHex(v)}`),
            listOf(model, `${name}/`),
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('events follow their layer: applied with it, dropped with it', () => {
  const block = new Overlay(memoryStore({ stores: NAMES, keep: 0 }).latest());
  const dropped = block.fork();
  dropped.emit(event('gone', { a: 1 }));
  const kept = block.fork();
  kept.emit(event('kept', { a: 1n }));
  kept.apply(block);
  assert.deepEqual(
    block.takeEvents().map((e) => e.type),
    ['kept'],
  );
  assert.deepEqual(block.takeEvents(), []);
});

test('a write of the value that is there already is no change', async () => {
  const store = memoryStore({ stores: NAMES, keep: 0 });
  store.stage(1n, [{ store: 'a', key: Uint8Array.of(1), value: Uint8Array.of(7) }]);
  await store.commit();
  const layer = new Overlay(store.latest());
  layer.store('a').set(Uint8Array.of(1), Uint8Array.of(7));
  layer.store('b').delete(Uint8Array.of(9));
  assert.deepEqual(layer.changes(), []);
});

test('an undeclared sub-store and an impossible key are defects of the application', () => {
  const layer = new Overlay(memoryStore({ stores: NAMES, keep: 0 }).latest());
  assert.throws(() => layer.store('c'), { name: 'CorruptStateError' });
  assert.throws(() => layer.store('a').set(new Uint8Array(0), Uint8Array.of(1)), { name: 'CorruptStateError' });
  assert.throws(() => layer.store('a').set(new Uint8Array(1025), Uint8Array.of(1)), { name: 'CorruptStateError' });
});

test('iterations between writes see a plain map, whatever the order and number of keys written between them', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const step = fc.record({
    keys: fc.array(fc.array(byte, { minLength: 1, maxLength: 2 }), { maxLength: 40 }),
    remove: fc.boolean(),
    start: fc.option(fc.array(byte, { minLength: 1, maxLength: 2 }), { nil: undefined }),
    end: fc.option(fc.array(byte, { minLength: 1, maxLength: 2 }), { nil: undefined }),
    reverse: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const parent = new Overlay(memoryStore({ stores: NAMES, keep: 0 }).latest());
      parent.store('a').set(Uint8Array.of(7), Uint8Array.of(1));
      const store = parent.fork().store('a');
      const model = new Map([['07', '01']]);
      for (const [i, { keys, remove, start, end, reverse }] of steps.entries()) {
        for (const k of keys) {
          const bytes = Uint8Array.from(k);
          if (remove) store.delete(bytes);
          else store.set(bytes, Uint8Array.of(i));
          if (remove) model.delete(toHex(bytes));
          else model.set(toHex(bytes), toHex(Uint8Array.of(i)));
        }
        const range = {
          ...(start === undefined ? {} : { start: Uint8Array.from(start) }),
          ...(end === undefined ? {} : { end: Uint8Array.from(end) }),
          reverse,
        };
        const inside = (k: string): boolean =>
          (start === undefined || k >= toHex(Uint8Array.from(start))) && (end === undefined || k < toHex(Uint8Array.from(end)));
        const expected = [...model].filter(([k]) => inside(k)).sort(([x], [y]) => (x < y ? -1 : 1));
        const found = [...store.iterate(range)].map(([k, v]) => [toHex(k), toHex(v)]);
        assert.deepEqual(found, reverse ? expected.toReversed() : expected);
      }
    }),
  );
});
