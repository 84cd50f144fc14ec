// SPDX-License-Identifier: Apache-2.0
// The pinned CometBFT: from its release archive, checked by SHA-256, else built by Go, which checks it against the
// module checksum database. Plain JavaScript without dependencies: it runs before anything is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** Version, sum of the Go module, and SHA-256 of release archives by platform: the one place for them. */
const PIN = JSON.parse(readFileSync(join(PROJECT, 'abci', 'cometbft.json'), 'utf8'));
export const COMET_VERSION = PIN.version;
const FOLDER = join(PROJECT, '.cache', `cometbft-v${COMET_VERSION}`);

const RELEASE = `https://github.com/cometbft/cometbft/releases/download/v${COMET_VERSION}`;

/** Path of the binary: the environment's POGO_COMETBFT, else the one in the project's cache. It may not exist yet. */
export function findCometBFT() {
  return process.env.POGO_COMETBFT ?? join(FOLDER, process.platform === 'win32' ? 'cometbft.exe' : 'cometbft');
}

function versionOf(binary) {
  const run = spawnSync(binary, ['version'], { encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

function platform() {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  return arch === undefined ? undefined : `${process.platform}_${arch}`;
}

async function fetchBytes(name) {
  const response = await fetch(`${RELEASE}/${name}`, { signal: AbortSignal.timeout(60_000) });
  if (!response.ok) throw new Error(`the release server answered ${response.status} for ${name}`);
  return Buffer.from(await response.arrayBuffer());
}

async function listedChecksum(name) {
  const list = (await fetchBytes(`SHA256SUMS-${COMET_VERSION}.txt`)).toString('utf8');
  const line = list.split('\n').find((l) => l.trim().endsWith(name));
  const sum = line?.trim().split(/\s+/)[0];
  if (sum === undefined || !/^[0-9a-f]{64}$/.test(sum)) throw new Error(`the release lists no SHA-256 for ${name}`);
  return sum;
}

function unpack(name, bytes) {
  const work = mkdtempSync(join(FOLDER, 'unpack-'));
  try {
    writeFileSync(join(work, name), bytes);
    execFileSync('tar', ['-xzf', name], { cwd: work });
    chmodSync(join(work, 'cometbft'), 0o755);
    renameSync(join(work, 'cometbft'), findCometBFT());
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Undefined on success, else why not. */
async function download(say, { pinnedOnly }) {
  const target = platform();
  if (target === undefined) return `there is no release for ${process.platform}-${process.arch}`;
  const pinned = PIN.archives[target];
  if (pinned === undefined && pinnedOnly) return `no checksum is pinned for ${target}`;
  const name = `cometbft_${COMET_VERSION}_${target}.tar.gz`;
  try {
    const expected = pinned ?? (await listedChecksum(name));
    const bytes = await fetchBytes(name);
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got !== expected) return `the archive's SHA-256 is ${got}, expected ${expected}`;
    unpack(name, bytes);
    say(`cometbft ${COMET_VERSION}: release archive, SHA-256 ${pinned === undefined ? 'as the release lists it' : 'as pinned'}`);
    return undefined;
  } catch (error) {
    return `the release archive could not be had (${error.cause?.code ?? error.message})`;
  }
}

/** Undefined on success, else why not. The module's source must have the pinned sum, whatever the Go environment checks. */
function build(say) {
  if (spawnSync('go', ['version']).status !== 0) return 'no Go tool chain was found';
  say(`cometbft ${COMET_VERSION}: building with go install (a minute or two)`);
  const source = `${PIN.module}@v${COMET_VERSION}`;
  const env = { ...process.env, GOBIN: FOLDER, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
  const fetched = spawnSync('go', ['mod', 'download', '-json', source], { env, encoding: 'utf8', cwd: FOLDER });
  if (fetched.status !== 0) return `go mod download failed: ${lastLines(fetched)}`;
  const sum = JSON.parse(fetched.stdout).Sum;
  if (sum !== PIN.goSum) return `the Go module ${source} has the sum ${sum}, expected ${PIN.goSum}`;
  const run = spawnSync('go', ['install', '-trimpath', `${PIN.module}/cmd/cometbft@v${COMET_VERSION}`], { env, encoding: 'utf8' });
  return run.status === 0 ? undefined : `go install failed: ${lastLines(run)}`;
}

function lastLines(run) {
  return (run.stderr || run.stdout || String(run.error)).trim().split('\n').slice(-3).join(' | ');
}

/** Makes sure that the pinned binary is there; resolves to its path. Throws with both reasons when neither way works. */
export async function ensureCometBFT(say) {
  const binary = findCometBFT();
  if (existsSync(binary)) {
    const found = versionOf(binary);
    if (found?.startsWith(COMET_VERSION)) return binary;
    if (process.env.POGO_COMETBFT !== undefined)
      throw new Error(`POGO_COMETBFT=${binary} is version ${found ?? 'unknown'}; ${COMET_VERSION} is required`);
  }
  mkdirSync(FOLDER, { recursive: true });
  const reasons = [];
  for (const way of [() => download(say, { pinnedOnly: true }), () => build(say), () => download(say, { pinnedOnly: false })]) {
    const reason = await way();
    if (reason === undefined) break;
    reasons.push(reason);
  }
  if (!existsSync(binary)) {
    throw new Error(
      `cometbft ${COMET_VERSION} could not be had: ${reasons.join('; ')}. Install Go 1.22 or newer, or set POGO_COMETBFT to a binary of that version.`,
    );
  }
  const found = versionOf(binary);
  if (!found?.startsWith(COMET_VERSION)) throw new Error(`${binary} is version ${found ?? 'unknown'}; ${COMET_VERSION} is required`);
  return binary;
}
