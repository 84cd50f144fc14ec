// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../core/address.ts';
import { decode } from '../../core/codec.ts';
import { FEE_COLLECTOR } from '../../modules/auth/index.ts';
import * as auth from '../../proto/gen/cosmos.auth.v1beta1.ts';
import * as bank from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { balance, CHAIN, coinsSend, fixture, message, query, type Signer, sign, signer } from '../helpers/fixture.ts';

const START = 1_000_000_000_000n;
const collector = formatAddress(FEE_COLLECTOR.address, CHAIN.addressPrefix);

function three(): { readonly comet: ReturnType<typeof fixture>['comet']; readonly a: Signer; readonly b: Signer; readonly c: Signer } {
  const { comet, accounts } = fixture(3);
  const [a, b, c] = accounts as [Signer, Signer, Signer];
  return { comet, a, b, c };
}

test('moves a payment from CheckTx to the balances, and its fee to the fee collector', async () => {
  const { comet, a, b } = three();
  assert.equal(comet.checkTx(coinsSend(a, b, 5n)).code, 0);
  const block = await comet.block();
  assert.deepEqual(
    block.txResults.map((r) => [r.code, r.log]),
    [[0, '']],
  );
  assert.equal(balance(comet, b.address), START + 5n);
  assert.equal(balance(comet, a.address), START - 1005n);
  assert.equal(balance(comet, collector), 1000n);
});

test('emits transfer, coin_spent, coin_received and one message event with action and sender', async () => {
  const { comet, a, b } = three();
  const { txResults } = await comet.deliver([coinsSend(a, b, 5n)]);
  const events = (txResults[0]?.events ?? []).filter((e) => e.attributes.some((x) => x.key === 'msg_index'));
  const of = (type: string): Record<string, string> =>
    Object.fromEntries(events.find((e) => e.type === type)?.attributes.map((x) => [x.key, x.value]) ?? []);
  assert.deepEqual(of('transfer'), { recipient: b.address, sender: a.address, amount: '5upogo', msg_index: '0' });
  assert.deepEqual(of('coin_spent'), { spender: a.address, amount: '5upogo', msg_index: '0' });
  assert.deepEqual(of('coin_received'), { receiver: b.address, amount: '5upogo', msg_index: '0' });
  assert.deepEqual(of('message'), { action: '/cosmos.bank.v1beta1.MsgSend', sender: a.address, module: 'bank', msg_index: '0' });
});

test('lets a payment beyond the balance pass CheckTx, fails it in the block with code 5 and keeps its fee', async () => {
  const { comet, a, b } = three();
  assert.equal(comet.checkTx(coinsSend(a, b, 2n * START)).code, 0);
  const result = (await comet.block()).txResults[0];
  assert.equal(result?.code, 5);
  assert.equal(result?.codespace, 'sdk');
  assert.match(result?.log ?? '', /^spendable balance \d+upogo is smaller than 2000000000000upogo: insufficient funds$/);
  assert.equal(balance(comet, a.address), START - 1000n);
  const gas = result?.gasUsed ?? 0n;
  assert.ok(gas >= 40_000n && gas <= 99_000n, `${gas}`);
});

test('fits a payment into 100,000 gas, also the first one and one to a new account', async () => {
  const { comet, a, b } = three();
  const first = (await comet.deliver([coinsSend(a, b, 5n, { gas: 100_000n })])).txResults[0];
  assert.equal(first?.code, 0, first?.log);
  const fresh = (await comet.deliver([coinsSend(a, signer('fresh'), 5n, { gas: 100_000n })])).txResults[0];
  assert.equal(fresh?.code, 0, fresh?.log);
});

test('creates the account of a new receiver with the next number, and it can then pay', async () => {
  const { comet, a } = three();
  const fresh = signer('fresh');
  await comet.deliver([coinsSend(a, fresh, 5000n)]);
  const answer = query(comet, '/cosmos.auth.v1beta1.Query/Account', auth.QueryAccountRequest, auth.QueryAccountResponse, { address: fresh.address });
  const account = decode(auth.BaseAccount, answer.account?.value ?? new Uint8Array(0));
  // 3 and 4 are the pools of stake, 5 went to the fee collector with the first fee.
  assert.equal(account.accountNumber, 6n);
  fresh.number = account.accountNumber;
  const paid = (await comet.deliver([coinsSend(fresh, a, 1n)])).txResults[0];
  assert.equal(paid?.code, 0, paid?.log);
});

test('drops what a failing message of several wrote, and what the earlier ones wrote', async () => {
  const { comet, a, b } = three();
  const pay = (amount: string): ReturnType<typeof message> =>
    message(bank.MsgSend, { fromAddress: a.address, toAddress: b.address, amount: [{ denom: 'upogo', amount }] });
  const result = (await comet.deliver([sign(a, [pay('7'), pay('9999999999999')])])).txResults[0];
  assert.equal(result?.code, 5);
  assert.equal(balance(comet, b.address), START);
});

test('pays many receivers from one sender, and refuses sums that differ', async () => {
  const { comet, a, b, c } = three();
  const coins = (amount: string): readonly { denom: string; amount: string }[] => [{ denom: 'upogo', amount }];
  const outputs = [
    { address: b.address, coins: coins('3') },
    { address: c.address, coins: coins('4') },
  ];
  const good = message(bank.MsgMultiSend, { inputs: [{ address: a.address, coins: coins('7') }], outputs });
  const bad = message(bank.MsgMultiSend, { inputs: [{ address: a.address, coins: coins('8') }], outputs });
  const { txResults } = await comet.deliver([sign(a, [good]), sign(a, [bad], { keepSequence: true })]);
  assert.equal(txResults[0]?.code, 0, txResults[0]?.log);
  assert.deepEqual([txResults[1]?.codespace, txResults[1]?.code], ['bank', 4]);
  assert.equal(balance(comet, b.address), START + 3n);
  assert.equal(balance(comet, c.address), START + 4n);
});

test('refuses payments to module accounts with code 4', async () => {
  const { comet, a } = three();
  const result = (await comet.deliver([coinsSend(a, { address: collector }, 5n)])).txResults[0];
  assert.equal(result?.code, 4);
  assert.match(result?.log ?? '', /is not allowed to receive funds: unauthorized$/);
});

test('answers balances sorted by denomination, by pages, and the supply as their sum', async () => {
  const { comet, accounts } = fixture(2);
  const owner = accounts[0]?.address ?? '';
  await comet.advance(1);
  const all = query(comet, '/cosmos.bank.v1beta1.Query/AllBalances', bank.QueryAllBalancesRequest, bank.QueryAllBalancesResponse, {
    address: owner,
  });
  assert.deepEqual(all.balances, [{ denom: 'upogo', amount: START.toString() }]);
  const supply = query(comet, '/cosmos.bank.v1beta1.Query/TotalSupply', bank.QueryTotalSupplyRequest, bank.QueryTotalSupplyResponse, {});
  assert.deepEqual(supply.supply, [{ denom: 'upogo', amount: (2n * START).toString() }]);
  const owners = query(comet, '/cosmos.bank.v1beta1.Query/DenomOwners', bank.QueryDenomOwnersRequest, bank.QueryDenomOwnersResponse, {
    denom: 'upogo',
    pagination: { limit: 1n, countTotal: true },
  });
  assert.equal(owners.denomOwners.length, 1);
  assert.equal(owners.pagination?.total, 2n);
  assert.ok((owners.pagination?.nextKey.length ?? 0) > 0);
});

test('says NotFound for a missing account in the words that cosmjs matches', async () => {
  const { comet } = three();
  await comet.advance(1);
  const address = signer('nobody').address;
  const data = new Uint8Array([10, address.length, ...Buffer.from(address)]);
  const answer = comet.app.query({ path: '/cosmos.auth.v1beta1.Query/Account', data, height: 0n, prove: false });
  assert.deepEqual(
    [answer.code, answer.codespace, answer.log],
    [22, 'sdk', `rpc error: code = NotFound desc = account ${address} not found: key not found`],
  );
});
