// SPDX-License-Identifier: Apache-2.0
// Whatever a stranger sends, the application has an answer for it that can be encoded: an answer that cannot would stop the node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../../core/bytes.ts';
import { encode } from '../../core/codec.ts';
import type { JsonObject } from '../../core/json.ts';
import { AddressBytesToStringRequest } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { MsgMultiSend } from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { AuthInfo, TxBody, TxRaw } from '../../proto/gen/cosmos.tx.v1beta1.ts';
import * as abci from '../../proto/gen/tendermint.abci.ts';
import { CHAIN, coinsSend, fixture, genesisOf, message, type Signer, sign, signer } from '../helpers/fixture.ts';
import { MockComet } from '../helpers/mockcomet.ts';

const EMPTY = new Uint8Array(0);
/** Two UTF-16 code units: a text cut after an odd number of its units ends in half a character. */
const WIDE = '\u{1f600}';

const unsigned = (body: Parameters<typeof encode<TxBody>>[1]): Uint8Array =>
  encode(TxRaw, { bodyBytes: encode(TxBody, body), authInfoBytes: EMPTY, signatures: [] });

/** Every text that a message of the application may quote in part. */
function quoted(from: Signer, to: Signer, text: string): readonly Uint8Array[] {
  const options = { keepSequence: true };
  return [
    unsigned({ messages: [{ typeUrl: text, value: EMPTY }] }),
    coinsSend(from, { address: text }, 1n, options),
    coinsSend(from, to, 1n, { ...options, feeDenom: text }),
    sign(from, [message(MsgMultiSend, { inputs: [{ address: from.address, coins: [{ denom: text, amount: '1' }] }], outputs: [] })], options),
    sign(from, [message(MsgMultiSend, { inputs: [{ address: from.address, coins: [{ denom: 'upogo', amount: text }] }], outputs: [] })], options),
    coinsSend(from, to, 1n, { ...options, body: { extensionOptions: [{ typeUrl: text, value: EMPTY }] } }),
  ];
}

test('texts of strangers that are quoted in part leave answers that can be encoded', async () => {
  const { comet, accounts } = fixture(2);
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  for (let i = 0; i < 2; i++) {
    const text = 'x'.repeat(i) + WIDE.repeat(200);
    const txs = quoted(a, b, text);
    for (const tx of txs) {
      const result = comet.app.checkTx({ tx, type: 0 });
      assert.notEqual(result.code, 0);
      encode(abci.Response, { checkTx: result });
    }
    encode(abci.Response, { finalizeBlock: comet.app.finalizeBlock(comet.request(txs)) });
    for (const path of [text, `/store/${text}/key`, `/store/${text}`]) {
      const answer = comet.app.query({ path, data: utf8(text), height: 0n, prove: false });
      assert.notEqual(answer.code, 0);
      encode(abci.Response, { query: answer });
    }
  }
});

test('a transaction of more fields, or deeper, than any message of ours is refused before it is decoded', async () => {
  const { comet } = fixture(1);
  await comet.advance(1);
  const outputs = Array.from({ length: 70_000 }, () => ({ address: '', coins: [] }));
  const wide = comet.app.checkTx({ tx: unsigned({ messages: [message(MsgMultiSend, { inputs: [], outputs })] }), type: 0 });
  assert.deepEqual([wide.codespace, wide.code], ['sdk', 2]);
  assert.match(wide.log, /messages\[0\]: MsgMultiSend: more than 65536 fields/);
  // Lists of sign modes within lists of sign modes, each in two messages.
  let modeInfo: NonNullable<AuthInfo['signerInfos'][number]['modeInfo']> = { single: { mode: 1 } };
  for (let i = 0; i < 8; i++) modeInfo = { multi: { bitarray: undefined, modeInfos: [modeInfo] } };
  const authInfoBytes = encode(AuthInfo, { signerInfos: [{ modeInfo, sequence: 0n }] });
  const deep = comet.app.checkTx({ tx: encode(TxRaw, { bodyBytes: EMPTY, authInfoBytes, signatures: [] }), type: 0 });
  assert.deepEqual([deep.codespace, deep.code], ['sdk', 2]);
  assert.match(deep.log, /auth_info: AuthInfo: messages are nested deeper than 12/);
});

test('a simulation, which nobody pays for, ends at a bound of its own', async () => {
  const accounts = [signer('0', 0n), signer('1', 1n)];
  const state = genesisOf(accounts, 1_000_000n);
  const chain = state['chain'] as JsonObject;
  const dear = { ...(chain['gas_table'] as JsonObject), write_cost_flat: '400000000' };
  const comet = new MockComet({ chainId: CHAIN.chainId, appState: { ...state, chain: { ...chain, gas_table: dear } } });
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  const tx = coinsSend(a, b, 1n, { gas: 100_000_000_000n });
  const simulated = comet.app.query({ path: '/app/simulate', data: tx, height: 0n, prove: false });
  assert.equal(simulated.code, 11);
  assert.match(simulated.log, /gasWanted: 300000000/);
  assert.equal((await comet.deliver([tx])).txResults[0]?.code, 0);
});

test('a query that breaks a rule is an invalid request, no defect of the application', async () => {
  const { comet } = fixture(1);
  await comet.advance(1);
  const data = encode(AddressBytesToStringRequest, { addressBytes: new Uint8Array(100) });
  const answer = comet.app.query({ path: '/cosmos.auth.v1beta1.Query/AddressBytesToString', data, height: 0n, prove: false });
  assert.deepEqual([answer.codespace, answer.code], ['sdk', 18]);
  assert.deepEqual(comet.internalErrors, []);
});
