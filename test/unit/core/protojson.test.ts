// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode } from '../../../core/codec.ts';
import type { Json } from '../../../core/json.ts';
import { fromProtoJson, toProtoJson } from '../../../core/protojson.ts';
import { Params } from '../../../proto/gen/cosmos.slashing.v1beta1.ts';
import { Tx } from '../../../proto/gen/cosmos.tx.v1beta1.ts';
import { Any, Duration, Timestamp } from '../../../proto/gen/google.protobuf.ts';
import { Commit, Job, MsgFundJob, QueryJobsResponse } from '../../../proto/gen/pogo.v1.ts';

// As simd 0.53 writes a genesis transaction.
const GENTX = {
  body: {
    messages: [
      {
        '@type': '/cosmos.staking.v1beta1.MsgCreateValidator',
        description: { moniker: 'a', identity: '', website: '', security_contact: '', details: '' },
        commission: { rate: '0.100000000000000000', max_rate: '0.200000000000000000', max_change_rate: '0.010000000000000000' },
        min_self_delegation: '1',
        delegator_address: '',
        validator_address: 'cosmosvaloper1x',
        pubkey: { '@type': '/cosmos.crypto.ed25519.PubKey', key: 'AAAA' },
        value: { denom: 'stake', amount: '100' },
      },
    ],
    memo: 'x',
    timeout_height: '0',
    unordered: false,
    timeout_timestamp: null,
    extension_options: [],
    non_critical_extension_options: [],
  },
  auth_info: {
    signer_infos: [
      { public_key: { '@type': '/cosmos.crypto.secp256k1.PubKey', key: 'AAAA' }, mode_info: { single: { mode: 'SIGN_MODE_DIRECT' } }, sequence: '0' },
    ],
    fee: { amount: [], gas_limit: '200000', payer: '', granter: '' },
    tip: null,
  },
  signatures: ['AAAA'],
};

test("a genesis transaction of the SDK's form comes back as it was, fields in order", () => {
  const json = toProtoJson(Tx, fromProtoJson(Tx, GENTX));
  assert.equal(JSON.stringify(json), JSON.stringify(GENTX));
});

test('decimals in bytes fields have 18 places, durations end in s', () => {
  const params = { signedBlocksWindow: 100n, downtimeJailDuration: { seconds: 600n, nanos: 500_000_000 } };
  const json = toProtoJson(Params, { ...decode(Params, new Uint8Array(0)), ...params });
  assert.deepEqual(json, {
    signed_blocks_window: '100',
    min_signed_per_window: '0.000000000000000000',
    downtime_jail_duration: '600.500s',
    slash_fraction_double_sign: '0.000000000000000000',
    slash_fraction_downtime: '0.000000000000000000',
  });
});

test('integers of 64 bits are strings, of 32 bits numbers, enums names, bytes base64', () => {
  const json = toProtoJson(Commit, {
    ...decode(Commit, new Uint8Array(0)),
    jobId: 1n,
    claimedLoss: -2n,
    steps: 3,
    status: 5,
    parentRoot: Uint8Array.of(1),
  }) as Record<string, Json>;
  assert.deepEqual(
    [json['job_id'], json['claimed_loss'], json['steps'], json['status'], json['parent_root'], json['artifact'], json['answered']],
    ['1', '-2', 3, 'COMMIT_STATUS_SLASHED', 'AQ==', null, []],
  );
});

test('oneof fields that are not set are left out', () => {
  const json = toProtoJson(Job, { ...decode(Job, new Uint8Array(0)), spec: { arithmetic: 'exact8', model: {}, batchSize: 1, codeBits: 0 } }) as {
    spec: Json;
  };
  assert.deepEqual(json.spec, { arithmetic: 'exact8', model: {}, optimizer: null, schedule: null, batch_size: 1, code_bits: 0 });
});

test('times and durations of any size come back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }), fc.integer({ min: 0, max: 999_999_999 }), (seconds, nanos) => {
      const json = toProtoJson(Timestamp, { seconds, nanos });
      assert.deepEqual(fromProtoJson(Timestamp, json), { seconds, nanos });
      const sign = seconds < 0n ? -1 : 1;
      const duration = { seconds, nanos: nanos === 0 ? 0 : sign * nanos };
      assert.deepEqual(fromProtoJson(Duration, toProtoJson(Duration, duration)), duration);
    }),
  );
});

test('any reading of what was written gives the message', () => {
  const message = fc.record({
    sender: fc.string(),
    jobId: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    amount: fc.option(fc.record({ denom: fc.string(), amount: fc.nat().map(String) }, { noNullPrototype: true }), { nil: undefined }),
  });
  fc.assert(
    fc.property(message, (m) => {
      const value = { sender: m.sender, jobId: m.jobId, ...(m.amount === undefined ? {} : { amount: m.amount }) };
      assert.deepEqual(fromProtoJson(MsgFundJob, toProtoJson(MsgFundJob, value)), value);
    }),
  );
});

const REFUSED: readonly (readonly [json: Json, message: RegExp])[] = [
  [{ job_id: '1', x: 1 }, /MsgFundJob\.x: MsgFundJob has no such field/],
  [{ job_id: 'one' }, /MsgFundJob\.job_id: expected an integer/],
  [{ job_id: 1.5 }, /MsgFundJob\.job_id: expected an integer/],
  [{ job_id: '18446744073709551616' }, /outside uint64/],
  [{ job_id: '1', jobId: '1' }, /MsgFundJob\.jobId: the field stands twice/],
  [{ sender: 5 }, /MsgFundJob\.sender: expected a string/],
  [{ amount: 'x' }, /MsgFundJob\.amount: expected an object/],
  [[], /MsgFundJob: expected an object/],
];

for (const [json, message] of REFUSED) {
  test(`refuses ${JSON.stringify(json)} naming path and rule`, () => {
    assert.throws(() => fromProtoJson(MsgFundJob, json), message);
  });
}

test('an Any of an unknown type is refused in both directions', () => {
  assert.throws(() => fromProtoJson(Any, { '@type': '/no.such.Type' }), /is not a known message/);
  assert.throws(() => toProtoJson(Any, { typeUrl: '/no.such.Type', value: Uint8Array.of(1) }), /no such message type/);
});

test('lists name the index of a bad item', () => {
  assert.throws(() => fromProtoJson(QueryJobsResponse, { jobs: [{}, { id: 'x' }] }), /QueryJobsResponse\.jobs\[1\]\.id: expected an integer/);
});
