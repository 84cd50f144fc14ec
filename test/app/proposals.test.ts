// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_CONSENSUS_PARAMS } from '../../modules/chain/index.ts';
import { coinsSend, fixture, type Signer } from '../helpers/fixture.ts';

const MAX_GAS = 250_000n;
const HEADER = {
  height: 2n,
  time: undefined,
  hash: new Uint8Array(32),
  nextValidatorsHash: new Uint8Array(32),
  proposerAddress: new Uint8Array(20),
  misbehavior: [],
};

test('every proposal that the application makes it accepts, within bytes and gas, in mempool order', async () => {
  const { comet, accounts } = fixture(2, { consensusParams: { ...DEFAULT_CONSENSUS_PARAMS, block: { maxBytes: 1_000_000n, maxGas: MAX_GAS } } });
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  const good = Array.from({ length: 6 }, (_, i) => coinsSend(a, b, 1n, { gas: BigInt(20_000 + 30_000 * i), memo: 'm'.repeat(40 * i) }));
  const anyTx = fc.oneof(fc.constantFrom(...good), fc.uint8Array({ maxLength: 50 }));
  await fc.assert(
    fc.property(fc.array(anyTx, { maxLength: 12 }), fc.bigInt(0n, 3000n), (txs, maxTxBytes) => {
      const chosen = comet.app.prepareProposal({ ...HEADER, txs, maxTxBytes, localLastCommit: undefined }).txs;
      assert.equal(comet.app.processProposal({ ...HEADER, txs: chosen, proposedLastCommit: undefined }).status, 1);
      let at = 0;
      for (const tx of chosen) {
        at = txs.indexOf(tx, at) + 1;
        assert.ok(at > 0, 'out of order');
      }
      // Field tag and length of each transaction count too.
      const size = chosen.reduce((sum, tx) => sum + tx.length + (tx.length < 128 ? 2 : 3), 0);
      assert.ok(BigInt(size) <= maxTxBytes);
    }),
  );
});

test('rejects a proposal with an undecodable transaction or more gas than a block may use', async () => {
  const { comet, accounts } = fixture(2, { consensusParams: { ...DEFAULT_CONSENSUS_PARAMS, block: { maxBytes: 1_000_000n, maxGas: MAX_GAS } } });
  const [a, b] = accounts as [Signer, Signer];
  await comet.advance(1);
  const status = (txs: readonly Uint8Array[]): number => comet.app.processProposal({ ...HEADER, txs, proposedLastCommit: undefined }).status;
  const tx = coinsSend(a, b, 1n, { gas: 100_000n });
  assert.equal(status([]), 1);
  assert.equal(status([tx, tx]), 1);
  assert.equal(status([tx, tx, tx]), 2);
  assert.equal(status([tx, Uint8Array.of(1, 2, 3)]), 2);
});

test('fails what no longer fits into the gas of the block, and goes on', async () => {
  const { comet, accounts } = fixture(3, { consensusParams: { ...DEFAULT_CONSENSUS_PARAMS, block: { maxBytes: 1_000_000n, maxGas: MAX_GAS } } });
  const [a, b, c] = accounts as [Signer, Signer, Signer];
  const { txResults } = await comet.deliver([a, b, c, a].map((from) => coinsSend(from, b, 1n, { gas: 100_000n })));
  assert.deepEqual(
    txResults.map((r) => r.code),
    [0, 0, 0, 11],
  );
});
