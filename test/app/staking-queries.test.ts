// SPDX-License-Identifier: Apache-2.0
// What clients match on: codes, texts and pages of the stake's queries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '../../core/codec.ts';
import * as slashing from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import * as pb from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { ResponseQuery } from '../../proto/gen/tendermint.abci.ts';
import type { Input, MessageType } from '../../proto/message.ts';
import { CHAIN, consensusKey, message, query, type Signer, sign, signer } from '../helpers/fixture.ts';
import { type Validator, validatorFixture } from '../helpers/validators.ts';

const S = '/cosmos.staking.v1beta1.Query/';
const { comet, validators, accounts } = validatorFixture({ validators: 3 });
const [v, w] = validators as readonly [Validator, Validator, Validator];
const [a] = accounts as readonly [Signer];
await comet.advance(1);
const [validatorAddr, other] = [v.operator.operator, w.operator.operator];
const nobody = signer('nobody');

function ask<Q>(path: string, type: MessageType<Q>, input: Input<Q>): ResponseQuery {
  return comet.app.query({ path, data: encode(type, input), height: 0n, prove: false });
}

const REFUSED: readonly (readonly [sentence: string, answer: () => ResponseQuery, code: number, log: string])[] = [
  [
    'a delegation that does not exist',
    () => ask(`${S}Delegation`, pb.QueryDelegationRequest, { delegatorAddr: a.address, validatorAddr }),
    22,
    `rpc error: code = NotFound desc = delegation with delegator ${a.address} not found for validator ${validatorAddr}: key not found`,
  ],
  [
    'an unbonding delegation that does not exist',
    () => ask(`${S}UnbondingDelegation`, pb.QueryUnbondingDelegationRequest, { delegatorAddr: a.address, validatorAddr }),
    22,
    `rpc error: code = NotFound desc = unbonding delegation with delegator ${a.address} not found for validator ${validatorAddr}: key not found`,
  ],
  [
    'a validator that does not exist',
    () => ask(`${S}Validator`, pb.QueryValidatorRequest, { validatorAddr: nobody.operator }),
    22,
    `rpc error: code = NotFound desc = validator ${nobody.operator} not found: key not found`,
  ],
  [
    'a height without history',
    () => ask(`${S}HistoricalInfo`, pb.QueryHistoricalInfoRequest, { height: 99n }),
    22,
    'rpc error: code = NotFound desc = historical info for height 99 not found: key not found',
  ],
  [
    'a redelegation that does not exist',
    () =>
      ask(`${S}Redelegations`, pb.QueryRedelegationsRequest, {
        delegatorAddr: a.address,
        srcValidatorAddr: validatorAddr,
        dstValidatorAddr: validatorAddr,
      }),
    6,
    `rpc error: code = Internal desc = rpc error: code = NotFound desc = redelegation not found for delegator address ${a.address} from validator address ${validatorAddr}: unknown request`,
  ],
  [
    'a validator that the delegator does not delegate to',
    () => ask(`${S}DelegatorValidator`, pb.QueryDelegatorValidatorRequest, { delegatorAddr: a.address, validatorAddr }),
    6,
    'rpc error: code = Internal desc = no delegation for (address, validator) tuple: unknown request',
  ],
  [
    'a status that is none',
    () => ask(`${S}Validators`, pb.QueryValidatorsRequest, { status: 'bonded' }),
    18,
    'rpc error: code = InvalidArgument desc = invalid validator status bonded: invalid request',
  ],
  [
    'an empty address',
    () => ask(`${S}Validator`, pb.QueryValidatorRequest, { validatorAddr: '' }),
    18,
    'rpc error: code = InvalidArgument desc = validator address cannot be empty: invalid request',
  ],
  [
    'a consensus address that never signed',
    () => ask('/cosmos.slashing.v1beta1.Query/SigningInfo', slashing.QuerySigningInfoRequest, { consAddress: consensusKey('x').bech32 }),
    22,
    `rpc error: code = NotFound desc = SigningInfo not found for validator ${consensusKey('x').bech32}: key not found`,
  ],
];
for (const [sentence, answer, code, log] of REFUSED) {
  test(`answers a question for ${sentence} as the SDK does`, () => {
    const got = answer();
    assert.deepEqual([got.code, got.codespace, got.log], [code, 'sdk', log]);
  });
}

test('pages through validators by key, in both directions', () => {
  const page = (key: Uint8Array, reverse: boolean): pb.QueryValidatorsResponse =>
    query(comet, `${S}Validators`, pb.QueryValidatorsRequest, pb.QueryValidatorsResponse, { pagination: { key, limit: 2n, reverse } });
  for (const reverse of [false, true]) {
    const first = page(new Uint8Array(0), reverse);
    const second = page(first.pagination?.nextKey ?? new Uint8Array(0), reverse);
    assert.deepEqual([first.validators.length, second.validators.length, second.pagination?.nextKey.length], [2, 1, 0]);
    const seen = [...first.validators, ...second.validators].map((x) => x.operatorAddress);
    assert.deepEqual(new Set(seen), new Set(validators.map((x) => x.operator.operator)));
  }
});

test('lists redelegations by delegator and by source, with what they are worth', async () => {
  const amount = { denom: CHAIN.bondDenom, amount: '5000000' };
  const move = message(pb.MsgBeginRedelegate, {
    delegatorAddress: v.operator.address,
    validatorSrcAddress: validatorAddr,
    validatorDstAddress: other,
    amount,
  });
  const [result] = (await comet.deliver([sign(v.operator, [move])])).txResults;
  assert.equal(result?.code, 0, result?.log);
  for (const q of [{ delegatorAddr: v.operator.address }, { srcValidatorAddr: validatorAddr }]) {
    const [found] = query(comet, `${S}Redelegations`, pb.QueryRedelegationsRequest, pb.QueryRedelegationsResponse, q).redelegationResponses;
    assert.equal(found?.redelegation?.validatorDstAddress, other);
    assert.equal(found?.entries[0]?.balance, '5000000');
    assert.equal(found?.entries[0]?.redelegationEntry?.initialBalance, '5000000');
  }
});

test('simulates a delegation for the gas that it costs', async () => {
  const amount = { denom: CHAIN.bondDenom, amount: '5000000' };
  const tx = sign(a, [message(pb.MsgDelegate, { delegatorAddress: a.address, validatorAddress: validatorAddr, amount })]);
  const simulated = comet.app.query({ path: '/app/simulate', data: tx, height: 0n, prove: false });
  assert.equal(simulated.code, 0, simulated.log);
  const [result] = (await comet.deliver([tx])).txResults;
  assert.equal(result?.code, 0, result?.log);
  assert.ok((result?.gasUsed ?? 0n) >= 101_000n && (result?.gasUsed ?? 0n) <= 200_000n, String(result?.gasUsed));
});
