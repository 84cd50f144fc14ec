// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import {
  ConnectionError,
  createRpc,
  createSigner,
  createTxSender,
  parseGasPrice,
  privateKeyOf,
  QueryError,
  queryMethod,
  RpcError,
  type SenderOptions,
  type SignedTx,
  TxExpiredError,
  TxFailedError,
  type TxSender,
  TxUnknownError,
  toAny,
} from '../../../client/index.ts';
import { decode } from '../../../core/codec.ts';
import { MsgSend } from '../../../proto/gen/cosmos.bank.v1beta1.ts';
import { AuthInfo, TxRaw } from '../../../proto/gen/cosmos.tx.v1beta1.ts';
import { QueryParamsRequest, QueryParamsResponse } from '../../../proto/gen/pogo.v1.ts';
import { type FakeRpc, startFakeRpc } from '../../helpers/fakerpc.ts';

const signer = createSigner(privateKeyOf('abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about'), 'pogo');
const message = toAny(MsgSend, { fromAddress: signer.address, toAddress: signer.address, amount: [{ denom: 'upogo', amount: '1' }] });

let node: FakeRpc;
let blocks: NodeJS.Timeout | undefined;

beforeEach(async () => {
  node = await startFakeRpc();
});
afterEach(async () => {
  clearInterval(blocks);
  await node.close();
});

function sender(options: Partial<SenderOptions> = {}): TxSender {
  return createTxSender({ rpc: createRpc(node.url), signer, chainId: 'fake-1', pollMs: 5, waitMs: 2000, ...options });
}

function runBlocks(): void {
  blocks = setInterval(() => node.makeBlock(), 20);
}

const distinct = (): number => new Set(node.broadcasts.map((b) => Buffer.from(b).toString('hex'))).size;

test('a sent transaction is found in its block', async () => {
  runBlocks();
  const result = await sender().send([message]);
  assert.equal(result.outcome.code, 0);
  assert.ok(result.height > 5n);
  assert.equal(node.included.size, 1);
});

test('without a limit the gas is simulated and multiplied, and the fee follows from the price, rounded up', async () => {
  const tx = await sender({ gasPrice: parseGasPrice('0.025upogo'), gasAdjustmentPercent: 150n }).broadcast([message]);
  const { fee } = decode(AuthInfo, decode(TxRaw, tx.bytes).authInfoBytes);
  const gas = fee?.gasLimit ?? 0n;
  assert.ok(gas > 0n && gas % 150n === 0n);
  assert.deepEqual(fee?.amount, [{ denom: 'upogo', amount: ((gas * 25n + 999n) / 1000n).toString() }]);
});

test('a simulation that a block overtakes is asked for again, and a sequence that never fits is reported', async () => {
  node.overtaken = 2;
  assert.ok((await sender().simulate([message])) > 0n);
  node.overtaken = 100;
  await assert.rejects(sender().simulate([message]), { name: 'QueryError', code: 32 });
});

test('transactions sent at once get sequences one after another without asking again', async () => {
  const s = sender();
  const sent = await Promise.all([1, 2, 3, 4].map(() => s.broadcast([message], { gas: 1000n })));
  assert.deepEqual(
    sent.map((t) => t.sequence),
    [0n, 1n, 2n, 3n],
  );
  assert.equal(node.calls.get('abci_query'), 1);
  node.makeBlock();
  const found = await Promise.all(sent.map((t) => s.wait(t)));
  assert.equal(found.length, 4);
});

test('a sequence mismatch is corrected from the refusal, once', async () => {
  const s = sender();
  await s.broadcast([message], { gas: 1000n });
  node.makeBlock();
  node.sequence = 17;
  const tx = await s.broadcast([message], { gas: 1000n });
  assert.equal(tx.sequence, 17n);
  assert.equal(node.broadcasts.length, 3);
});

test('an answer lost after the node acted does not make a second transaction', async () => {
  node.faults = ['lost-after'];
  runBlocks();
  const result = await sender().send([message], { gas: 1000n });
  assert.equal(result.outcome.code, 0);
  assert.equal(node.included.size, 1);
  assert.equal(distinct(), 1);
});

test('an answer lost before the node acted is repeated with the same bytes', async () => {
  node.faults = ['lost-before', 'lost-before'];
  runBlocks();
  await sender().send([message], { gas: 1000n });
  assert.equal(node.included.size, 1);
  assert.equal(distinct(), 1);
});

test('a refusal that may be the echo of our own success is decided by the block, not by another transaction', async () => {
  // The first answer is lost, a block takes the transaction, and the mempool's cache forgets it: the repeated sending
  // is refused for its sequence.
  node.faults = ['lost-after'];
  node.forgets = true;
  blocks = setInterval(() => {
    if (node.mempool.length > 0) node.makeBlock();
  }, 1);
  const result = await sender().send([message], { gas: 1000n });
  assert.equal(result.outcome.code, 0);
  assert.equal(node.included.size, 1);
  assert.equal(node.broadcasts.length, 2);
  assert.equal(distinct(), 1);
});

test('a transaction that fails in its block throws code, codespace and hash', async () => {
  node.deliverCode = 5;
  const s = sender();
  const tx = await s.broadcast([message], { gas: 1000n });
  node.makeBlock();
  await assert.rejects(s.wait(tx), (error) => {
    assert.ok(error instanceof TxFailedError);
    assert.deepEqual([error.where, error.codespace, error.code, error.hash], ['deliver', 'sdk', 5, tx.hash]);
    return true;
  });
});

test('a transaction in no block in time is reported as unknown', async () => {
  const s = sender({ waitMs: 50 });
  const tx = await s.broadcast([message], { gas: 1000n });
  await assert.rejects(s.wait(tx), TxUnknownError);
});

test('past its timeout height a missing transaction has certainly expired', async () => {
  const s = sender();
  const tx = await s.broadcast([message], { gas: 1000n, timeoutHeight: 6n });
  node.mempool.splice(0);
  node.makeBlock();
  node.makeBlock();
  node.makeBlock();
  await assert.rejects(s.wait(tx), TxExpiredError);
});

test('bytes written before a crash are sent again, and included once', async () => {
  let kept: SignedTx | undefined;
  const crashed = sender().broadcast([message], {
    gas: 1000n,
    onSigned: (tx) => {
      kept = tx;
      throw new Error('the process died here');
    },
  });
  await assert.rejects(crashed, /died here/);
  assert.equal(node.broadcasts.length, 0);
  assert.ok(kept !== undefined);
  runBlocks();
  const first = await sender().resume(kept);
  const second = await sender().resume(kept);
  assert.equal(first.hash, kept.hash);
  assert.deepEqual(second.bytes, first.bytes);
  assert.equal(node.included.size, 1);
});

test('a method that the node refuses is an RpcError, and an unreachable node says so', async () => {
  await assert.rejects(createRpc(node.url).call('nonsense'), RpcError);
  const gone = await startFakeRpc();
  await gone.close();
  await assert.rejects(createRpc(gone.url).status(), /status: connection refused \(is the node running\?\)/);
  await assert.rejects(createRpc('tcp://127.0.0.1:1').status(), ConnectionError);
});

test('a query that the application refuses carries code and log', async () => {
  const rpc = {
    ...createRpc(node.url),
    abciQuery: async () => ({ code: 22, codespace: 'sdk', log: 'no', key: new Uint8Array(0), value: new Uint8Array(0), height: 1n, proofOps: [] }),
  };
  const method = { service: 'pogo.v1.Query', method: 'Params', request: QueryParamsRequest, response: QueryParamsResponse };
  await assert.rejects(queryMethod(rpc, method, {}), (error) => error instanceof QueryError && error.code === 22 && error.log === 'no');
});
