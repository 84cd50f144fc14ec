// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { awaitChange, CONTROL, createControl, createLooks, joinTeam, SOLO, signal, TeamError } from '../../../train/wasm-team.ts';

test('shares of a team cover every unit once and are cut at granules', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 500 }), fc.constantFrom(1, 4, 16, 64), (size, units, granule) => {
      let next = 0;
      for (let id = 0; id < size; id++) {
        joinTeam(createControl(size), id, size).split(units, granule, (from, to) => {
          assert.equal(from, next);
          assert.ok(to > from && (to % granule === 0 || to === units));
          next = to;
        });
      }
      assert.equal(next, units);
    }),
  );
});

test('a team of one does everything itself and waits for nobody', () => {
  const shares: number[][] = [];
  SOLO.split(5, 4, (from, to) => shares.push([from, to]));
  SOLO.split(0, 4, (from, to) => shares.push([from, to]));
  assert.deepEqual(shares, [[0, 5]]);
  assert.equal(SOLO.top(7), 7);
});

test('a thread that does not come, or has failed, is an error instead of a wait for ever', () => {
  const control = createControl(2);
  assert.throws(
    () => awaitChange(control, CONTROL.phase, 0, createLooks(), 20),
    (error) => error instanceof TeamError && /does not answer/.test(error.message),
  );
  Atomics.store(control, CONTROL.failed, 1);
  signal(control, CONTROL.phase);
  assert.throws(
    () => awaitChange(control, CONTROL.phase, 0, createLooks(), 20),
    (error) => error instanceof TeamError && /failed/.test(error.message),
  );
});
