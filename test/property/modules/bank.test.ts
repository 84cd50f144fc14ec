// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress } from '../../../core/address.ts';
import { FEE_COLLECTOR } from '../../../modules/auth/index.ts';
import * as bank from '../../../proto/gen/cosmos.bank.v1beta1.ts';
import { balance, CHAIN, fixture, message, moneyOf, type Signer, sign } from '../../helpers/fixture.ts';

const START = 1_000_000_000_000n;
const collector = formatAddress(FEE_COLLECTOR.address, CHAIN.addressPrefix);
const COUNT = 4;

interface Payment {
  readonly from: number;
  readonly to: number;
  readonly amount: bigint;
  readonly fee: bigint;
}

const party = fc.integer({ min: 0, max: COUNT - 1 });
const payment: fc.Arbitrary<Payment> = fc.record({ from: party, to: party, amount: fc.bigInt(1n, 2n * START), fee: fc.bigInt(0n, START / 2n) });

/** What a ledger on paper says of a transaction: its code, and the balances after it. */
function expected(ledger: Map<string, bigint>, p: Payment, accounts: readonly Signer[]): number {
  const from = accounts[p.from]?.address ?? '';
  const to = accounts[p.to]?.address ?? '';
  const owns = (address: string): bigint => ledger.get(address) ?? 0n;
  if (owns(from) < p.fee) return 5;
  ledger.set(from, owns(from) - p.fee);
  ledger.set(collector, owns(collector) + p.fee);
  if (owns(from) < p.amount) return 5;
  ledger.set(from, owns(from) - p.amount);
  ledger.set(to, owns(to) + p.amount);
  return 0;
}

test('random payments leave the balances and codes of a ledger on paper, whatever the blocks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(payment, { maxLength: 5 }), { maxLength: 6 }), async (blocks) => {
      const { comet, accounts } = fixture(COUNT);
      const ledger = new Map(accounts.map((a) => [a.address, START]));
      for (const payments of blocks) {
        const codes: number[] = [];
        const txs: Uint8Array[] = [];
        for (const p of payments) {
          const from = accounts[p.from] as Signer;
          const to = accounts[p.to] as Signer;
          const coins = [{ denom: 'upogo', amount: p.amount.toString() }];
          const before = from.sequence;
          txs.push(sign(from, [message(bank.MsgSend, { fromAddress: from.address, toAddress: to.address, amount: coins })], { fee: p.fee }));
          const paysFee = (ledger.get(from.address) ?? 0n) >= p.fee;
          codes.push(expected(ledger, p, accounts));
          // Who cannot pay the fee does not use up a sequence.
          if (!paysFee) from.sequence = before;
        }
        const { txResults } = await comet.deliver(txs);
        assert.deepEqual(
          txResults.map((r) => r.code),
          codes,
        );
      }
      if (comet.height === 0n) await comet.advance(1);
      for (const [address, amount] of ledger) assert.equal(balance(comet, address), amount);
    }),
    { numRuns: 60 },
  );
});

test('bytes of any kind never stop the application, and change nothing but by succeeding', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  const good = sign({ ...a }, [message(bank.MsgSend, { fromAddress: a.address, toAddress: b.address, amount: [{ denom: 'upogo', amount: '1' }] })]);
  const damaged = fc
    .tuple(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }))
    .map(([at, by]) => good.map((x, i) => (i === at ? x ^ by : x)));
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), async (bytes) => {
      const before = moneyOf(comet);
      assert.notEqual(comet.checkTx(bytes).code, 0);
      const block = await comet.deliver([bytes]);
      assert.notEqual(block.txResults[0]?.code, 0);
      assert.deepEqual(moneyOf(comet), before);
      assert.deepEqual(comet.internalErrors, []);
    }),
    { numRuns: 300 },
  );
});
