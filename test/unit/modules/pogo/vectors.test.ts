// SPDX-License-Identifier: Apache-2.0
// Derivations pinned to the byte: whoever changes one of these breaks every chain that runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../../core/bytes.ts';
import { sha256 } from '../../../../core/hash.ts';
import { attestationHash, fraudClaimHash, possessionMessage, stepDigest } from '../../../../modules/pogo/attestation.ts';
import { firstBeacon } from '../../../../modules/pogo/beacon.ts';
import { drawCommittee } from '../../../../modules/pogo/committee.ts';
import { assignedSteps, challengesOf, claimIndices, drawMessage, evalIndices, roundSeed } from '../../../../modules/pogo/seeds.ts';
import * as state from '../../../../modules/pogo/state.ts';
import { Fault, type Report, Verdict } from '../../../../proto/gen/pogo.v1.ts';

const BEACON = new Uint8Array(32).map((_, i) => i);
const MINER = new Uint8Array(20).fill(0xa1);
const VERIFIER = new Uint8Array(20).fill(0xb2);
const SALT = new Uint8Array(32).fill(0xc3);
const SIGNATURE = new Uint8Array(96).fill(0xd4);
const ID = { job: 1n, round: 7n };
const COMMIT = { chainId: 'pogo-vectors-1', ...ID, miner: MINER };
const TERMS = { steps: 100, checkpointEvery: 10, leafChallenges: 6, assignedSteps: 5 };
const REPORT: Report = {
  verdict: Verdict.VERDICT_POSITIVE,
  fault: Fault.FAULT_UNSPECIFIED,
  faultStep: 0,
  faultLeaf: 0,
  parentLoss: 150_000n,
  loss: 100_000n,
  code4Loss: 101_000n,
  diffSum: 50_000n,
  diffSquareSum: '123456789',
  samples: 512,
  digests: [{ step: 3, digest: SALT }],
};
const OPENING = { segment: 1, leaf: 2, before: undefined, records: [], oldLeaf: undefined, codes: [], newLeaf: undefined, code4Leaf: undefined };

test('vectors of seeds and draws', () => {
  assert.equal(toHex(firstBeacon('pogo-vectors-1').value), 'fd442d8fe2f4e27fb4f1387309c40f0490eb8583e69df0017edb6b272cc8f9d5');
  assert.equal(toHex(roundSeed(BEACON, ID)), '878b6b0d0e3aad40d3df8c7ea8af643e8a9046ac359bc18b0f11fe025aebf00c');
  assert.deepEqual(
    challengesOf(BEACON, ID, MINER, TERMS, 101).map((c) => [c.segment, c.leaf]),
    [
      [2, 0],
      [4, 49],
      [4, 54],
      [5, 91],
      [6, 15],
      [8, 64],
    ],
  );
  assert.deepEqual(assignedSteps(SIGNATURE, MINER, TERMS), [4, 42, 64, 72, 94]);
  assert.deepEqual([...evalIndices(BEACON, ID, 6, 5000)], [4052, 4929, 3804, 680, 1, 4804]);
  assert.deepEqual([...claimIndices(roundSeed(BEACON, ID), 6, 5000)], [201, 4272, 4287, 4838, 2948, 652]);
  const committee = drawCommittee(
    BEACON,
    ID,
    [5n, 1n, 10n, 3n].map((weight, i) => ({ weight, name: 'abcd'[i] })),
    3,
  );
  assert.equal(committee.map((c) => c.name).join(''), 'cad');
});

test('vectors of what is signed and committed', () => {
  assert.equal(
    toHex(drawMessage('pogo-vectors-1', BEACON, ID)),
    '706f676f2f647261772f310a0e706f676f2d766563746f72732d31000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000000000000010000000000000007',
  );
  assert.equal(toHex(attestationHash(COMMIT, VERIFIER, SALT, REPORT)), 'f8b3efc2e09fb087679b308aeaa92151f6624902c257fd7e07256962a4b3a4e9');
  assert.equal(toHex(fraudClaimHash(COMMIT, VERIFIER, SALT, OPENING)), 'ad582fbf1b853259745d113bd9b0daa85d6e8c1610565878ec8806acccd0f010');
  assert.equal(toHex(stepDigest(VERIFIER, BEACON)), 'ce049065db6e35d3f1698056580a80d19830a453f882e50931f1ca23f83ab8f2');
  assert.equal(
    toHex(sha256(possessionMessage(new Uint8Array(48).fill(1), VERIFIER))),
    '12364e812bcb31927a3f40838222edd89cf081919edb0618d96cfb4e031bce55',
  );
});

test('vectors of store keys', () => {
  const keys = [
    state.jobs.key.encode(1n),
    state.rounds.key.encode([1n, 7n]),
    state.commits.key.encode([[1n, 7n], MINER]),
    state.attestations.key.encode([[1n, 7n], MINER, VERIFIER]),
    state.unbondings.key.encode([MINER, 'miner', 2n]),
    state.minersByBond.key.encode([258n, MINER]),
    state.wakes.key.encode([9n, 1n]),
    state.engaged.key.encode(['verifier', VERIFIER, 1n]),
  ];
  const a = `14${'a1'.repeat(20)}`;
  const b = `14${'b2'.repeat(20)}`;
  const one = '0000000000000001';
  const seven = '0000000000000007';
  assert.deepEqual(keys.map(toHex), [
    one,
    one + seven,
    one + seven + a,
    one + seven + a + b,
    `${a}056d696e65720000000000000002`,
    `${'00'.repeat(30)}0102${a}`,
    `0000000000000009${one}`,
    `087665726966696572${b}${one}`,
  ]);
  const prefixes = [state.jobs, state.rounds, state.commits, state.attestations, state.miners, state.verifiers, state.unbondings, state.claims];
  assert.deepEqual(
    prefixes.map((m) => m.prefix[0]),
    [1, 3, 4, 5, 6, 7, 8, 11],
  );
  const indexes = [
    state.minersByBond,
    state.verifiersByBond,
    state.wakes,
    state.awaiting,
    state.engaged,
    state.releases,
    state.claimsByHeight,
    state.jobsByOwner,
    state.blsKeys,
  ];
  assert.deepEqual(
    indexes.map((m) => m.prefix[0]),
    [40, 41, 42, 43, 44, 45, 46, 48, 49],
  );
});
