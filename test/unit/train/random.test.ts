// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import { FormatError } from '../../../train/errors.ts';
import { initialState } from '../../../train/init.ts';
import { layoutOf } from '../../../train/layout.ts';
import { mulHigh, philox } from '../../../train/philox.ts';
import { batchDigest, minerSeed, sampleIndices } from '../../../train/samples.ts';
import { thetaOf } from '../../../train/state.ts';
import { demoSpec } from '../../vectors/train/specs.ts';

// Random123 distribution, examples/kat_vectors.
const KNOWN: readonly (readonly [readonly number[], readonly [number, number], readonly number[]])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

test('Philox4x32-10 gives the known answers of its authors', () => {
  for (const [counter, key, expected] of KNOWN) {
    const out = new Uint32Array(4);
    philox(key, Uint32Array.from(counter), out);
    assert.deepEqual(Array.from(out), expected);
  }
});

test('the high word of a product agrees with bigint arithmetic', () => {
  for (const a of [0, 1, 65535, 65536, 0x7fffffff, 0x80000001, 0xffffffff]) {
    for (const b of [0, 1, 55_000, 65537, 0xdeadbeef, 0xffffffff]) assert.equal(mulHigh(a, b), Number((BigInt(a) * BigInt(b)) >> 32n));
  }
});

const binding = { chainId: 'pogo-1', job: 3n, round: 9n, miner: new Uint8Array(20).fill(5) };

test('a seed binds chain, job, round and miner', () => {
  const seed = sha256(utf8('round'));
  const seeds = [
    binding,
    { ...binding, chainId: 'pogo-2' },
    { ...binding, job: 4n },
    { ...binding, round: 10n },
    { ...binding, miner: new Uint8Array(20).fill(6) },
    { ...binding, miner: new Uint8Array(21).fill(5) },
  ].map((b) => minerSeed(seed, b).join());
  assert.equal(new Set(seeds).size, seeds.length);
  assert.throws(() => minerSeed(seed.subarray(1), binding), FormatError);
});

test('samples cover the data set evenly and repeat for the same seed and step only', () => {
  const seed = minerSeed(sha256(utf8('round')), binding);
  const drawn = sampleIndices(seed, 1, 20_000, 10);
  const counts = new Array<number>(10).fill(0);
  for (const index of drawn) counts[index] = (counts[index] as number) + 1;
  assert.ok(
    counts.every((n) => n > 1800 && n < 2200),
    counts.join(),
  );
  assert.deepEqual(sampleIndices(seed, 1, 64, 10), drawn.slice(0, 64));
  assert.notDeepEqual(batchDigest(sampleIndices(seed, 2, 64, 55_000)), batchDigest(sampleIndices(seed, 1, 64, 55_000)));
});

test('the first state has normal weights of the named deviation, zero biases, zero moments and zero padding', () => {
  const spec = demoSpec();
  const layout = layoutOf(spec);
  const state = initialState(spec, sha256(utf8('seed')));
  const theta = thetaOf(layout, state);
  const [w1, b1, w2] = layout.tensors;
  assert.ok(w1 !== undefined && b1 !== undefined && w2 !== undefined);
  const weights = theta.subarray(w1.offset, w1.offset + w1.count);
  const mean = weights.reduce((a, x) => a + x, 0) / w1.count;
  const deviation = Math.sqrt(weights.reduce((a, x) => a + (x - mean) ** 2, 0) / w1.count);
  assert.ok(Math.abs(mean) < 0.0006 && Math.abs(deviation / Math.sqrt(2 / 784) - 1) < 0.01, `${mean} ${deviation}`);
  assert.ok(theta.subarray(b1.offset, b1.offset + 1024).every((x) => Object.is(x, 0)));
  assert.ok(theta.subarray(w2.offset + w2.count, w2.offset + 2048).every((x) => Object.is(x, 0)));
  for (let leaf = 0; leaf < layout.leafCount; leaf++) assert.ok(state.subarray(leaf * 8192 + 4096, (leaf + 1) * 8192).every((x) => x === 0));
});
