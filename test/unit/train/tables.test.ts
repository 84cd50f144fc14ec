// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXP_TABLE, LN2, LOG_TABLE } from '../../../train/tables.ts';
import { exactExpTable, exactLn2, exactLogTable } from '../../vectors/train/tables.ts';

test('the exponential table is round(2^16 exp(-i / 64)), 0 from 755 on', () => {
  assert.deepEqual(Array.from(EXP_TABLE), exactExpTable());
  assert.equal(EXP_TABLE[0], 65536);
  assert.equal(EXP_TABLE[754], 1);
  assert.equal(EXP_TABLE.indexOf(0), 755);
});

test('the logarithm table is round(2^16 ln(1 + i / 1024)) and LN2 round(2^24 ln 2)', () => {
  assert.deepEqual(Array.from(LOG_TABLE), exactLogTable());
  assert.equal(LN2, exactLn2());
});
