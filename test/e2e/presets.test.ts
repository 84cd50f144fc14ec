// SPDX-License-Identifier: Apache-2.0
// The presets as a person starts them, with their data, network and recipe but shorter rounds: each finalises one and
// ends with something to see. (mnist-mlp, in full length, is in localnet.test.ts.)
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadJob } from '../../client/job-file.ts';
import type { Result } from '../../localnet/result.ts';
import { basePort, logsOf, newHome, processesWith, removeHome, startLocalnet } from '../helpers/localnet.ts';

/** What of a round takes long; windows end when everybody has acted. */
const SHORT = {
  steps: 30,
  checkpoint_every: 15,
  leaf_challenges: 2,
  assigned_steps: 1,
  eval_samples: 128,
  max_commits: 1,
  windows: { commit: 300, answer: 200, attest: 300, reveal: 200, dispute: 2 },
};

const homes: string[] = [];
after(() => {
  for (const home of homes) {
    for (const pid of processesWith(home)) process.kill(pid, 'SIGKILL');
    removeHome(home);
  }
});

/** The finalised round of a preset with short rounds, and what was printed. */
async function play(preset: string): Promise<{ readonly round: NonNullable<Result['job']>['rounds'][number]; readonly output: string }> {
  const home = newHome();
  homes.push(home);
  const job = loadJob(preset) as { readonly round: object };
  const file = join(home, `${preset}.json`);
  writeFileSync(file, JSON.stringify({ ...job, round: { ...job.round, ...SHORT } }));
  const counts = ['--validators', '1', '--miners', '1', '--verifiers', '1'];
  const run = await startLocalnet(home, [...counts, '--rounds', '1', '--job', file, '--base-port', String(await basePort())]).done;
  assert.equal(run.code, 0, `${run.output}\n${logsOf(home)}`);
  const round = run.result?.job?.rounds.find((r) => r.status === 'finalised');
  assert.ok(round !== undefined, run.output);
  assert.ok(round.loss < round.parent_loss, `${round.parent_loss} -> ${round.loss}`);
  assert.ok(BigInt(round.paid) > 0n);
  return { round, output: run.output };
}

test('fashion-cnn finalises a round and ends with the accuracy on the test set', { timeout: 280_000 }, async () => {
  const { round, output } = await play('fashion-cnn');
  assert.ok(round.accuracy !== null && round.accuracy > 0.3, `accuracy ${round.accuracy}, guessing has 0.1`);
  assert.match(output, /test accuracy \d+\.\d\d %/);
});

test('kjv-gpt finalises a round and ends with text that the model wrote', { timeout: 280_000 }, async () => {
  const { round, output } = await play('kjv-gpt');
  assert.ok(round.loss < Math.log(63), `loss ${round.loss}, guessing has ${Math.log(63)}`);
  const { prompt = '', written = '' } = round.text ?? {};
  assert.deepEqual([prompt.length, written.length], [16, 160]);
  assert.match(written, /^[\n -~]+$/);
  assert.ok(output.includes('perplexity'));
});
