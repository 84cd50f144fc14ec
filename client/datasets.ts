// SPDX-License-Identifier: Apache-2.0
// Well-known data sets, so that a job file can name them without holding the data. The roots are RFC 6962 roots over
// the samples, one sample a leaf; a test computes them from the original files.
import { fromHex } from '../core/bytes.ts';
import type { DataSet } from '../proto/gen/pogo.v1.ts';

interface Known {
  readonly root: string;
  readonly size: bigint;
  readonly sampleBytes: number;
  /** Tokens of a text's vocabulary. */
  readonly vocab?: number;
}

const KNOWN: Readonly<Record<string, Known>> = {
  // 784 pixel bytes and the label byte. The last 5,000 training images are held out for evaluation.
  'mnist/train': { root: 'b1a30249320beb02dbff670ddb9f7549e4870cb0684e803789a1c8556f26d2e5', size: 55_000n, sampleBytes: 785 },
  'mnist/holdout': { root: '22eb0c8267b312a194ffccf1a3c665bdead734aaeadb708d6b175afc9435f801', size: 5_000n, sampleBytes: 785 },
  'mnist/test': { root: '1de28f4c65d225b69fadb190839f69c64754f02ce7d4457516174f5f532bcabd', size: 10_000n, sampleBytes: 785 },
  // 784 pixel bytes and the label byte; miner/data/fashion.ts says which images are which part's.
  'fashion-mnist/train': { root: '63963a4339744bec471484df3c3438a2500500ecd9adc0bce3803dc1f738d249', size: 55_000n, sampleBytes: 785 },
  'fashion-mnist/holdout': { root: '04ccc530a2978dd9248f2d6307f8e6b178dcd5e615b0d1ea1d082bcf1d4578e7', size: 5_000n, sampleBytes: 785 },
  'fashion-mnist/test': { root: '83b85f6b7ae4f731cfe19a3251f9df069163f48ce29bcf87eefe57b318b3d44b', size: 10_000n, sampleBytes: 785 },
  // Windows of 65 or 129 characters; miner/data/windows.ts says which.
  'kjv-char-64/train': { root: 'bd9e10444f14cc45bab37fb7e098b38e5a1a0a1885c7d761854112ba55cebb70', size: 58_293n, sampleBytes: 65, vocab: 63 },
  'kjv-char-64/holdout': { root: 'fb508b6c33c92f4b73047aed8ea73725ad41f8a237cedbc1ed9474afad8230ab', size: 3_189n, sampleBytes: 65, vocab: 63 },
  'kjv-char-64/test': { root: '12ec28436c52bbe762d803810c1943b8c3a437a22ab96b0b829eec52d3501a76', size: 3_175n, sampleBytes: 65, vocab: 63 },
  'kjv-char-128/train': { root: '982020cf55a004c2b76f1d9cf5768d736dba60f6265bef950728932dc3ab92fe', size: 29_115n, sampleBytes: 129, vocab: 63 },
  'kjv-char-128/holdout': { root: 'b9d0a0d8635319d78827e44a5720c792a0d3b58474a0f3d3e381679be5b01266', size: 1_638n, sampleBytes: 129, vocab: 63 },
  'kjv-char-128/test': { root: 'aaa296055eabf03a8ec1ca6e05e0ac95c5e3446e4f54edd7fb6ce92a5e356564', size: 1_575n, sampleBytes: 129, vocab: 63 },
  'sotu-char-64/train': { root: 'c042724e98d662c331e38af98874f5c75203ab13f16e5b42a94d8a19ecfd476a', size: 151_344n, sampleBytes: 65, vocab: 98 },
  'sotu-char-64/holdout': { root: '337890bb5969717bf8057fd509deec88ec79b63595e834f31f17e91c330ce990', size: 8_382n, sampleBytes: 65, vocab: 98 },
  'sotu-char-64/test': { root: '7121b24986618c7ffa8cdeaf8a2727fb4b8a0c086a48e0fcbf3d359874030454', size: 8_382n, sampleBytes: 65, vocab: 98 },
};

/** Names of the sets that `knownDataset` has. */
export const KNOWN_DATASETS: readonly string[] = Object.keys(KNOWN);

/** How a job message names a well-known set; undefined for another name. */
export function knownDataset(name: string): DataSet | undefined {
  const found = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  return found === undefined ? undefined : { name, root: fromHex(found.root), size: found.size, sampleBytes: found.sampleBytes };
}

/** Tokens of a well-known text's vocabulary; undefined for another set. */
export function knownVocab(name: string): number | undefined {
  return Object.hasOwn(KNOWN, name) ? KNOWN[name]?.vocab : undefined;
}
