// SPDX-License-Identifier: Apache-2.0
// Every kind of attack on one live chain at once, beside an honest miner; and a miner killed in mid-round.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createQueries, createRpc, type Queries, sleep } from '../../client/index.ts';
import { openKeyring } from '../../client/keyring.ts';
import { ATTACK_NAMES } from '../../miner/attacks/conduct.ts';
import { Ledger } from '../../miner/ledger.ts';
import { type Commit, CommitStatus, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import { basePort, logsOf, newHome, processesWith, removeHome, startLocalnet } from '../helpers/localnet.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'miner', 'main.ts');
const JOB = 1n;
const LIMIT_MS = 300_000;

const SLASHED = ['wrong-leaf', 'adaptive', 'silent', 'copycat'];
const REJECTED = ['fake-loss', 'no-training'];

const home = newHome();
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const pid of processesWith(home)) process.kill(pid, 'SIGKILL');
  removeHome(home);
});

function attacker(kind: string, port: number, node: string): void {
  const folder = join(home, `attack-${kind}`);
  mkdirSync(folder);
  const config = join(folder, 'miner.toml');
  const lines = [`nodes = ["${node}"]`, 'home = "../keys"', `key = "attacker-${kind}"`, `listen = "127.0.0.1:${port}"`, 'data = "data"'];
  writeFileSync(config, `${lines.join('\n')}\n`);
  children.push(spawn(process.execPath, [MAIN, 'mine', '--config', config, '--attack', kind], { stdio: 'ignore' }));
}

/** Waits until `found` gives something. */
async function until<T>(what: string, found: () => Promise<T | undefined>): Promise<T> {
  for (const started = Date.now(); Date.now() - started < LIMIT_MS; await sleep(300)) {
    const value = await found().catch(() => undefined);
    if (value !== undefined) return value;
  }
  throw new Error(`waited for ${what}\n${logsOf(home)}`);
}

/** The first commit of a miner whose round is closed. */
async function settled(queries: Queries, miner: string): Promise<Commit | undefined> {
  const job = await queries.job(JOB);
  for (let number = 1n; number <= (job?.round ?? 0n); number++) {
    const round = await queries.round(JOB, number);
    if (round?.phase !== RoundPhase.ROUND_PHASE_CLOSED) continue;
    const commit = (await queries.commits(JOB, number)).find((c) => c.miner === miner);
    if (commit !== undefined) return commit;
  }
  return undefined;
}

test('no attack ever becomes the head, the honest miner goes on and survives kill -9', { timeout: 590_000 }, async () => {
  const port = await basePort();
  const running = startLocalnet(home, ['--validators', '1', '--miners', '1', '--verifiers', '2', '--base-port', String(port)]);
  await Promise.race([running.line(/round +1 +commit/), running.done]);
  const node = `http://127.0.0.1:${port + 1}`;
  for (const [i, kind] of ATTACK_NAMES.entries()) attacker(kind, port + 250 + i, node);
  const queries = createQueries(createRpc(node));
  const keyring = openKeyring(join(home, 'keys'), 'pogo');
  const address = (name: string): string => keyring.get(name).address;

  for (const kind of SLASHED) {
    const commit = await until(`the end of ${kind}`, () => settled(queries, address(`attacker-${kind}`)));
    assert.equal(commit.status, CommitStatus.COMMIT_STATUS_SLASHED, kind);
    assert.ok(BigInt(commit.slashed) > 0n, kind);
  }
  for (const kind of REJECTED) {
    const commit = await until(`the end of ${kind}`, () => settled(queries, address(`attacker-${kind}`)));
    assert.equal(commit.status, CommitStatus.COMMIT_STATUS_REJECTED, kind);
    assert.deepEqual([commit.paid, commit.slashed], ['0', '0'], kind);
  }

  const honest = address('miner-0');
  const [miner] = processesWith('main.ts mine', join(home, 'miner-0'));
  assert.ok(miner !== undefined);
  const before = (await queries.miner(honest))?.roundsWon ?? 0n;
  await until('a commit phase', async () => {
    const job = await queries.job(JOB);
    const round = await queries.round(JOB, job?.round ?? 0n);
    return round?.phase === RoundPhase.ROUND_PHASE_COMMIT && round.miners.includes(honest) ? true : undefined;
  });
  process.kill(miner, 'SIGKILL');
  await until('the next victory', async () => (((await queries.miner(honest))?.roundsWon ?? 0n) > before ? true : undefined));

  const job = await queries.job(JOB);
  for (let number = 1n; number < (job?.round ?? 0n); number++) {
    const { winner, outcome } = (await queries.round(JOB, number)) ?? {};
    if (outcome === 'finalized') assert.equal(winner, honest, `round ${number}`);
  }
  const record = await queries.miner(honest);
  assert.equal(record?.slashed, '0');
  assert.equal(await settled(queries, address('attacker-stale')), undefined, 'a stale commit is refused as a transaction');
  const ledger = readFileSync(join(home, 'attack-stale', 'data', 'ledger.jsonl'), 'utf8');
  assert.match(ledger, /"kind":"commit"/, 'it did sign and send one');

  running.process.kill('SIGINT');
  await running.done;
  const journal = new Ledger(join(home, 'miner-0', 'data', 'ledger.jsonl'));
  const keys = journal.all('commit').map((e) => e.key);
  assert.equal(new Set(keys).size, keys.length);
  journal.close();
});
