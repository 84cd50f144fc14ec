// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../core/address.ts';
import { decode } from '../../core/codec.ts';
import { canonicalJson, type JsonObject } from '../../core/json.ts';
import { BaseAccount, QueryAccountRequest, QueryAccountResponse } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import * as pb from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { ExecTxResult } from '../../proto/gen/tendermint.abci.ts';
import { balance, CHAIN, coinsSend, consensusKey, message, query, type Signer, sign, signer } from '../helpers/fixture.ts';
import { MockComet } from '../helpers/mockcomet.ts';
import { reexport } from '../helpers/reexport.ts';
import { cast, createValidator, FUNDS, genTx, STAKE, txJson, type Validator, validatorFixture, validatorGenesis } from '../helpers/validators.ts';

const coin = (amount: bigint): { denom: string; amount: string } => ({ denom: CHAIN.bondDenom, amount: amount.toString() });
const validatorOf = (comet: MockComet, v: Validator): pb.Validator => {
  const answer = query(comet, '/cosmos.staking.v1beta1.Query/Validator', pb.QueryValidatorRequest, pb.QueryValidatorResponse, {
    validatorAddr: v.operator.operator,
  });
  assert.ok(answer.validator !== undefined);
  return answer.validator;
};
const ok = (r: ExecTxResult | undefined): ExecTxResult => {
  assert.ok(r !== undefined);
  assert.equal(r.code, 0, r.log);
  return r;
};
const delegate = (from: Signer, v: Validator, amount: bigint): Uint8Array =>
  sign(from, [message(pb.MsgDelegate, { delegatorAddress: from.address, validatorAddress: v.operator.operator, amount: coin(amount) })]);
const undelegate = (from: Signer, v: Validator, amount: bigint): Uint8Array =>
  sign(from, [message(pb.MsgUndelegate, { delegatorAddress: from.address, validatorAddress: v.operator.operator, amount: coin(amount) })]);
/** The genesis with other parameters of staking. */
const withParams =
  (params: JsonObject) =>
  (state: JsonObject): JsonObject => {
    const staking = state['staking'] as JsonObject;
    return { ...state, staking: { ...staking, params: { ...(staking['params'] as JsonObject), ...params } } };
  };

test('starts with the validators of its genesis transactions, whose accounts have sequence 1', async () => {
  const { comet, validators } = validatorFixture({ validators: 4, stakes: [STAKE, 2n * STAKE, 3n * STAKE, 4n * STAKE] });
  assert.deepEqual(
    validators.map((v) => comet.validators.get(v.key.address)),
    [100n, 200n, 300n, 400n],
  );
  await comet.advance(1);
  for (const v of validators) {
    const { account } = query(comet, '/cosmos.auth.v1beta1.Query/Account', QueryAccountRequest, QueryAccountResponse, {
      address: v.operator.address,
    });
    assert.equal(decode(BaseAccount, account?.value ?? new Uint8Array(0)).sequence, 1n);
    const found = validatorOf(comet, v);
    assert.equal(found.status, pb.BondStatus.BOND_STATUS_BONDED);
    assert.equal(found.operatorAddress, v.operator.operator);
  }
  const pool = query(comet, '/cosmos.staking.v1beta1.Query/Pool', pb.QueryPoolRequest, pb.QueryPoolResponse, {});
  assert.deepEqual(pool.pool, { notBondedTokens: '0', bondedTokens: (10n * STAKE).toString() });
});

const two = cast(2, 1);
const first = two.validators[0] as Validator;
const BAD_GENTX: readonly (readonly [sentence: string, tx: unknown, text: RegExp])[] = [
  ['is signed for another chain', genTx(first, STAKE, { chainId: 'else-1' }), /gen_txs\[0\]: signature verification failed.* \(sdk\/4\)/],
  ['stakes more than its account owns', genTx(first, 2n * FUNDS), /gen_txs\[0\]: .*insufficient funds \(sdk\/5\)/],
  [
    'is signed by somebody else',
    genTx({ ...first, operator: { ...first.operator, privateKey: signer('thief').privateKey } }, STAKE),
    /gen_txs\[0\]: signature verification failed/,
  ],
  ['is a payment', txJson(coinsSend({ ...first.operator }, signer('x'), 1n)), /gen_txs\[0\]: .*unable to resolve type URL/],
  ['is no object', 'x', /gen_txs\[0\]: expected an object/],
];
for (const [sentence, tx, text] of BAD_GENTX) {
  test(`refuses a genesis transaction that ${sentence}`, () => {
    const appState = { ...validatorGenesis(two), genutil: { gen_txs: [tx] } } as JsonObject;
    assert.throws(() => new MockComet({ chainId: CHAIN.chainId, appState }), text);
  });
}

test('a delegation costs 101,000 to 200,000 gas and moves the power two heights later', async () => {
  const { comet, validators, accounts } = validatorFixture();
  const [v] = validators as [Validator];
  const [a] = accounts as [Signer];
  const block = await comet.deliver([delegate(a, v, 50_000_000n)]);
  const { gasUsed } = ok(block.txResults[0]);
  assert.ok(gasUsed >= 101_000n && gasUsed <= 200_000n, `${gasUsed}`);
  assert.deepEqual(
    block.validatorUpdates.map((u) => u.power),
    [150n],
  );
  assert.equal(comet.validators.get(v.key.address), 100n);
  await comet.advance(1);
  assert.equal(comet.validators.get(v.key.address), 150n);
  // Also where account key and delegation exist already.
  const again = ok((await comet.deliver([delegate(a, v, 1n)])).txResults[0]).gasUsed;
  assert.ok(again >= 101_000n && again <= 200_000n, `${again}`);
  assert.equal(balance(comet, a.address), FUNDS - 50_000_001n - 2000n);
});

test('a new validator and its changes fit 200,000 gas each', async () => {
  const { comet, accounts } = validatorFixture();
  const [a] = accounts as [Signer];
  const created = ok(
    (await comet.deliver([sign(a, [createValidator({ operator: a, key: consensusKey('new') }, STAKE)], { gas: 200_000n })])).txResults[0],
  );
  assert.ok(created.gasUsed > 50_000n);
  await comet.advance(1);
  assert.equal(comet.validators.get(consensusKey('new').address), 100n);
  const description = { moniker: 'renamed', identity: '', website: '', securityContact: '', details: '' };
  const edit = message(pb.MsgEditValidator, { description, validatorAddress: a.operator, commissionRate: '', minSelfDelegation: '' });
  ok((await comet.deliver([sign(a, [edit], { gas: 200_000n })])).txResults[0]);
  assert.equal(validatorOf(comet, { operator: a, key: consensusKey('new') }).description?.moniker, 'renamed');
});

test('pays an unbonding out at its time and not before', async () => {
  const { comet, validators, accounts } = validatorFixture({ adjust: withParams({ unbonding_time: '10s' }) });
  const [v] = validators as [Validator];
  const [a] = accounts as [Signer];
  ok((await comet.deliver([delegate(a, v, 50_000_000n)])).txResults[0]);
  ok((await comet.deliver([undelegate(a, v, 20_000_000n)])).txResults[0]);
  const before = balance(comet, a.address);
  await comet.advance(9);
  assert.equal(balance(comet, a.address), before);
  await comet.advance(1);
  assert.equal(balance(comet, a.address), before + 20_000_000n);
});

test('keeps its last validator when all of its stake leaves', async () => {
  const { comet, validators } = validatorFixture({ adjust: withParams({ unbonding_time: '5s' }) });
  const [v] = validators as [Validator];
  const block = await comet.deliver([undelegate(v.operator, v, STAKE)]);
  assert.deepEqual(block.validatorUpdates, []);
  await comet.advance(10);
  assert.equal(comet.validators.get(v.key.address), 100n);
});

test('lets the stronger replace the weakest when the set is full', async () => {
  const { comet, validators, accounts } = validatorFixture({ validators: 2, stakes: [STAKE, 2n * STAKE], adjust: withParams({ max_validators: 2 }) });
  const [weak] = validators as [Validator];
  const [a] = accounts as [Signer];
  const strong = { operator: a, key: consensusKey('strong') };
  const block = await comet.deliver([sign(a, [createValidator(strong, 3n * STAKE)])]);
  ok(block.txResults[0]);
  assert.deepEqual(block.validatorUpdates.map((u) => u.power).sort(), [0n, 300n]);
  await comet.advance(1);
  assert.deepEqual([comet.validators.has(weak.key.address), comet.validators.has(strong.key.address)], [false, true]);
  assert.equal(validatorOf(comet, weak).status, pb.BondStatus.BOND_STATUS_UNBONDING);
});

test('exports a chain with delegations and unbondings that starts again with the same set', async () => {
  const { comet, validators, accounts } = validatorFixture({ validators: 2 });
  const [v, w] = validators as [Validator, Validator];
  const [a, b] = accounts as [Signer, Signer];
  const redelegate = (from: Signer): Uint8Array =>
    sign(from, [
      message(pb.MsgBeginRedelegate, {
        delegatorAddress: from.address,
        validatorSrcAddress: v.operator.operator,
        validatorDstAddress: w.operator.operator,
        amount: coin(5_000_000n),
      }),
    ]);
  for (const r of (await comet.deliver([delegate(a, v, 50_000_000n), delegate(b, v, 7_000_000n)])).txResults) ok(r);
  for (const r of (await comet.deliver([undelegate(a, v, 20_000_000n), redelegate(b)])).txResults) ok(r);
  await comet.advance(2);
  const { appState } = comet.app.exportGenesis();
  const again = new MockComet({ chainId: CHAIN.chainId, appState: appState as JsonObject });
  assert.deepEqual([...again.validators].sort(), [...comet.validators].sort());
  assert.equal(canonicalJson(reexport(appState as JsonObject)), canonicalJson(appState as JsonObject));
  await again.advance(2);
});

test('answers every staking query that cosmjs asks', async () => {
  const { comet, validators, accounts } = validatorFixture();
  const [v] = validators as [Validator];
  const [a] = accounts as [Signer];
  ok((await comet.deliver([delegate(a, v, 50_000_000n)])).txResults[0]);
  ok((await comet.deliver([undelegate(a, v, 20_000_000n)])).txResults[0]);
  const S = '/cosmos.staking.v1beta1.Query/';
  const pair = { delegatorAddr: a.address, validatorAddr: v.operator.operator };
  const one = query(comet, `${S}Delegation`, pb.QueryDelegationRequest, pb.QueryDelegationResponse, pair);
  assert.deepEqual(one.delegationResponse?.balance, coin(30_000_000n));
  assert.equal(one.delegationResponse?.delegation?.shares, (30_000_000n * 10n ** 18n).toString());
  assert.equal(
    query(comet, `${S}Validators`, pb.QueryValidatorsRequest, pb.QueryValidatorsResponse, { status: 'BOND_STATUS_BONDED' }).validators.length,
    1,
  );
  assert.equal(
    query(comet, `${S}Validators`, pb.QueryValidatorsRequest, pb.QueryValidatorsResponse, { status: 'BOND_STATUS_UNBONDED' }).validators.length,
    0,
  );
  assert.equal(
    query(comet, `${S}ValidatorDelegations`, pb.QueryValidatorDelegationsRequest, pb.QueryValidatorDelegationsResponse, {
      validatorAddr: pair.validatorAddr,
    }).delegationResponses.length,
    2,
  );
  assert.equal(
    query(comet, `${S}DelegatorDelegations`, pb.QueryDelegatorDelegationsRequest, pb.QueryDelegatorDelegationsResponse, { delegatorAddr: a.address })
      .delegationResponses.length,
    1,
  );
  assert.equal(
    query(comet, `${S}UnbondingDelegation`, pb.QueryUnbondingDelegationRequest, pb.QueryUnbondingDelegationResponse, pair).unbond?.entries[0]
      ?.balance,
    '20000000',
  );
  assert.equal(
    query(comet, `${S}DelegatorUnbondingDelegations`, pb.QueryDelegatorUnbondingDelegationsRequest, pb.QueryDelegatorUnbondingDelegationsResponse, {
      delegatorAddr: a.address,
    }).unbondingResponses.length,
    1,
  );
  assert.equal(
    query(comet, `${S}ValidatorUnbondingDelegations`, pb.QueryValidatorUnbondingDelegationsRequest, pb.QueryValidatorUnbondingDelegationsResponse, {
      validatorAddr: pair.validatorAddr,
    }).unbondingResponses.length,
    1,
  );
  assert.equal(
    query(comet, `${S}DelegatorValidators`, pb.QueryDelegatorValidatorsRequest, pb.QueryDelegatorValidatorsResponse, { delegatorAddr: a.address })
      .validators.length,
    1,
  );
  assert.equal(
    query(comet, `${S}DelegatorValidator`, pb.QueryDelegatorValidatorRequest, pb.QueryDelegatorValidatorResponse, pair).validator?.tokens,
    '130000000',
  );
  assert.equal(
    query(comet, `${S}Redelegations`, pb.QueryRedelegationsRequest, pb.QueryRedelegationsResponse, { delegatorAddr: a.address }).redelegationResponses
      .length,
    0,
  );
  assert.equal(
    query(comet, `${S}HistoricalInfo`, pb.QueryHistoricalInfoRequest, pb.QueryHistoricalInfoResponse, { height: 1n }).hist?.valset.length,
    1,
  );
  assert.equal(query(comet, `${S}Params`, pb.QueryParamsRequest, pb.QueryParamsResponse, {}).params?.bondDenom, 'upogo');
  assert.equal(formatAddress(a.bytes, 'pogo', 'valoper'), a.operator);
});
