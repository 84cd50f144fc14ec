// SPDX-License-Identifier: Apache-2.0
// The daemons as processes that are killed without warning.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sleep } from '../../../client/index.ts';
import { openKeyring } from '../../../client/keyring.ts';
import { Ledger } from '../../../miner/ledger.ts';
import { CommitStatus } from '../../../proto/gen/pogo.v1.ts';
import { serveRpc } from './rpcserver.ts';
import { type Stage, stage } from './stage.ts';

const MAIN = fileURLToPath(new URL('../../../miner/main.ts', import.meta.url));

describe('daemon processes', () => {
  let on: Stage;
  let folder = '';
  let rpc: { readonly url: string; readonly server: Server };
  const children: ChildProcess[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pogo process '));
    // Phases end when everybody has acted, so wide windows cost nothing; narrow ones would make the daemons' start-up time decide.
    on = await stage(5, { windows: { commit: 4000, answer: 4000, attest: 4000, reveal: 4000, dispute: 2 }, maxCommits: 1 });
    rpc = await serveRpc(on.chain.rpc);
    const keyring = openKeyring(folder, 'pogo');
    for (const [i, account] of on.chain.accounts.entries()) keyring.add(`key${i}`, account.privateKey);
  });
  after(async () => {
    for (const child of children) await end(child, 'SIGKILL');
    await on.end();
    await new Promise((resolve) => rpc.server.close(resolve).closeAllConnections());
    rmSync(folder, { recursive: true, force: true });
  });

  function configure(name: string, key: number, extra: object = {}): string {
    const config = {
      nodes: [rpc.url],
      home: '..',
      key: `key${key}`,
      listen: '127.0.0.1:0',
      data: 'data',
      poll_ms: 50,
      backend: 'reference',
      ...extra,
    };
    mkdirSync(join(folder, name));
    const file = join(folder, name, 'miner.toml');
    writeFileSync(
      file,
      Object.entries(config)
        .map(([k, v]) => `${k} = ${JSON.stringify(v)}\n`)
        .join(''),
    );
    return file;
  }

  function start(command: string, config: string, ...flags: string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN, command, '--config', config, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    return child;
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.kill(signal);
    return await closed;
  }

  /** Waits until a daemon answers. */
  async function healthy(port: number): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      const ok = await fetch(`http://127.0.0.1:${port}/healthz`).then(
        (r) => r.ok,
        () => false,
      );
      if (ok) return;
      await sleep(50);
    }
    throw new Error(`nothing answers at port ${port}`);
  }

  async function output(child: ChildProcess): Promise<{ readonly code: number | null; readonly text: string }> {
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (part) => {
        text += String(part);
      });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, text };
  }

  it('killed at any moment neither sign twice nor lose a salt, and rounds go on', async () => {
    const port = 20_000 + (process.pid % 20_000);
    const miner = configure('miner', 1, { listen: `127.0.0.1:${port}` });
    const verifier = configure('verifier', 2, { listen: `127.0.0.1:${port + 1}` });
    let running = [start('mine', miner), start('verify', verifier)];
    let kills = 0;
    const current = async (): Promise<bigint> => (await on.chain.queries.job(on.job))?.finalizedRounds ?? 0n;
    // Longer and longer lives, so that every stage of a round is some life's end, however long this machine takes to one.
    for (let life = 700; (await current()) < 2n && kills < 40; life *= 1.15) {
      await sleep(life);
      const victim = kills % 2;
      await end(running[victim] as ChildProcess, 'SIGKILL');
      kills++;
      running = running.map((child, i) => (i !== victim ? child : i === 0 ? start('mine', miner) : start('verify', verifier)));
    }
    const finalized = await current();
    for (const at of [port, port + 1]) await healthy(at);
    for (const child of running) assert.equal(await end(child, 'SIGTERM'), 0, 'a polite end is a success');
    assert.ok(finalized >= 2n, `${finalized} rounds after ${kills} kills`);
    assert.ok(kills >= 4);
    for (let number = 1n; number <= finalized; number++) {
      const commits = await on.chain.queries.commits(on.job, number);
      assert.deepEqual(
        commits.map((c) => c.status),
        [CommitStatus.COMMIT_STATUS_WON],
      );
    }
    const verifiers = await on.chain.queries.verifiers();
    assert.deepEqual(
      verifiers.map((v) => v.slashed),
      ['0'],
      'every committed attestation was revealed',
    );
    const ledger = new Ledger(join(folder, 'miner', 'data', 'ledger.jsonl'));
    assert.ok(ledger.all('commit').length >= 2);
    ledger.close();
  });

  it('name what is wrong with their configuration, key, port, folder or chain', async () => {
    const good = configure('good', 3);
    const text = readFileSync(good, 'utf8');
    const cases: readonly (readonly [string, RegExp])[] = [
      ['key = 5\n', /key: /],
      ['node = "x"\n', /node: there is no such key/],
      ['chain_id = "other-1"\n', /chain_id: the nodes are of pogo-test-1, other-1 is configured/],
    ];
    for (const [i, [line, expected]] of cases.entries()) {
      const file = join(folder, 'good', `bad${i}.toml`);
      const key = line.split(' ', 1)[0] as string;
      writeFileSync(
        file,
        line +
          text
            .split('\n')
            .filter((l) => !l.startsWith(`${key} `))
            .join('\n'),
      );
      const { code, text: said } = await output(start('mine', file));
      assert.equal(code, 1);
      assert.match(said, expected);
    }
    const nobody = join(folder, 'good', 'nobody.toml');
    writeFileSync(nobody, text.replace('key3', 'nobody'));
    assert.match((await output(start('watch', nobody))).text, /nobody/);
    const taken = join(folder, 'good', 'taken.toml');
    writeFileSync(taken, text.replace('127.0.0.1:0', new URL(rpc.url).host));
    assert.match((await output(start('watch', taken))).text, /listen: 127\.0\.0\.1:\d+ is in use by another process/);
    const first = start('watch', good);
    await new Promise((resolve) => first.stdout?.once('data', resolve));
    assert.match((await output(start('watch', good))).text, /the data folder is in use by process \d+/);
    assert.equal(await end(first, 'SIGINT'), 0);
  });

  it('tell what chain and daemon say about their account', async () => {
    const { code, text } = await output(start('status', join(folder, 'good', 'miner.toml')));
    assert.equal(code, 0);
    assert.match(text, /chain {4}pogo-test-1, height \d+/);
    assert.match(text, /daemon {3}none listens at 127\.0\.0\.1:0/);
  });
});
