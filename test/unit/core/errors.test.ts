// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errInvalidRequest, registerError } from '../../../core/errors.ts';

test('a message quotes what was seen up to a length that can be kept, in text that has a UTF-8 form', () => {
  const { message } = errInvalidRequest('\u{1f600}'.repeat(500_000));
  assert.ok(message.length <= 2003, `${message.length}`);
  assert.ok(message.isWellFormed());
  assert.equal(errInvalidRequest('half \ud83d').message, 'half \ufffd: invalid request');
});

test('a code of a codespace is registered once', () => {
  assert.throws(() => registerError('sdk', 18, 'something else'), /sdk\/18 is registered already as "invalid request"/);
});
