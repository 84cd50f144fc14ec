// SPDX-License-Identifier: Apache-2.0
// Miners and verifiers on every backend that the machine has, on one live chain, each chosen by its own configuration;
// one miner's device errs in one bit, and a device that errs from the start is not let on the chain.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createQueries, createRpc, type Queries, sleep } from '../../client/index.ts';
import { openKeyring } from '../../client/keyring.ts';
import { addSet } from '../../miner/data/add.ts';
import type { BackendName } from '../../miner/work/backends.ts';
import { type Attestation, type Commit, CommitStatus, Fault, type Report, RoundPhase, Verdict } from '../../proto/gen/pogo.v1.ts';
import { whyNoNative } from '../../train/wasm-native.ts';
import { tryTfjs, tryWebgpu } from '../helpers/engines.ts';
import type { DeviceFault } from '../helpers/fault.ts';
import { basePort, logsOf, newHome, processesWith, type Running, removeHome, startLocalnet } from '../helpers/localnet.ts';

const POGO_MINER = join(import.meta.dirname, '..', '..', 'bin', 'pogo-miner');
const JOB = 1n;
const STEPS = 6;
const LIMIT_MS = 240_000;
const SONG = 'ten green bottles hanging on the wall, and if one green bottle should accidentally fall, ';
const VOCAB = new Set(SONG).size;
const WIDTH = 24;

/** Each verifier executes every step of every commit again. */
const JOB_FILE = {
  title: 'Bottles, on every backend',
  model: { kind: 'gpt', vocab: VOCAB, context: 16, width: WIDTH, layers: 1, heads: 2, tied: false },
  optimizer: { kind: 'adamw', beta1: '0.9', beta2: '0.99', epsilon: '1e-8', weight_decay: '0.01', clip: 1 },
  learning_rate: { base: '0.01', warmup_steps: 0, total_steps: 100, floor_ratio: '0.1' },
  batch_size: 8,
  training: 'bottles/train',
  evaluation: 'bottles/holdout',
  seed: '07'.repeat(32),
  round: {
    steps: STEPS,
    checkpoint_every: 3,
    leaf_challenges: 2,
    assigned_steps: STEPS,
    eval_samples: 32,
    max_commits: 0,
    min_improvement: '0',
    standard_errors: '2',
    progress_window: 8,
    windows: { commit: 300, answer: 200, attest: 300, reveal: 200, dispute: 2 },
    reward: '100000000upogo',
    verifier_bps: 3000,
    runner_up_bps: 1000,
  },
  escrow: '1000000000upogo',
};

/** The gradient of the output layer's weight, of which a step has one: 14-bit operands have two planes of rows. One step of a round is wrong. */
const ERRING: DeviceFault = { shape: [2 * VOCAB, WIDTH], at: 3, every: STEPS };
const BROKEN: DeviceFault = { at: 1 };
const FAULTS = { NODE_OPTIONS: `--require "${join(import.meta.dirname, '..', 'helpers', 'fault.ts')}"` };

const ACCEPTED: readonly number[] = [CommitStatus.COMMIT_STATUS_WON, CommitStatus.COMMIT_STATUS_RUNNER_UP];

interface Member {
  readonly name: string;
  readonly backend: BackendName;
  readonly fault?: DeviceFault;
}

const home = newHome();
let running: Running | undefined;
let stray: ChildProcess | undefined;
let node = '';
const have: { tfjs: boolean; webgpu: boolean; native: boolean } = { tfjs: false, webgpu: false, native: whyNoNative() === undefined };

before(async () => {
  process.env['POGO_DATA'] = join(home, 'sets');
  writeFileSync(join(home, 'bottles.txt'), SONG.repeat(40));
  await addSet(join(home, 'bottles.txt'), { context: 16 });
  have.tfjs = typeof (await tryTfjs()) !== 'string';
  const webgpu = await tryWebgpu();
  have.webgpu = typeof webgpu !== 'string';
  if (typeof webgpu !== 'string') webgpu.close();
});

after(async () => {
  stray?.kill('SIGKILL');
  running?.process.kill('SIGTERM');
  await running?.done;
  for (const pid of processesWith(home)) process.kill(pid, 'SIGKILL');
  removeHome(home);
});

/** Writes a daemon's configuration as a person would; the localnet takes what it finds. */
function configure({ name, backend, fault }: Member, port: number): string {
  const folder = join(home, name);
  mkdirSync(folder);
  const config = { nodes: [node], home: '../keys', key: name, listen: `127.0.0.1:${port}`, data: 'data', backend };
  const lines = Object.entries(config).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  writeFileSync(join(folder, 'miner.toml'), `${lines.join('\n')}\n`);
  if (fault !== undefined) writeFileSync(join(folder, 'fault.json'), JSON.stringify(fault));
  return join(folder, 'miner.toml');
}

function members(): { readonly miners: readonly Member[]; readonly verifiers: readonly Member[] } {
  const named = (role: string, list: readonly Omit<Member, 'name'>[]): Member[] => list.map((m, i) => ({ ...m, name: `${role}-${i}` }));
  const tfjs = have.tfjs ? (['tfjs'] as const) : [];
  const native = have.native ? (['native'] as const) : [];
  const webgpu = have.webgpu ? (['webgpu'] as const) : [];
  // A product on TensorFlow.js is slow to check: it mines where it is the only other one.
  const mining = [...(['wasm'] as const), ...(have.native ? native : tfjs)].map((backend) => ({ backend }));
  const verifying = (['wasm', 'reference', ...native, ...tfjs, ...webgpu] as const).map((backend) => ({ backend }));
  const erring = have.tfjs ? [{ backend: 'tfjs', fault: ERRING } as const] : [];
  return { miners: named('miner', [...mining, ...erring]), verifiers: named('verifier', verifying) };
}

/** The first round, once it is closed: its commits by miner, each with what the verifiers said of it. */
async function closedRound(queries: Queries): Promise<{ readonly winner: string; readonly commits: readonly Commit[] }> {
  for (const started = Date.now(); Date.now() - started < LIMIT_MS; await sleep(300)) {
    const round = await queries.round(JOB, 1n).catch(() => undefined);
    if (round?.phase === RoundPhase.ROUND_PHASE_CLOSED) return { winner: round.winner, commits: await queries.commits(JOB, 1n) };
  }
  throw new Error(`waited for the round\n${logsOf(home)}`);
}

/** Every number of a report; digests are each verifier's own. */
function numbers(report: Report | undefined): unknown {
  const { digests, ...rest } = report ?? { digests: [] };
  return { ...rest, steps: digests.length };
}

function backendOf(name: string): string {
  const started = readFileSync(join(home, 'logs', `${name}.log`), 'utf8')
    .split('\n')
    .find((line) => line.includes('"started"'));
  return (JSON.parse(started ?? '{}') as { readonly backend?: string }).backend ?? 'never started';
}

test('miners and verifiers on all backends agree in every number, are paid, and one wrong bit in a device is caught', {
  timeout: 400_000,
}, async () => {
  const port = await basePort();
  node = `http://127.0.0.1:${port + 1}`;
  const { miners, verifiers } = members();
  for (const [i, member] of [...miners, ...verifiers].entries()) configure(member, port + 200 + i);
  const job = join(home, 'job.json');
  writeFileSync(job, JSON.stringify({ ...JOB_FILE, round: { ...JOB_FILE.round, max_commits: miners.length } }));
  const counts = ['--miners', String(miners.length), '--verifiers', String(verifiers.length)];
  running = startLocalnet(home, ['--validators', '1', ...counts, '--job', job, '--base-port', String(port)], FAULTS);
  const ended = running.done.then((run) => {
    throw new Error(`the localnet ended\n${run.output}\n${logsOf(home)}`);
  });
  await Promise.race([running.line(/round +1 +commit/), ended]);
  const queries = createQueries(createRpc(node));
  const { winner, commits } = await Promise.race([closedRound(queries), ended]);
  ended.catch(() => 'later it shall end');
  for (const { name, backend } of [...miners, ...verifiers]) assert.equal(backendOf(name), backend, name);

  const address = new Map(
    openKeyring(join(home, 'keys'), 'pogo')
      .list()
      .map((key) => [key.name, key.address]),
  );
  for (const { name, backend, fault } of miners) {
    const commit = commits.find((c) => c.miner === address.get(name));
    assert.ok(commit !== undefined, `${name} on ${backend} did not commit\n${logsOf(home)}`);
    const attestations: readonly Attestation[] = await queries.attestations(JOB, 1n, commit.miner);
    assert.equal(attestations.length, verifiers.length);
    const [first] = attestations;
    for (const { verifier, report } of attestations)
      assert.deepEqual(numbers(report), numbers(first?.report), `${verifier} of ${name} on ${backend}`);
    const { verdict, fault: found, faultStep, digests } = first?.report ?? {};
    if (fault !== undefined) {
      assert.deepEqual([verdict, found], [Verdict.VERDICT_NEGATIVE, Fault.FAULT_WRONG_STEP]);
      // Training that was called off and began anew has shifted it.
      assert.ok(faultStep !== undefined && faultStep >= 1 && faultStep <= STEPS);
      assert.deepEqual([commit.status, commit.paid], [CommitStatus.COMMIT_STATUS_REJECTED, '0']);
    } else {
      assert.deepEqual([verdict, digests?.length], [Verdict.VERDICT_POSITIVE, STEPS], `${name} on ${backend}`);
      assert.ok(ACCEPTED.includes(commit.status), `${name} on ${backend}: ${commit.status}`);
      assert.ok(commit.loss < commit.parentLoss);
    }
  }
  const won = commits.find((c) => c.miner === winner);
  assert.equal(won?.status, CommitStatus.COMMIT_STATUS_WON);
  assert.ok(BigInt(won.paid) > 0n);
  for (const { name } of verifiers) assert.ok(BigInt((await queries.verifier(address.get(name) ?? ''))?.earned ?? 0) > 0n, `${name} was paid`);
});

test('a backend that differs from the reference refuses to mine, names the operation, and never bonds', { timeout: 120_000 }, async (t) => {
  if (!have.tfjs) return t.skip('TensorFlow.js is not installed');
  const config = configure({ name: 'miner-7', backend: 'tfjs', fault: BROKEN }, 0);
  stray = spawn(POGO_MINER, ['mine', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...FAULTS } });
  let said = '';
  stray.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => stray?.once('close', resolve));
  assert.equal(code, 1);
  assert.match(said, /^pogo-miner: tfjs: differs from the reference; it must not be used \(linear of \w+\)$/m);
  const { address } = openKeyring(join(home, 'keys'), 'pogo').get('miner-7');
  const queries = createQueries(createRpc(node));
  assert.ok((await queries.miners()).length > 0, 'the chain answers');
  assert.equal(await queries.miner(address), undefined);
  return undefined;
});
