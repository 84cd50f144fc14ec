// SPDX-License-Identifier: Apache-2.0
// The whole system on real CometBFT: validators, miners, verifiers and attackers as processes of their own.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { homePaths } from '../../abci/home.ts';
import { storeNames } from '../../modules/index.ts';
import { openDiskStore } from '../../store/disk.ts';
import { basePort, logsOf, newHome, processesWith, type Run, removeHome, startLocalnet } from '../helpers/localnet.ts';

const homes: string[] = [];
after(() => {
  for (const home of homes) {
    for (const pid of processesWith(home)) process.kill(pid, 'SIGKILL');
    removeHome(home);
  }
});

function home(): string {
  const made = newHome();
  homes.push(made);
  return made;
}

function finalised(
  run: Run,
  at: string,
): readonly {
  readonly round: number;
  readonly miner: string;
  readonly parent_loss: number;
  readonly loss: number;
  readonly accuracy: number | null;
  readonly paid: string;
}[] {
  assert.equal(run.code, 0, `${run.output}\n${logsOf(at)}`);
  assert.ok(run.result?.job, run.output);
  return run.result.job.rounds.filter((r) => r.status === 'finalised');
}

test('four validators train a model, slash a wrong leaf, and continue the same chain and model with a liar at the next start', {
  timeout: 560_000,
}, async () => {
  const at = home();
  const port = await basePort();
  const first = await startLocalnet(at, ['--rounds', '2', '--miners', '1', '--verifiers', '2', '--attack', 'wrong-leaf', '--base-port', String(port)])
    .done;
  const rounds = finalised(first, at);
  assert.ok(rounds.length >= 2);
  for (const r of rounds) {
    assert.equal(r.miner, 'miner-0');
    assert.ok(r.loss < r.parent_loss, `round ${r.round}: ${r.parent_loss} -> ${r.loss}`);
    assert.ok(BigInt(r.paid) > 0n);
    assert.ok(r.accuracy !== null && r.accuracy > 0.8, `round ${r.round}: accuracy ${r.accuracy}`);
  }
  assert.equal(first.result?.validators, 4);
  const slash = first.result?.slashed.find((s) => s.account === 'attacker-wrong-leaf');
  assert.equal(slash?.reason, 'wrong leaf', first.output);
  assert.deepEqual(processesWith(at), [], 'a process outlived the localnet');

  const second = await startLocalnet(at, ['--rounds', '1', '--miners', '1', '--verifiers', '2', '--attack', 'fake-loss']).done;
  const more = finalised(second, at);
  assert.equal(second.result?.chain_id, first.result?.chain_id);
  assert.ok((second.result?.height ?? 0) > (first.result?.height ?? 0));
  assert.deepEqual(
    more.slice(0, rounds.length).map((r) => [r.round, r.miner, r.loss]),
    rounds.map((r) => [r.round, r.miner, r.loss]),
  );
  assert.ok(more.length > rounds.length);
  assert.ok(more.every((r) => r.miner === 'miner-0'));
  assert.ok(second.result?.slashed.every((s) => s.account !== 'attacker-fake-loss' && s.account !== 'miner-0'));
  assert.deepEqual(processesWith(at), [], 'a process outlived the localnet');
});

test('an application and a node are killed in mid-round, come back, and the rounds go on', { timeout: 400_000 }, async () => {
  const at = home();
  const port = await basePort();
  const running = startLocalnet(at, ['--rounds', '2', '--miners', '1', '--verifiers', '2', '--base-port', String(port)]);
  await Promise.race([running.line(/round +1 +answer/), running.done]);
  const [application] = processesWith('main.ts start', join(at, 'validator-1'));
  const [node] = processesWith('cometbft', 'start', join(at, 'validator-2'));
  assert.ok(application !== undefined && node !== undefined, logsOf(at));
  process.kill(application, 'SIGKILL');
  process.kill(node, 'SIGKILL');
  const run = await running.done;
  assert.ok(finalised(run, at).length >= 2);
  assert.deepEqual(run.result?.slashed, []);
  assert.deepEqual(processesWith(at), [], 'a process outlived the localnet');
  const heights: bigint[] = [];
  for (let i = 0; i < 4; i++) {
    const store = await openDiskStore({ dir: homePaths(join(at, `validator-${i}`)).store, stores: storeNames });
    heights.push(store.last().height);
    await store.close();
  }
  const last = BigInt(run.result?.height ?? 0);
  // All four were at the chain's end when it was stopped, the two that were killed among them.
  for (const height of heights) assert.ok(height + 5n >= last, `heights ${heights.join(', ')} at the end of a chain of ${last}`);
});
