// SPDX-License-Identifier: Apache-2.0
// The job files that people start from: presets, examples, and the pieces on the page that explains them.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createJobMessage, type DatasetResolver, JOB_PRESETS, loadJob } from '../../../client/job-file.ts';
import type { Json } from '../../../core/json.ts';
import { addSet } from '../../../miner/data/add.ts';
import { describeDataset, openDataset } from '../../../miner/data/dataset.ts';
import { specFromProto } from '../../../modules/pogo/spec.ts';
import { checkTerms } from '../../../modules/pogo/terms.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(PROJECT, 'docs/jobs.md'), 'utf8');
const pieces = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map((m) => JSON.parse(m[1] as string) as { readonly kind: string });

test('the page shows every kind of network and optimiser', () => {
  assert.deepEqual(
    pieces.map((p) => p.kind),
    ['mlp', 'cnn', 'gpt', 'sgd', 'adamw'],
  );
});

for (const piece of pieces) {
  test(`the ${piece.kind} on the page is taken as it stands`, () => {
    const base = loadJob(piece.kind === 'gpt' ? 'kjv-gpt' : piece.kind === 'cnn' ? 'fashion-cnn' : 'mnist-mlp') as Record<string, Json>;
    const field = ['sgd', 'adamw'].includes(piece.kind) ? 'optimizer' : 'model';
    const spec = specFromProto(createJobMessage({ ...base, [field]: piece as unknown as Json }, 'owner').spec);
    assert.equal(spec[field as 'model' | 'optimizer'].kind, piece.kind);
  });
}

test('every preset and example has terms that a chain takes', () => {
  const set = { name: 'flowers/train', root: new Uint8Array(32), size: 100n, sampleBytes: 5 };
  const resolve: DatasetResolver = () => ({ set, vocab: undefined });
  const examples = ['examples/mnist-job.json', 'examples/licence-gpt.json'].map((file) => join(PROJECT, file));
  for (const job of [...JOB_PRESETS, ...examples]) checkTerms(createJobMessage(loadJob(job), 'owner').terms, 'terms');
  checkTerms(createJobMessage(loadJob(join(PROJECT, 'examples/table-mlp.json')), 'owner', 'example', resolve).terms, 'terms');
});

test("the licence's example names the sets that the command on the page makes", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pogo-jobs-'));
  try {
    assert.match(page, /data add LICENSE --name licence --context 32 --stride 8/);
    await addSet(join(PROJECT, 'LICENSE'), { name: 'licence', context: 32, stride: 8 }, folder);
    const { training, evaluation, spec } = createJobMessage(loadJob(join(PROJECT, 'examples/licence-gpt.json')), 'owner');
    assert.deepEqual(describeDataset(await openDataset('licence/train', { sets: folder })), training);
    assert.deepEqual(describeDataset(await openDataset('licence/holdout', { sets: folder })), evaluation);
    assert.equal(spec?.model?.gpt?.vocab, new Set(readFileSync(join(PROJECT, 'LICENSE'), 'utf8')).size);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the table's example takes a table of four inputs and three classes", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pogo-jobs-'));
  try {
    const rows = Array.from({ length: 80 }, (_, i) => `${i},${80 - i},${i % 9},${i * i},${['lily', 'rose', 'iris'][i % 3]}`);
    writeFileSync(join(folder, 'flowers.csv'), `a,b,c,d,kind\n${rows.join('\n')}\n`);
    await addSet(join(folder, 'flowers.csv'), {}, folder);
    const sets = new Map<string, ReturnType<typeof describeDataset>>();
    for (const part of ['train', 'holdout']) sets.set(`flowers/${part}`, describeDataset(await openDataset(`flowers/${part}`, { sets: folder })));
    const resolve: DatasetResolver = (name) => {
      const set = sets.get(name);
      return set === undefined ? undefined : { set, vocab: undefined };
    };
    const message = createJobMessage(loadJob(join(PROJECT, 'examples/table-mlp.json')), 'owner', 'example', resolve);
    assert.deepEqual(message.training, sets.get('flowers/train'));
    assert.throws(() => createJobMessage(loadJob(join(PROJECT, 'examples/table-mlp.json')), 'owner'), /training: no such data set; known are/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const KJV = loadJob('kjv-gpt') as Record<string, Record<string, Json>>;
const FASHION = loadJob('fashion-cnn') as Record<string, Record<string, Json>>;
const REFUSED: readonly (readonly [name: string, job: unknown, message: RegExp])[] = [
  ['a network of no known kind', { ...KJV, model: { kind: 'rnn' } }, /job file: model\.?k?i?n?d?: kind must be "mlp", "gpt" or "cnn"/],
  ['a gpt without heads', { ...KJV, model: { ...KJV['model'], heads: undefined } }, /job file: model\.heads: /],
  [
    'a width that heads do not divide',
    { ...KJV, model: { ...KJV['model'], heads: 5 } },
    /job file: model\.width: must be a multiple of model\.heads/,
  ],
  ['a tie that is neither true nor false', { ...KJV, model: { ...KJV['model'], tied: 1 } }, /job file: model\.tied: /],
  ['a field of another network', { ...KJV, model: { ...KJV['model'], input_exponent: 0 } }, /job file: model: Unrecognized key: "input_exponent"/],
  [
    'a context that the samples have not',
    { ...KJV, model: { ...KJV['model'], context: 32 } },
    /training: its samples have 65 bytes, the model takes 33/,
  ],
  ['a vocabulary that the text has not', { ...KJV, model: { ...KJV['model'], vocab: 64 } }, /training: has a vocabulary of 63, model\.vocab is 64/],
  ['images for a gpt', { ...KJV, training: 'mnist/train' }, /training: is no text, a gpt takes nothing else/],
  ['a text for images', { ...FASHION, training: 'kjv-char-64/train' }, /training: is a text, a cnn takes no text/],
  [
    'a convolution without filters',
    { ...FASHION, model: { ...FASHION['model'], convolutions: [{ kernel: 3, stride: 1 }] } },
    /model\.convolutions\[0\]\.filters: /,
  ],
  [
    'a kernel larger than the limit',
    { ...FASHION, model: { ...FASHION['model'], convolutions: [{ filters: 1, kernel: 12, stride: 1 }] } },
    /model\.convolutions\[0\]\.kernel: must be an integer from 1 to 11/,
  ],
  ['a clip of nothing', { ...KJV, optimizer: { ...KJV['optimizer'], clip: 0 } }, /optimizer\.clip: must be/],
  ['a clip that is no decimal', { ...KJV, optimizer: { ...KJV['optimizer'], clip: 'hard' } }, /optimizer\.clip: must be a non-negative decimal/],
  ['an optimiser of no known kind', { ...KJV, optimizer: { kind: 'lion' } }, /kind must be "sgd" or "adamw"/],
];
for (const [name, job, message] of REFUSED) {
  test(`refuses ${name}, naming field and rule`, () => {
    assert.throws(() => createJobMessage(JSON.parse(JSON.stringify(job)), 'owner'), message);
  });
}
