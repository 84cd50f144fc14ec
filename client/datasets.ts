// SPDX-License-Identifier: Apache-2.0
// Well-known data sets, so that a job file can name them without holding the data. The roots are RFC 6962 roots over
// the samples, one sample a leaf; a test computes them from the original files.
import { fromHex } from '../core/bytes.ts';
import type { DataSet } from '../proto/gen/pogo.v1.ts';

const KNOWN: Readonly<Record<string, { readonly root: string; readonly size: bigint; readonly sampleBytes: number }>> = {
  // 784 pixel bytes and the label byte. The last 5,000 training images are held out for evaluation.
  'mnist/train': { root: 'b1a30249320beb02dbff670ddb9f7549e4870cb0684e803789a1c8556f26d2e5', size: 55_000n, sampleBytes: 785 },
  'mnist/holdout': { root: '22eb0c8267b312a194ffccf1a3c665bdead734aaeadb708d6b175afc9435f801', size: 5_000n, sampleBytes: 785 },
  'mnist/test': { root: '1de28f4c65d225b69fadb190839f69c64754f02ce7d4457516174f5f532bcabd', size: 10_000n, sampleBytes: 785 },
};

/** Names of the sets that `knownDataset` has. */
export const KNOWN_DATASETS: readonly string[] = Object.keys(KNOWN);

/** How a job message names a well-known set; undefined for another name. */
export function knownDataset(name: string): DataSet | undefined {
  const found = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  return found === undefined ? undefined : { name, root: fromHex(found.root), size: found.size, sampleBytes: found.sampleBytes };
}
