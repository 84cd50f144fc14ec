// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { openParts } from '../../../miner/artifact/file-parts.ts';
import { isState, StateStore } from '../../../miner/states.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { wholeOf } from '../../../train/parts.ts';
import { reference } from '../../../train/reference.ts';
import { stateTree } from '../../../train/round.ts';
import { mlpSpec } from '../../vectors/train/specs.ts';

const folder = mkdtempSync(join(tmpdir(), 'states-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// Some 5 MiB: more than one part.
const spec = mlpSpec([784, 800, 10], 4);
const { stateLeafBytes } = layoutOf(spec);
const state = initialState(spec, new Uint8Array(32));
const { root } = stateTree(spec, state);

test('a state is kept as it lies in a trainer, and read from its file in parts, also when the file is removed meanwhile', () => {
  const store = new StateStore(join(folder, 'kept'));
  assert.equal(store.get(spec, root), undefined);
  const trainer = reference.create(spec);
  trainer.load(state);
  store.put(spec, root, trainer.view?.() ?? new Uint8Array(0));
  assert.deepEqual(readdirSync(join(folder, 'kept')), [toHex(root)]);
  const kept = store.get(spec, root);
  assert.ok(kept !== undefined);
  rmSync(join(folder, 'kept', toHex(root)));
  const other = reference.create(spec);
  other.load(kept);
  assert.deepEqual(other.state(), state);
  kept.close();
});

test('a kept state with one wrong bit, or cut off, is as good as none and is removed', () => {
  const store = new StateStore(join(folder, 'damaged'));
  const wrong = state.slice();
  wrong[wrong.length - 1] = (wrong[wrong.length - 1] as number) ^ 1;
  for (const bytes of [wrong, state.subarray(0, state.length - stateLeafBytes)]) {
    writeFileSync(join(folder, 'damaged', toHex(root)), bytes);
    assert.equal(store.get(spec, root), undefined);
    assert.ok(!store.has(root));
  }
  assert.ok(isState(spec, state, root));
  assert.ok(!isState(spec, wrong, root));
});

test('a stretch of a file is its own byte string, and ends with an error where the file does', () => {
  const file = join(folder, 'stretch');
  writeFileSync(file, state);
  const middle = openParts(file, 3 * stateLeafBytes, 5 * stateLeafBytes);
  assert.deepEqual(wholeOf(middle, stateLeafBytes), state.subarray(3 * stateLeafBytes, 5 * stateLeafBytes));
  middle.close();
  const long = openParts(file, 0, state.length + 1);
  assert.throws(() => long.subarray(0, long.length), /the file ends after/);
  long.close();
});

test('a view of a trainer shows whole leaves only, and follows its steps', () => {
  const trainer = reference.create(spec);
  trainer.load(state);
  const view = trainer.view?.();
  assert.ok(view !== undefined);
  assert.throws(() => view.subarray(0, 100), /no whole leaves/);
  trainer.step(new Uint8Array(4 * 785).fill(1), 1);
  assert.deepEqual(wholeOf(view, stateLeafBytes), trainer.state());
});
