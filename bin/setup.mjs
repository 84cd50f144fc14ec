// SPDX-License-Identifier: Apache-2.0
// What `npm start` and `npm test` run first, on any Node from 20 on: installs by the lockfile, builds the WASM kernels,
// gets CometBFT, then goes on under the pinned Node. Plain JavaScript without dependencies.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureCometBFT } from './comet.mjs';

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const STAMP = join(PROJECT, 'node_modules', '.pogo-lock');
const LEAST = [22, 18];

/** Scripts by verb: entry, whether kernels and CometBFT are needed. */
const VERBS = {
  start: { entry: 'localnet/main.ts', kernels: true, comet: true },
  test: { entry: 'test/run.ts', kernels: true, comet: true },
  check: { entry: 'test/check.ts', kernels: false, comet: false },
  gen: { entry: 'proto/generate.ts', kernels: false, comet: false },
  bench: { entry: 'bench/main.ts', kernels: true, comet: false },
  kernels: { entry: undefined, kernels: true, comet: false },
  setup: { entry: undefined, kernels: true, comet: true },
};

const say = (line) => process.stderr.write(`${line}\n`);

function fail(message) {
  say(`setup: ${message}`);
  process.exit(1);
}

function install() {
  const digest = createHash('sha256')
    .update(readFileSync(join(PROJECT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return;
  say('setup: installing dependencies by the lockfile');
  const run = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PROJECT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (run.status !== 0)
    fail(
      `npm ci failed${run.error === undefined ? '' : ` (${run.error.message})`}; is the package registry reachable, and is there room on the disk?`,
    );
  writeFileSync(STAMP, digest);
}

/** The pinned Node from node_modules; this one where no package carries a binary for the platform. */
function pinnedNode() {
  const pinned = join(PROJECT, 'node_modules', '.bin', 'node');
  if (existsSync(pinned) && spawnSync(pinned, ['--version']).status === 0) return pinned;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) {
    say(`setup: no pinned Node for ${process.platform}-${process.arch}; going on with ${process.version}`);
    return process.execPath;
  }
  return fail(
    `no pinned Node for ${process.platform}-${process.arch}, and ${process.version} is older than ${LEAST.join('.')}; install a newer Node`,
  );
}

function buildKernels(node) {
  const run = spawnSync(node, [join(PROJECT, 'train', 'build-kernels.mjs')], { cwd: PROJECT, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) fail('the WASM kernels could not be built');
}

/** Runs the entry as a child with this terminal; its end is ours, and signals reach it once. */
function runEntry(node, entry, args) {
  const child = spawn(node, [join(PROJECT, entry), ...args], { stdio: 'inherit' });
  // A terminal's Ctrl-C reaches the child by itself; a signal sent to this process alone is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(error.message));
  child.once('exit', (code, signal) => process.exit(signal === null ? code : 128 + (constants.signals[signal] ?? 0)));
}

const [verb = '', ...args] = process.argv.slice(2);
const plan = VERBS[verb];
if (plan === undefined) fail(`unknown verb "${verb}"; one of ${Object.keys(VERBS).join(', ')}`);
mkdirSync(join(PROJECT, '.cache'), { recursive: true });
install();
const node = pinnedNode();
const help = args.includes('--help') || args.includes('-h');
if (plan.kernels && !help) buildKernels(node);
if (plan.comet && !help) {
  try {
    await ensureCometBFT(say);
  } catch (error) {
    fail(error.message);
  }
}
if (plan.entry !== undefined) runEntry(node, plan.entry, args);
