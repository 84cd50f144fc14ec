// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../core/bytes.ts';
import type { JsonObject } from '../../core/json.ts';
import { toTimestamp } from '../../core/time.ts';
import * as pb from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import {
  BondStatus,
  MsgUndelegate,
  type Validator as ProtoValidator,
  QueryValidatorRequest,
  QueryValidatorResponse,
} from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Misbehavior } from '../../proto/gen/tendermint.abci.ts';
import { message, query, sign } from '../helpers/fixture.ts';
import { GENESIS_TIME, type MockComet, SECOND } from '../helpers/mockcomet.ts';
import { STAKE, type Validator, validatorFixture } from '../helpers/validators.ts';

/** A window of ten blocks of which half must be signed, and a minute of jail. */
const short = (state: JsonObject): JsonObject => {
  const slashing = state['slashing'] as JsonObject;
  const params = { ...(slashing['params'] as JsonObject), signed_blocks_window: '10', downtime_jail_duration: '60s' };
  return { ...state, slashing: { ...slashing, params } };
};
const info = (comet: MockComet, v: Validator): pb.ValidatorSigningInfo => {
  const answer = query(comet, '/cosmos.slashing.v1beta1.Query/SigningInfo', pb.QuerySigningInfoRequest, pb.QuerySigningInfoResponse, {
    consAddress: v.key.bech32,
  });
  assert.ok(answer.valSigningInfo !== undefined);
  return answer.valSigningInfo;
};
const state = (comet: MockComet, v: Validator): ProtoValidator => {
  const answer = query(comet, '/cosmos.staking.v1beta1.Query/Validator', QueryValidatorRequest, QueryValidatorResponse, {
    validatorAddr: v.operator.operator,
  });
  assert.ok(answer.validator !== undefined);
  return answer.validator;
};
const unjail = (v: Validator): Uint8Array => sign(v.operator, [message(pb.MsgUnjail, { validatorAddr: v.operator.operator })]);
const evidence = (v: Validator, height: bigint, power = 100n): Misbehavior => ({
  type: 1,
  validator: { address: fromHex(v.key.address), power },
  height,
  time: toTimestamp(GENESIS_TIME + height * SECOND),
  totalVotingPower: 400n,
});

test('jails and slashes a validator that misses more than half of the window, and lets it back after its time', async () => {
  const { comet, validators } = validatorFixture({ validators: 4, adjust: short });
  const [lazy] = validators as [Validator];
  await comet.advance(12);
  assert.equal(info(comet, lazy).missedBlocksCounter, 0n);
  await comet.advance(5, { absent: [lazy.key.address] });
  assert.equal(info(comet, lazy).missedBlocksCounter, 5n);
  assert.equal(state(comet, lazy).jailed, false);
  await comet.advance(1, { absent: [lazy.key.address] });
  assert.equal(state(comet, lazy).jailed, true);
  assert.equal(state(comet, lazy).status, BondStatus.BOND_STATUS_UNBONDING);
  assert.equal(BigInt(state(comet, lazy).tokens), STAKE - STAKE / 100n);
  await comet.advance(1);
  assert.equal(comet.validators.has(lazy.key.address), false);
  const early = (await comet.deliver([unjail(lazy)])).txResults[0];
  assert.deepEqual([early?.codespace, early?.code], ['slashing', 4]);
  const late = (await comet.deliver([unjail(lazy)], { seconds: 60 })).txResults[0];
  assert.equal(late?.code, 0, late?.log);
  await comet.advance(1);
  assert.equal(comet.validators.get(lazy.key.address), 99n);
  // The window began anew.
  assert.equal(info(comet, lazy).missedBlocksCounter, 0n);
});

test('a validator that is merely slow stays in the set', async () => {
  const { comet, validators } = validatorFixture({ validators: 4, adjust: short });
  const [slow] = validators as [Validator];
  for (let i = 0; i < 20; i++) await comet.advance(1, { absent: i % 2 === 0 ? [slow.key.address] : [] });
  assert.equal(state(comet, slow).jailed, false);
});

test('slashes, jails and tombstones for ever a validator that signed twice, once for however much evidence', async () => {
  const { comet, validators } = validatorFixture({ validators: 4 });
  const [twice] = validators as [Validator];
  await comet.advance(4);
  await comet.deliver([], { misbehavior: [evidence(twice, 3n), evidence(twice, 3n)] });
  assert.equal(BigInt(state(comet, twice).tokens), STAKE - STAKE / 20n);
  assert.equal(state(comet, twice).jailed, true);
  assert.equal(info(comet, twice).tombstoned, true);
  await comet.deliver([], { misbehavior: [evidence(twice, 2n)] });
  assert.equal(BigInt(state(comet, twice).tokens), STAKE - STAKE / 20n);
  const result = (await comet.deliver([unjail(twice)], { seconds: 1_000_000 })).txResults[0];
  assert.equal(result?.code, 4);
  assert.equal(result?.codespace, 'slashing');
});

test('slashes what began to unbond after the infraction, by the stake of its height', async () => {
  const { comet, validators } = validatorFixture({ validators: 4, stakes: [STAKE, STAKE, STAKE, STAKE] });
  const [twice] = validators as [Validator];
  await comet.advance(3);
  const coin = { denom: 'upogo', amount: (STAKE / 2n).toString() };
  const leave = message(MsgUndelegate, { delegatorAddress: twice.operator.address, validatorAddress: twice.operator.operator, amount: coin });
  const left = (await comet.deliver([sign(twice.operator, [leave])])).txResults[0];
  assert.equal(left?.code, 0, left?.log);
  await comet.deliver([], { misbehavior: [evidence(twice, 2n)] });
  // 5 % of the 100 at that height: 2.5 of what unbonds, 2.5 of what stayed.
  assert.equal(BigInt(state(comet, twice).tokens), STAKE / 2n - STAKE / 40n);
});

test('goes on after evidence against somebody unknown', async () => {
  const { comet, validators } = validatorFixture({ validators: 2 });
  const [v] = validators as [Validator];
  const stranger = { ...evidence(v, 1n), validator: { address: new Uint8Array(20).fill(9), power: 5n } };
  await comet.advance(2);
  await comet.deliver([], { misbehavior: [stranger] });
  assert.equal(BigInt(state(comet, v).tokens), STAKE);
});

test('keeps the chain running when all validators are absent and jailed', async () => {
  const { comet, validators } = validatorFixture({ validators: 2, adjust: short });
  await comet.advance(2);
  await comet.advance(15, { absent: validators.map((v) => v.key.address) });
  assert.ok(comet.validators.size > 0);
});

test('answers the slashing queries that cosmjs asks', async () => {
  const { comet } = validatorFixture({ validators: 2 });
  await comet.advance(1);
  const infos = query(comet, '/cosmos.slashing.v1beta1.Query/SigningInfos', pb.QuerySigningInfosRequest, pb.QuerySigningInfosResponse, {});
  assert.equal(infos.info.length, 2);
  const { params } = query(comet, '/cosmos.slashing.v1beta1.Query/Params', pb.QueryParamsRequest, pb.QueryParamsResponse, {});
  assert.equal(params?.signedBlocksWindow, 100n);
});
