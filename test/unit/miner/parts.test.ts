// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConnectionError, type NodeStatus, type Rpc, RpcError } from '../../../client/index.ts';
import { encode } from '../../../core/codec.ts';
import { splitAnswers } from '../../../miner/answers.ts';
import { deriveBlsKey, possessionProof } from '../../../miner/bls.ts';
import { failover } from '../../../miner/chain.ts';
import { missingBond } from '../../../miner/role.ts';
import { possessionMessage } from '../../../modules/pogo/attestation.ts';
import { LeafOpening } from '../../../proto/gen/pogo.v1.ts';
import { testCrypto } from '../../helpers/crypto.ts';

const opening = (leaf: number, bytes: number): LeafOpening => ({
  segment: 0,
  leaf,
  records: [],
  codes: [],
  newLeaf: { leaf: new Uint8Array(bytes), path: [] },
});

describe('answers', () => {
  it('are split into transactions of the limit, in order, a large one alone', () => {
    const openings = [opening(1, 9000), opening(2, 9000), opening(3, 9000), opening(4, 40_000), opening(5, 10)];
    const groups = splitAnswers(openings);
    assert.deepEqual(
      groups.map((group) => group.map((o) => o.leaf)),
      [[1, 2], [3], [4], [5]],
    );
    for (const group of groups) if (group.length > 1) assert.ok(group.reduce((n, o) => n + encode(LeafOpening, o).length, 0) <= 25_000);
    assert.deepEqual(splitAnswers([]), []);
  });
});

describe('a BLS key', () => {
  const key = deriveBlsKey(new Uint8Array(32).fill(7));

  it('is derived from the account key alone', () => {
    assert.deepEqual(deriveBlsKey(new Uint8Array(32).fill(7)).publicKey, key.publicKey);
    assert.notDeepEqual(deriveBlsKey(new Uint8Array(32).fill(8)).publicKey, key.publicKey);
  });

  it('signs what the chain verifies, and proves its possession for one address', () => {
    const message = new Uint8Array(50).fill(1);
    assert.equal(testCrypto.verifyBls(key.publicKey, message, key.sign(message)), true);
    assert.equal(testCrypto.verifyBls(key.publicKey, message.fill(2), key.sign(new Uint8Array(50).fill(1))), false);
    const address = new Uint8Array(20).fill(3);
    const proof = possessionProof(key, address);
    assert.equal(testCrypto.verifyBls(key.publicKey, possessionMessage(key.publicKey, address), proof), true);
    assert.equal(testCrypto.verifyBls(key.publicKey, possessionMessage(key.publicKey, new Uint8Array(20)), proof), false);
  });
});

describe('a bond', () => {
  it('is filled up to the minimum with its reserve once half of the reserve is used', () => {
    assert.equal(missingBond(0n, 1000n, 200n, 0n), 1200n);
    assert.equal(missingBond(1100n, 1000n, 200n, 0n), 0n);
    assert.equal(missingBond(1099n, 1000n, 200n, 0n), 101n);
    assert.equal(missingBond(1000n, 1000n, 0n, 0n), 0n);
    assert.equal(missingBond(0n, 1000n, 200n, 5000n), 5000n);
    assert.equal(missingBond(4000n, 1000n, 200n, 5000n), 0n);
  });
});

describe('several nodes', () => {
  const node = (name: string, answer: () => NodeStatus): { rpc: Rpc; asked: () => number } => {
    let asked = 0;
    const status = async (): Promise<NodeStatus> => {
      asked++;
      return answer();
    };
    return { rpc: { url: name, status } as unknown as Rpc, asked: () => asked };
  };
  const status = { height: 7n } as NodeStatus;
  const away = (): never => {
    throw new ConnectionError('away');
  };

  it('stand in for each other', async () => {
    const [a, b] = [node('a', away), node('b', () => status)];
    const rpc = failover([a.rpc, b.rpc]);
    assert.equal((await rpc.status()).height, 7n);
    assert.equal((await rpc.status()).height, 7n);
    assert.deepEqual([a.asked(), b.asked()], [1, 2], 'the one that answered is kept');
    assert.equal(rpc.url, 'b');
  });

  it('are all asked once before it is an error, and a refusal is not one of the connection', async () => {
    const [a, b] = [node('a', away), node('b', away)];
    await assert.rejects(failover([a.rpc, b.rpc]).status(), ConnectionError);
    assert.deepEqual([a.asked(), b.asked()], [1, 1]);
    const no = node('no', () => {
      throw new RpcError('status', -32603, 'no', '');
    });
    const other = node('other', () => status);
    await assert.rejects(failover([no.rpc, other.rpc]).status(), RpcError);
    assert.equal(other.asked(), 0);
  });
});
