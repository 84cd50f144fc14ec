// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '../../../core/codec.ts';
import type { MessageHandler } from '../../../core/module.ts';
import { createRouter } from '../../../core/router.ts';
import { decodeTx } from '../../../core/tx.ts';
import { MsgSend, MsgSendResponse } from '../../../proto/gen/cosmos.bank.v1beta1.ts';
import { TxBody, TxRaw } from '../../../proto/gen/cosmos.tx.v1beta1.ts';

test('a message that names a hundred thousand signers is refused with the seventeenth', () => {
  let read = 0;
  const names = {
    *[Symbol.iterator]() {
      for (let i = 0; i < 100_000; i++) {
        read++;
        yield `${i}`;
      }
    },
  };
  const handler: MessageHandler<MsgSend, MsgSendResponse> = {
    typeUrl: '/x',
    type: MsgSend,
    response: MsgSendResponse,
    signers: () => names as unknown as string[],
    validate: () => undefined,
    handle: () => ({}),
  };
  const body = encode(TxBody, { messages: [{ typeUrl: '/x', value: new Uint8Array(0) }] });
  const bytes = encode(TxRaw, { bodyBytes: body, authInfoBytes: new Uint8Array(0), signatures: [] });
  assert.throws(() => decodeTx(createRouter([{ messages: [handler], queries: [] }]), bytes), /more than 16 signers/);
  assert.equal(read, 17);
});
