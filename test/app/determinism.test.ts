// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { otherNode, runOn } from '../helpers/othernode.ts';
import { scenario } from '../helpers/scenario.ts';

test('gives the same application hashes in two instances, one of which restarts and repeats FinalizeBlock at every height', async () => {
  const plain = await scenario({});
  const restarted = await scenario({ restartEveryBlock: true });
  assert.ok(plain.length > 10);
  assert.equal(new Set(plain).size, plain.length, 'every block changes the state');
  assert.deepEqual(restarted, plain);
});

test('gives the same application hashes in another process with another locale, time zone and no optimising compiler', async () => {
  const script = join(import.meta.dirname, '../helpers/scenario.ts');
  const env = { ...process.env, TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' };
  const child = spawnSync(process.execPath, ['--no-opt', script, '--print'], { env, encoding: 'utf8' });
  assert.equal(child.status, 0, child.stderr);
  assert.deepEqual(child.stdout.trim().split('\n'), await scenario({}));
});

test('gives the same application hashes on another major version of Node', async (t) => {
  const node = otherNode();
  if (node === undefined) {
    t.skip('no other major version of Node on the PATH');
    return;
  }
  assert.deepEqual(runOn(node, 'test/helpers/scenario.ts', ['--print']).trim().split('\n'), await scenario({}));
});
