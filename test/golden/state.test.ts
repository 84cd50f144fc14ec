// SPDX-License-Identifier: Apache-2.0
// Keys and values of the state after the fixed history, and its application hashes. A difference is a breaking change
// of the protocol; after deciding for one, run with UPDATE_GOLDEN=1.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toHex } from '../../core/bytes.ts';
import { scenario } from '../helpers/scenario.ts';

const FILE = join(import.meta.dirname, 'state.json');

test('keeps every key, value and application hash of the fixed history', async () => {
  const state: Record<string, string[]> = {};
  const hashes = await scenario({
    onEnd(comet) {
      const latest = comet.store.latest();
      for (const name of latest.names) state[name] = [...latest.store(name).iterate()].map(([key, value]) => `${toHex(key)} ${toHex(value)}`);
    },
  });
  const found = { hashes, state };
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(FILE, `${JSON.stringify(found, null, 1)}\n`);
  assert.deepEqual(found, JSON.parse(readFileSync(FILE, 'utf8')));
});
