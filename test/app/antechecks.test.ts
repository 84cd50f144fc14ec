// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '../../core/codec.ts';
import { publicKeyAny } from '../../modules/auth/index.ts';
import { DEFAULT_CONSENSUS_PARAMS } from '../../modules/chain/index.ts';
import * as bank from '../../proto/gen/cosmos.bank.v1beta1.ts';
import * as tx from '../../proto/gen/cosmos.tx.v1beta1.ts';
import type { ExecTxResult } from '../../proto/gen/tendermint.abci.ts';
import { balance, CHAIN, coinsSend, fixture, message, moneyOf, query, type Signer, sign, signer } from '../helpers/fixture.ts';

type Case = readonly [sentence: string, code: number, log: RegExp, build: (a: Signer, b: Signer) => Uint8Array];

const otherKey = (a: Signer): Signer => ({ ...a, publicKey: signer('other').publicKey, privateKey: signer('other').privateKey });
const raw = (bytes: Uint8Array, change: (t: tx.TxRaw) => tx.TxRaw): Uint8Array => {
  // Signed transactions of the fixture are canonical, so decoding and encoding is the identity.
  const parts = splitRaw(bytes);
  return encode(tx.TxRaw, change(parts));
};

const splitRaw = (bytes: Uint8Array): tx.TxRaw => decode(tx.TxRaw, bytes);

const CASES: readonly Case[] = [
  ['bytes that are no transaction', 2, /tx parse error/, () => new Uint8Array([1, 2, 3])],
  [
    'a message of an unknown type',
    2,
    /unable to resolve type URL \/nobody.knows/,
    (a) => sign(a, [{ typeUrl: '/nobody.knows', value: new Uint8Array(0) }]),
  ],
  ['a signature by another key', 8, /pubKey does not match signer address/, (a, b) => coinsSend(otherKey(a), b, 1n)],
  [
    'a signature for another chain',
    4,
    /signature verification failed; please verify account number \(0\), sequence \(0\) and chain-id \(pogo-test-1\)/,
    (a, b) => coinsSend(a, b, 1n, { chainId: 'else-1' }),
  ],
  ['a signature for another account number', 4, /signature verification failed/, (a, b) => coinsSend({ ...a, number: 77n }, b, 1n)],
  [
    'a changed byte in the body',
    4,
    /signature verification failed/,
    (a, b) => raw(coinsSend(a, b, 1n), (t) => ({ ...t, bodyBytes: splitRaw(coinsSend({ ...a }, b, 2n)).bodyBytes })),
  ],
  [
    'a sequence ahead',
    32,
    /^account sequence mismatch, expected 0, got 5: incorrect account sequence$/,
    (a, b) => coinsSend({ ...a, sequence: 5n }, b, 1n),
  ],
  ['sign mode LEGACY_AMINO_JSON', 4, /unsupported sign mode 127/, (a, b) => coinsSend(a, b, 1n, { mode: 127 })],
  ['an unsupported sign mode before an invalid message', 4, /unsupported sign mode/, (a, b) => coinsSend(a, b, 0n, { mode: 191 })],
  ['an amount of zero', 10, /amount\[0\].amount: must be positive: invalid coins/, (a, b) => coinsSend(a, b, 0n)],
  [
    'a receiver of another chain',
    7,
    /to_address: invalid Bech32 prefix; expected pogo, got cosmos/,
    (a) => coinsSend(a, { address: 'cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a' }, 1n),
  ],
  [
    'a memo of 257 bytes',
    12,
    /maximum number of characters is 256 but received 257 characters/,
    (a, b) => coinsSend(a, b, 1n, { memo: 'm'.repeat(257) }),
  ],
  ['a timeout height that has passed', 30, /block height: 2, timeout height: 1/, (a, b) => coinsSend(a, b, 1n, { timeoutHeight: 1n })],
  [
    'a critical extension option',
    31,
    /unknown extension options/,
    (a, b) => coinsSend(a, b, 1n, { body: { extensionOptions: [{ typeUrl: '/x', value: new Uint8Array(0) }] } }),
  ],
  ['an unordered transaction', 37, /unordered/, (a, b) => coinsSend(a, b, 1n, { body: { unordered: true } })],
  ['a fee granter', 37, /fee.granter/, (a, b) => coinsSend(a, b, 1n, { feeFields: { granter: b.address } })],
  ['too little gas', 11, /out of gas in location: .*; gasWanted: 20000, gasUsed: \d+/, (a, b) => coinsSend(a, b, 1n, { gas: 20_000n })],
  ['a signer without an account', 9, /does not exist: unknown address/, (_, b) => coinsSend(signer('nobody'), b, 1n)],
  ['no signatures', 15, /no signatures supplied/, (a, b) => raw(coinsSend(a, b, 1n), (t) => ({ ...t, signatures: [] }))],
  [
    'one signature too many',
    4,
    /wrong number of signers; expected 1, got 2/,
    (a, b) => raw(coinsSend(a, b, 1n), (t) => ({ ...t, signatures: [...t.signatures, ...t.signatures] })),
  ],
  ['fees that the payer does not own', 5, /is smaller than/, (a, b) => coinsSend(a, b, 1n, { fee: 10n ** 15n })],
  ['a fee in a malformed denomination', 10, /fee.amount\[0\].denom/, (a, b) => coinsSend(a, b, 1n, { feeDenom: '1x' })],
];

for (const [sentence, code, log, build] of CASES) {
  test(`refuses ${sentence} with code ${code}, in CheckTx and in the block, without any effect`, async () => {
    const { comet, accounts } = fixture(2);
    const [a, b] = accounts as [Signer, Signer];
    await comet.advance(1);
    const before = moneyOf(comet);
    const bytes = build({ ...a }, { ...b });
    const check = (r: ExecTxResult | undefined): void => {
      assert.equal(r?.code, code, r?.log);
      assert.match(r?.log ?? '', log);
    };
    check({ ...comet.checkTx(bytes) });
    check((await comet.deliver([bytes])).txResults[0]);
    assert.deepEqual(moneyOf(comet), before);
    // The sequence is still the old one.
    const good = (await comet.deliver([coinsSend(a, b, 1n)])).txResults[0];
    assert.equal(good?.code, 0, good?.log);
    assert.deepEqual(comet.internalErrors, []);
  });
}

test('accepts a non-critical extension option', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  const result = (
    await comet.deliver([coinsSend(a, b, 1n, { body: { nonCriticalExtensionOptions: [{ typeUrl: '/x', value: new Uint8Array(3) }] } })])
  ).txResults[0];
  assert.equal(result?.code, 0, result?.log);
});

test('lets a sender queue several sequences in the mempool and delivers them in one block', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  for (let i = 0; i < 3; i++) assert.equal(comet.checkTx(coinsSend(a, b, 1n)).code, 0);
  const block = await comet.block();
  assert.deepEqual(
    block.txResults.map((r) => r.code),
    [0, 0, 0],
  );
});

test('runs a message of two signers only with both signatures, the first paying', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  const pay = (from: Signer, to: Signer): ReturnType<typeof message> =>
    message(bank.MsgSend, { fromAddress: from.address, toAddress: to.address, amount: [{ denom: 'upogo', amount: '1' }] });
  const { txResults } = await comet.deliver([sign([a, b], [pay(a, b), pay(b, a), pay(a, b)])]);
  assert.equal(txResults[0]?.code, 0, txResults[0]?.log);
  assert.equal(balance(comet, a.address), 1_000_000_000_000n - 1001n);
  const swapped = (await comet.deliver([sign([b, a], [pay(a, b), pay(b, a)])])).txResults[0];
  assert.equal(swapped?.code, 8);
});

test('takes the fee from fee.payer, who must sign too', async () => {
  const { comet, accounts } = fixture(3);
  const [a, b, payer] = accounts as [Signer, Signer, Signer];
  const send = message(bank.MsgSend, { fromAddress: a.address, toAddress: b.address, amount: [{ denom: 'upogo', amount: '1' }] });
  const alone = (await comet.deliver([sign({ ...a }, [send], { feeFields: { payer: payer.address } })])).txResults[0];
  assert.equal(alone?.code, 4, alone?.log);
  const both = (await comet.deliver([sign([a, payer], [send], { feeFields: { payer: payer.address } })])).txResults[0];
  assert.equal(both?.code, 0, both?.log);
  assert.equal(balance(comet, payer.address), 1_000_000_000_000n - 1000n);
  assert.equal(balance(comet, a.address), 1_000_000_000_000n - 1n);
});

test('needs no key in later transactions of an account', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  const early = (await comet.deliver([coinsSend({ ...a }, b, 1n, { omitKey: true })])).txResults[0];
  assert.equal(early?.code, 8);
  const { txResults } = await comet.deliver([coinsSend(a, b, 1n), coinsSend(a, b, 1n, { omitKey: true })]);
  assert.deepEqual(
    txResults.map((r) => r.code),
    [0, 0],
  );
});

test('asks for the minimum gas price at CheckTx only', async () => {
  const { comet, accounts } = fixture(2, { minGasPrices: new Map([['upogo', 25_000_000_000_000_000n]]) });
  const [a, b] = accounts as [Signer, Signer];
  const cheap = comet.checkTx(coinsSend({ ...a }, b, 1n, { fee: 2499n, gas: 100_000n }));
  assert.equal(cheap.code, 13);
  assert.equal(cheap.log, 'insufficient fees; got: 2499upogo required: 2500upogo: insufficient fee');
  assert.equal(comet.checkTx(coinsSend({ ...a }, b, 1n, { fee: 2500n, gas: 100_000n })).code, 0);
  const delivered = (await comet.deliver([coinsSend(a, b, 1n, { fee: 0n, gas: 100_000n })])).txResults[0];
  assert.equal(delivered?.code, 0, delivered?.log);
});

test('refuses more gas than a block may use with code 41', async () => {
  const { comet, accounts } = fixture(2, { consensusParams: { ...DEFAULT_CONSENSUS_PARAMS, block: { maxBytes: 1_000_000n, maxGas: 150_000n } } });
  const [a, b] = accounts as [Signer, Signer];
  assert.equal(comet.checkTx(coinsSend({ ...a }, b, 1n, { gas: 150_001n })).code, 41);
  assert.equal(comet.checkTx(coinsSend({ ...a }, b, 1n, { gas: 150_000n })).code, 0);
});

test('simulates without a signature and charges what delivery charges', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  const body = {
    messages: [message(bank.MsgSend, { fromAddress: a.address, toAddress: b.address, amount: [{ denom: 'upogo', amount: '5' }] })],
    memo: '',
  };
  const simulated = (feeAmount: readonly { denom: string; amount: string }[], gasLimit: bigint, mode: number): bigint => {
    const txBytes = encode(tx.TxRaw, {
      bodyBytes: encode(tx.TxBody, body),
      authInfoBytes: encode(tx.AuthInfo, {
        signerInfos: [{ publicKey: publicKeyAny(a.publicKey), modeInfo: { single: { mode } }, sequence: a.sequence }],
        fee: { amount: feeAmount, gasLimit },
      }),
      signatures: [new Uint8Array(0)],
    });
    const answer = query(comet, '/cosmos.tx.v1beta1.Service/Simulate', tx.SimulateRequest, tx.SimulateResponse, { txBytes });
    assert.equal(answer.gasInfo?.gasWanted, (1n << 64n) - 1n);
    return answer.gasInfo?.gasUsed ?? 0n;
  };
  const same = simulated([{ denom: 'upogo', amount: '1000' }], 300_000n, 0);
  const empty = simulated([], 0n, 0);
  const delivered = (await comet.deliver([coinsSend(a, b, 5n)])).txResults[0]?.gasUsed ?? 0n;
  assert.equal(same, delivered);
  // Without a fee only the fee's own bytes are missing.
  assert.ok(delivered - empty < 1000n && empty <= delivered, `${empty} for ${delivered}`);
});

test('charges the same account once per sequence: a replayed transaction is refused', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  const bytes = coinsSend(a, b, 1n);
  const { txResults } = await comet.deliver([bytes, bytes]);
  assert.deepEqual(
    txResults.map((r) => r.code),
    [0, 32],
  );
  assert.equal((await comet.deliver([bytes])).txResults[0]?.code, 32);
  assert.equal(CHAIN.chainId, comet.options.chainId);
});
