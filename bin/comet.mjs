// SPDX-License-Identifier: Apache-2.0
// The pinned CometBFT: from its release archive, checked by SHA-256, else built by Go, which checks it against the
// module checksum database. Plain JavaScript without dependencies: it runs before anything is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const COMET_VERSION = '0.38.25';
const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const FOLDER = join(PROJECT, '.cache', `cometbft-${COMET_VERSION}`);
const MODULE = `github.com/cometbft/cometbft/cmd/cometbft@v${COMET_VERSION}`;

const RELEASE = `https://github.com/cometbft/cometbft/releases/download/v${COMET_VERSION}`;

/**
 * SHA-256 of the release archives by platform, e.g. linux_amd64. A platform without an entry is built by Go, whose checksum database
 * vouches for the source; where there is no Go, the archive is checked against the list that the release itself carries.
 */
const PINNED = {};

/** Path of the binary: the environment's COMETBFT, else the one in the project's cache. It may not exist yet. */
export function findCometBFT() {
  return process.env.COMETBFT ?? join(FOLDER, process.platform === 'win32' ? 'cometbft.exe' : 'cometbft');
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
  const pinned = PINNED[target];
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

function build(say) {
  if (spawnSync('go', ['version']).status !== 0) return 'no Go tool chain was found';
  say(`cometbft ${COMET_VERSION}: building with go install (a minute or two)`);
  const run = spawnSync('go', ['install', '-trimpath', MODULE], {
    env: { ...process.env, GOBIN: FOLDER, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' },
    encoding: 'utf8',
  });
  return run.status === 0 ? undefined : `go install failed: ${(run.stderr || String(run.error)).trim().split('\n').slice(-3).join(' | ')}`;
}

/** Makes sure that the pinned binary is there; resolves to its path. Throws with both reasons when neither way works. */
export async function ensureCometBFT(say) {
  const binary = findCometBFT();
  if (existsSync(binary)) {
    const found = versionOf(binary);
    if (found?.startsWith(COMET_VERSION)) return binary;
    if (process.env.COMETBFT !== undefined) throw new Error(`COMETBFT=${binary} is version ${found ?? 'unknown'}; ${COMET_VERSION} is required`);
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
      `cometbft ${COMET_VERSION} could not be had: ${reasons.join('; ')}. Install Go 1.22 or newer, or set COMETBFT to a binary of that version.`,
    );
  }
  const found = versionOf(binary);
  if (!found?.startsWith(COMET_VERSION)) throw new Error(`${binary} is version ${found ?? 'unknown'}; ${COMET_VERSION} is required`);
  return binary;
}
