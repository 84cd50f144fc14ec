// SPDX-License-Identifier: Apache-2.0
// pogo-miner on a command line, as scripts use it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'miner', 'main.ts');

test('what it prints may be cut off by a reader that has seen enough', async () => {
  const child = spawn(process.execPath, [MAIN, 'data', 'list'], { stdio: ['ignore', 'pipe', 'pipe'] });
  // Nobody reads from the first byte on.
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  assert.deepEqual([code, said], [0, '']);
});
