// SPDX-License-Identifier: Apache-2.0
// Daemons on the real modules with each kind of network, and what a person does with the model afterwards.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { toHex } from '../../../core/bytes.ts';
import { cardOf } from '../../../miner/card.ts';
import { figuresLine } from '../../../miner/commands/model.ts';
import { addSet } from '../../../miner/data/add.ts';
import { createModelReader, type ModelReader } from '../../../miner/model.ts';
import { vocabularyOfJob, writeText } from '../../../miner/sample.ts';
import { bitsOf } from '../../../train/float32.ts';
import { validateSpec } from '../../../train/validate.ts';
import { serveRpc } from './rpcserver.ts';
import { type Stage, stage, type Work } from './stage.ts';

const schedule = { baseRate: bitsOf(0.01), warmupSteps: 0, totalSteps: 100, floorRatio: bitsOf(0.1) };
const adamw = { kind: 'adamw', beta1: bitsOf(0.9), beta2: bitsOf(0.99), epsilon: bitsOf(1e-8), weightDecay: bitsOf(0.01), clip: bitsOf(1) };

const DIGITS: Work = {
  spec: validateSpec({
    arithmetic: 'exact8',
    model: {
      kind: 'cnn',
      height: 28,
      width: 28,
      channels: 1,
      convolutions: [
        { filters: 4, kernel: 5, stride: 3 },
        { filters: 6, kernel: 3, stride: 2 },
      ],
      hidden: [12],
      classes: 10,
      inputExponent: -8,
    },
    optimizer: adamw,
    schedule,
    batchSize: 16,
  }),
  training: 'mnist/test',
  evaluation: 'mnist/holdout',
};

const SONG = 'ten green bottles hanging on the wall, and if one green bottle should accidentally fall, ';

const BOTTLES: Work = {
  spec: validateSpec({
    arithmetic: 'exact8',
    model: { kind: 'gpt', vocab: new Set(SONG).size, context: 12, width: 16, layers: 1, heads: 2, tied: true },
    optimizer: adamw,
    schedule,
    batchSize: 16,
  }),
  training: 'bottles/train',
  evaluation: 'bottles/holdout',
};

const TERMS = { steps: 8, checkpointEvery: 3, evalSamples: 32 };

describe('daemons with', () => {
  let on: Stage | undefined;
  let folder = '';
  const told = process.env['POGO_DATA'];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-kinds-'));
    process.env['POGO_DATA'] = join(folder, 'sets');
    writeFileSync(join(folder, 'bottles.txt'), SONG.repeat(40));
    await addSet(join(folder, 'bottles.txt'), { context: 12 });
  });
  after(() => {
    if (told === undefined) delete process.env['POGO_DATA'];
    else process.env['POGO_DATA'] = told;
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await on?.end();
    on = undefined;
  });

  /** Two finalised rounds; loses of the first parent and the last model. */
  const play = async (work: Work): Promise<{ readonly on: Stage; readonly first: bigint; readonly last: bigint }> => {
    on = await stage(4, TERMS, work);
    const miner = await on.play(1, { kind: 'mine' });
    await on.play(2, { kind: 'verify' });
    await on.play(3, { kind: 'verify' });
    const losses: bigint[] = [];
    for (const number of [1n, 2n]) {
      const { round, commits } = await on.closed(number);
      assert.equal(round.outcome, 'finalized');
      assert.equal(round.winner, miner.address);
      losses.push(commits[0]?.parentLoss ?? 0n, commits[0]?.loss ?? 0n);
    }
    return { on, first: losses[0] as bigint, last: losses[3] as bigint };
  };

  const use = async (stage: Stage, what: (reader: ModelReader) => Promise<void>): Promise<void> => {
    const { url, server } = await serveRpc(stage.chain.rpc);
    const reader = await createModelReader({ nodes: [url], folder: join(folder, `reader-${stage.job}-${Math.random()}`), backend: 'reference' });
    try {
      await what(reader);
    } finally {
      await reader.close();
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
    }
  };

  it('an image network finalise rounds, and the model is measured by accuracy', async () => {
    const { on, first, last } = await play(DIGITS);
    assert.ok(last < first, `loss ${first} to ${last}`);
    await use(on, async (reader) => {
      const model = await reader.head(on.job);
      const figures = await reader.evaluate(model, 'mnist/holdout');
      assert.equal(figures.samples, 5000);
      assert.match(figuresLine(model, 'mnist/holdout', figures), /^mnist\/holdout: \d+\.\d\d % of 5000 samples, mean loss \d\.\d{4}$/);
      await assert.rejects(reader.head(99n), { name: 'NoJobError', message: 'job: the chain has no job 99' });
      await assert.rejects(vocabularyOfJob(model), /trains a cnn, which writes no text/);
    });
  });

  it('a language model finalise rounds, and the model writes the same text wherever it is asked', async () => {
    const { on, first, last } = await play(BOTTLES);
    assert.ok(last < first, `loss ${first} to ${last}`);
    await use(on, async (reader) => {
      const model = await reader.head(on.job);
      const vocabulary = await vocabularyOfJob(model);
      const write = async (temperature: number, seed: string): Promise<string> => {
        let text = '';
        for await (const part of writeText(reader, model, vocabulary, { prompt: 'ten green', tokens: 30, temperature, seed })) text += part;
        return text;
      };
      const drawn = await write(1, 'a');
      assert.equal(drawn.length, 30);
      assert.equal(await write(1, 'a'), drawn);
      assert.notEqual(await write(1, 'b'), drawn);
      assert.equal(await write(0, 'a'), await write(0, 'b'), 'greedy text has no chance in it');
      await assert.rejects(async () => {
        for await (const _ of writeText(reader, model, vocabulary, { prompt: 'Zero', tokens: 1, temperature: 0, seed: '' }));
      }, /the vocabulary has no "Z"/);
      const figures = await reader.evaluate(model, 'bottles/test');
      assert.match(figuresLine(model, 'bottles/test', figures), /nats per token .* perplexity \d+\.\d+/);
      assert.ok(Number(figures.loss) / figures.samples / 65_536 < Math.log(vocabulary.size), 'better than guessing');
      await assert.rejects(reader.evaluate(model, 'mnist/test'), /a sample has 785 bytes, the model takes 13/);
    });
  });

  it('a model card that tells job, rounds, roots and losses as the chain has them', async () => {
    const { on } = await play(BOTTLES);
    await use(on, async (reader) => {
      const model = await reader.head(on.job);
      const card = await cardOf(model, 'pogo-test-1', on.chain.queries, await vocabularyOfJob(model));
      assert.equal(card.job, 1);
      assert.equal(card.state_root, toHex(model.head.stateRoot));
      assert.equal(card.rounds.at(-1)?.state_root, card.state_root);
      assert.deepEqual(
        card.rounds.map((r) => r.steps),
        card.rounds.map((_, i) => 8 * (i + 1)),
      );
      assert.equal(card.steps, card.rounds.at(-1)?.steps);
      for (const [i, row] of card.rounds.entries()) {
        const [commit] = await on.chain.queries.commits(on.job, BigInt(i + 1));
        assert.ok(Math.abs(row.loss - Number(commit?.loss) / 65_536 / 32) < 1e-6);
        assert.equal(row.miner, commit?.miner);
      }
      assert.equal(card.vocabulary?.size, [...(card.vocabulary?.characters ?? '')].length);
      assert.equal(card.training.name, 'bottles/train');
      assert.equal(card.kernel[0], 'exact8');
    });
  });
});
