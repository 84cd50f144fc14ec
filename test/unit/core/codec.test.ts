// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, decodeStrict, encode, reflect, services } from '../../../core/codec.ts';
import { MsgSend } from '../../../proto/gen/cosmos.bank.v1beta1.ts';
import { SignDoc, TxRaw } from '../../../proto/gen/cosmos.tx.v1beta1.ts';
import descriptor from '../../../proto/gen/descriptor.json' with { type: 'json' };
import { Windows } from '../../../proto/gen/pogo.v1.ts';

test('bigint fields keep their value at both ends of their range', () => {
  for (const accountNumber of [0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
    assert.equal(decode(SignDoc, encode(SignDoc, { accountNumber })).accountNumber, accountNumber);
  }
});

test('a value outside its field names the field', () => {
  assert.throws(() => encode(SignDoc, { accountNumber: -1n }), /SignDoc\.accountNumber: -1 is outside uint64/);
  assert.throws(() => encode(SignDoc, { accountNumber: 2n ** 64n }), /outside uint64/);
  assert.throws(() => encode(SignDoc, { accountNumber: 5 as unknown as bigint }), /expected a bigint/);
  assert.throws(() => encode(Windows, { commit: 1.5 }), /Windows\.commit: expected an integer/);
  assert.throws(() => encode(Windows, { commit: 2 ** 32 }), /outside uint32/);
  assert.throws(() => encode(MsgSend, { fromAddress: '\ud800' }), /not well-formed/);
  assert.throws(() => encode(MsgSend, { nobody: 1 } as never), /has no such field/);
});

test('strict decoding refuses every lenient form of the same content', () => {
  const cases: readonly (readonly number[])[] = [
    [0x0a, 1, 0x61, 0x0a, 1, 0x62], // a singular field twice
    [0x0a, 0x81, 0x00, 0x61], // a length in two bytes
    [0x12, 0], // an explicit default
    [0x98, 1, 1], // an unknown field
    [0x1a, 0, 0x0a, 1, 0x61], // fields out of order
    [0x0a], // cut off
  ];
  for (const bytes of cases) assert.throws(() => decodeStrict(MsgSend, Uint8Array.from(bytes)), { name: 'CodecError' }, bytes.join(' '));
});

test('whatever is encoded is accepted strictly and comes back', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 50 }),
      fc.uint8Array({ maxLength: 50 }),
      fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 4 }),
      (bodyBytes, authInfoBytes, signatures) => {
        const value = { bodyBytes, authInfoBytes, signatures };
        assert.deepEqual(decodeStrict(TxRaw, encode(TxRaw, value)), value);
      },
    ),
  );
});

test('arbitrary bytes are refused or decode to a value that encodes to them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      let value: MsgSend;
      try {
        value = decodeStrict(MsgSend, bytes);
      } catch (error) {
        assert.equal((error as Error).name, 'CodecError');
        return;
      }
      assert.deepEqual(encode(MsgSend, value), bytes);
    }),
    { numRuns: 2000 },
  );
});

interface Node {
  readonly fields?: Record<string, { type: string; keyType?: string }>;
  readonly nested?: Record<string, Node>;
}

test('no message of ours has a map or a floating field', () => {
  const visit = (node: Node, path: string): void => {
    for (const [name, field] of Object.entries(node.fields ?? {})) {
      assert.equal(field.keyType, undefined, `${path}.${name} is a map`);
      assert.ok(field.type !== 'float' && field.type !== 'double', `${path}.${name} is ${field.type}`);
    }
    for (const [name, inner] of Object.entries(node.nested ?? {})) visit(inner, `${path}.${name}`);
  };
  const root = descriptor as unknown as Node;
  const pogo = root.nested?.['pogo'];
  assert.ok(pogo);
  visit(pogo, 'pogo');
});

test('the descriptor holds our services and types', () => {
  assert.ok(services().some((s) => s.fullName === '.pogo.v1.Msg'));
  assert.equal(reflect('pogo.v1.Job').name, 'Job');
  assert.throws(() => reflect('pogo.v1.Nothing'), /no such message type/);
});
