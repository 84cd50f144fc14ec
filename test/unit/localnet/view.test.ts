// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { continueCommand, shellWord, useCommand } from '../../../localnet/hints.ts';
import { PROJECT } from '../../../localnet/options.ts';
import { resultOf } from '../../../localnet/result.ts';
import { frame, plainScreen, terminalScreen } from '../../../localnet/screen.ts';
import { emptyView, endLines, type Figure, type RoundView, roundLines, type View } from '../../../localnet/view.ts';

const TEXT: Figure = { text: { prompt: '\nAnd God\nsaid, ', written: 'let there be' } };

function row(round: number, figure: Figure | undefined): RoundView {
  return { round, miner: 'miner-0', status: 'finalised', outcome: 'finalized', parentLoss: 2, loss: 1, figure, paid: 63_000_000n };
}

function rejected(round: number, outcome: string): RoundView {
  return { round, miner: '', status: 'rejected', outcome, parentLoss: 0, loss: 0, figure: undefined, paid: 0n };
}

function viewOf(rounds: readonly RoundView[]): View {
  const view = emptyView('pogo-local-1', 'upogo', 'npm start');
  view.rounds.push(...rounds);
  view.job = { id: 1n, title: 'a job', kernel: '00'.repeat(32), status: 'ACTIVE', escrow: 5n };
  return view;
}

describe('the localnet tells', () => {
  it('what the newest model can do, and how to go on, when it ends', () => {
    const view = viewOf([row(1, { accuracy: 0.5 }), row(2, { accuracy: 0.9024 }), rejected(3, 'no_commits')]);
    assert.deepEqual(endLines(view), ['the model of round 2: test accuracy 90.24 %', 'npm start goes on with this chain and this model']);
    view.use = 'bin/pogo-miner model';
    assert.equal(endLines(view).at(-1), 'while it runs: bin/pogo-miner model');
    assert.deepEqual(endLines(viewOf([row(1, TEXT)])).slice(0, 2), [
      'the model of round 1, perplexity 2.72, writes on after "|":',
      '   And God said, |let there be',
    ]);
    assert.deepEqual(endLines(viewOf([])), ['npm start goes on with this chain and this model']);
  });

  it('why a round moved nothing, by what the chain says', () => {
    assert.match(roundLines(rejected(3, 'no_commits'), 'upogo')[0] ?? '', /^round {3}3 .*nobody committed in time; the head stays$/);
    assert.match(roundLines(rejected(4, 'no_quorum'), 'upogo')[0] ?? '', /the verifiers agreed on no commit/);
    assert.equal(resultOf(viewOf([rejected(3, 'no_commits')]), 0).job?.rounds[0]?.outcome, 'no_commits');
  });

  it('each thing once, where there is no terminal', () => {
    const lines: string[] = [];
    const screen = plainScreen((line) => lines.push(line));
    const view = viewOf([row(1, undefined)]);
    screen.update(view);
    assert.ok(!lines.some((l) => l.startsWith('round')), 'a round is told with its figure');
    view.rounds[0] = row(1, { accuracy: 0.75 });
    view.use = 'bin/pogo-miner model';
    screen.update(view);
    screen.close(view);
    assert.equal(lines.filter((l) => l.includes('test accuracy 75.00 %')).length, 1);
    assert.equal(lines.at(-1), 'try the model while this runs: bin/pogo-miner model');
  });

  it('the newest text on a small terminal too, with fewer rounds', () => {
    const view = viewOf([...Array.from({ length: 20 }, (_, i) => row(i + 1, undefined)), row(21, TEXT)]);
    assert.ok(frame(view, 0).length > 23);
    let drawn = '';
    const write = (text: string): void => {
      drawn += text;
    };
    terminalScreen({ rows: 24, columns: 100, write } as unknown as NodeJS.WriteStream).update(view);
    assert.ok(drawn.includes('And God said, |let there be'), drawn);
    assert.ok(drawn.split('\n').length <= 24);
  });
});

describe('commands to type next', () => {
  it('name home and job unless they are the default ones', () => {
    assert.equal(continueCommand({ home: join(PROJECT, '.localnet'), job: 'mnist-mlp' }), 'npm start');
    assert.equal(continueCommand({ home: '/a b', job: 'kjv-gpt' }), "npm start -- --home '/a b' --job kjv-gpt");
  });

  it('let a language model go on as the shown text began, and save any other', () => {
    const prompt = 'bin/pogo-miner sample --job 2 --node http://127.0.0.1:26601 --prompt ';
    assert.equal(useCommand('http://127.0.0.1:26601', 2n, TEXT), `${prompt}'And God'`);
    assert.match(useCommand('http://127.0.0.1:26601', 2n, { accuracy: 1 }), /^bin\/pogo-miner model --job 2 .* --out model\.safetensors$/);
  });

  it('are words of a shell, whatever is in them', () => {
    for (const word of ['plain', "it's", '$HOME "x" `y` \\', '', 'a  b', '*']) {
      assert.equal(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' }), word);
    }
  });
});
