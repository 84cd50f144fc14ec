// SPDX-License-Identifier: Apache-2.0
// What the verifier refuses. Byte equality of proofs with the SDK's is in vectors.test.ts.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { concatBytes, utf8 } from '../../../core/bytes.ts';
import type { ProofOp, StateStore } from '../../../core/store.ts';
import { decodeCommitment, type ExistenceProof, encodeCommitment } from '../../../store/ics23.ts';
import { memoryStore } from '../../../store/memory.ts';
import { verifyProof } from '../../../store/verify.ts';

const store: StateStore = memoryStore({ stores: ['acc', 'bank', 'pogo'] });
let appHash: Uint8Array = new Uint8Array(0);
const bank = { store: 'bank' };

before(async () => {
  const keys = ['b', 'd', 'f', 'h', 'j', 'l', 'n', 'p', 'r'];
  appHash = store.stage(1n, [
    { store: 'acc', key: utf8('only'), value: utf8('1') },
    ...keys.map((key) => ({ ...bank, key: utf8(key), value: utf8(`value of ${key}`) })),
    { ...bank, key: utf8('zero'), value: new Uint8Array(0) },
  ]);
  await store.commit();
});

function opsOf(key: string, name = 'bank'): readonly ProofOp[] {
  return store.prove(1n, name, utf8(key)) ?? [];
}

function check(key: string, value: string | undefined, ops: readonly ProofOp[], name = 'bank', hash = appHash): void {
  verifyProof({ appHash: hash, store: name, key: utf8(key), value: value === undefined ? undefined : utf8(value) }, ops);
}

function existOf(key: string): ExistenceProof {
  const found = decodeCommitment(opsOf(key)[0]?.data ?? new Uint8Array(0));
  if (found.kind !== 'exist') throw new Error(`${key} is absent`);
  return found.proof;
}

/** The operations of `key` with another proof in the tree. */
function withAbsence(key: string, left: ExistenceProof | undefined, right: ExistenceProof | undefined): readonly ProofOp[] {
  const [, upper] = opsOf(key);
  const data = encodeCommitment({ kind: 'absent', proof: { key: utf8(key), left, right } });
  return [{ type: 'ics23:iavl', key: utf8(key), data }, upper as ProofOp];
}

test('accepts membership and absence before, between and after the keys', () => {
  check('d', 'value of d', opsOf('d'));
  for (const key of ['a', 'c', 'g', 'zzz']) check(key, undefined, opsOf(key));
  check('only', '1', opsOf('only', 'acc'), 'acc');
  check('a', undefined, opsOf('a', 'acc'), 'acc');
});

test('has no proof for an empty store, an unknown store or another height', () => {
  assert.equal(store.prove(1n, 'pogo', utf8('a')), undefined);
  assert.equal(store.prove(1n, 'mint', utf8('a')), undefined);
  assert.equal(store.prove(2n, 'bank', utf8('b')), undefined);
});

test('refuses another value, key, store, application hash or claim', () => {
  assert.throws(() => check('d', 'value of f', opsOf('d')), /another value/);
  assert.throws(() => check('f', 'value of d', opsOf('d')), /not ics23:iavl of the key/);
  assert.throws(() => check('d', 'value of d', opsOf('d'), 'acc'), /not ics23:simple of the store/);
  assert.throws(() => check('d', 'value of d', opsOf('d'), 'bank', new Uint8Array(32)), /another application hash/);
  assert.throws(() => check('d', undefined, opsOf('d')), /proves that the key is present/);
  assert.throws(() => check('c', 'value of c', opsOf('c')), /proves that the key is absent/);
  assert.throws(() => check('zero', '', opsOf('zero')), /another value/);
  assert.throws(() => check('d', 'value of d', opsOf('d').slice(0, 1)), /1 operations; 2 are expected/);
});

test('refuses an absence proof whose neighbours leave a gap or do not reach the edge', () => {
  check('g', undefined, withAbsence('g', existOf('f'), existOf('h')));
  assert.throws(() => check('g', undefined, withAbsence('g', existOf('f'), existOf('j'))), /not next to each other/);
  assert.throws(() => check('g', undefined, withAbsence('g', existOf('d'), existOf('h'))), /not next to each other/);
  assert.throws(() => check('g', undefined, withAbsence('g', existOf('f'), undefined)), /not the last key/);
  assert.throws(() => check('g', undefined, withAbsence('g', undefined, existOf('h'))), /not the first key/);
  assert.throws(() => check('h', undefined, withAbsence('h', existOf('h'), existOf('j'))), /left neighbour is not below/);
  assert.throws(() => check('h', undefined, withAbsence('h', existOf('f'), existOf('h'))), /right neighbour is not above/);
  assert.throws(() => check('g', undefined, withAbsence('g', undefined, undefined)), /needs a neighbour/);
});

/** The operations of "d" with another proof in the tree. */
function withExist(proof: ExistenceProof): readonly ProofOp[] {
  const [lower, upper] = opsOf('d');
  return [{ ...(lower as ProofOp), data: encodeCommitment({ kind: 'exist', proof }) }, upper as ProofOp];
}

test('refuses steps and leaves that no iavl tree has, before it hashes them', () => {
  const proof = existOf('d');
  const [first = { prefix: utf8(''), suffix: utf8('') }, ...rest] = proof.path;
  check('d', 'value of d', withExist(proof));
  const longer = { ...first, prefix: concatBytes(first.prefix, new Uint8Array([32])) };
  const negative = { ...first, prefix: concatBytes(new Uint8Array([3]), first.prefix.subarray(1)) };
  const low = { ...first, prefix: concatBytes(new Uint8Array([0]), first.prefix.subarray(1)) };
  assert.throws(() => check('d', 'value of d', withExist({ ...proof, path: [longer, ...rest] })), /a step is not of an iavl tree/);
  assert.throws(() => check('d', 'value of d', withExist({ ...proof, path: [negative, ...rest] })), /negative/);
  assert.throws(() => check('d', 'value of d', withExist({ ...proof, path: [low, ...rest] })), /lower than the path below it/);
  for (const leafPrefix of [
    [2, 2, 2],
    [0, 4, 2],
    [0, 2, 2, 0],
  ]) {
    assert.throws(() => check('d', 'value of d', withExist({ ...proof, leafPrefix: new Uint8Array(leafPrefix) })), /a leaf is not of an iavl tree/);
  }
});

test('refuses every single flipped byte of a proof, and every truncation', () => {
  for (const key of ['d', 'g']) {
    const ops = opsOf(key);
    const value = key === 'd' ? 'value of d' : undefined;
    ops.forEach((op, which) => {
      for (let at = 0; at < op.data.length; at++) {
        const flipped = op.data.slice();
        flipped[at] = (flipped[at] ?? 0) ^ 1;
        const harmed = ops.map((o, i) => (i === which ? { ...o, data: flipped } : o));
        assert.throws(() => check(key, value, harmed), /^Error: proof: /, `${key}, operation ${which}, byte ${at}`);
        const cut = ops.map((o, i) => (i === which ? { ...o, data: op.data.slice(0, at) } : o));
        assert.throws(() => check(key, value, cut), /^Error: proof: /, `${key}, operation ${which}, cut at ${at}`);
      }
    });
  }
});
