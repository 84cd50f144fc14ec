// SPDX-License-Identifier: Apache-2.0
// CometBFT as a child process: where its program is, how it starts, how it ends, and what its last words mean.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import cometbft from './cometbft.json' with { type: 'json' };
import { ConfigError } from './config.ts';

export const COMETBFT_VERSION: string = cometbft.version;

/** Where the project's set-up leaves the program. */
export function cachedCometPath(): string {
  const root = resolve(fileURLToPath(import.meta.url), '..', '..');
  return join(root, '.cache', `cometbft-v${COMETBFT_VERSION}`, process.platform === 'win32' ? 'cometbft.exe' : 'cometbft');
}

/** The CometBFT program of the pinned version: `POGO_COMETBFT`, the project's cache, or PATH. Throws ConfigError when there is none. */
export function findComet(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env['POGO_COMETBFT'];
  if (chosen !== undefined && chosen !== '') {
    const version = versionOf(chosen);
    if (version !== COMETBFT_VERSION)
      throw new ConfigError(`POGO_COMETBFT: ${chosen} is CometBFT ${version ?? 'of no known version'}; ${COMETBFT_VERSION} is needed`);
    return chosen;
  }
  const cached = cachedCometPath();
  if (existsSync(cached)) return cached;
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, 'cometbft');
    if (dir !== '' && existsSync(path) && versionOf(path) === COMETBFT_VERSION) return path;
  }
  throw new ConfigError(`CometBFT ${COMETBFT_VERSION} is not installed; "npm start" or "npm test" fetch it, or set POGO_COMETBFT to its path`);
}

function versionOf(path: string): string | undefined {
  try {
    return execFileSync(path, ['version'], { encoding: 'utf8', timeout: 10_000 }).trim().split('+')[0];
  } catch {
    return undefined;
  }
}

export interface CometEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its log. */
  readonly lastLines: readonly string[];
}

export interface Comet {
  readonly pid: number | undefined;
  readonly ended: Promise<CometEnd>;
  /** SIGTERM, and SIGKILL when it does not end within `graceMs`. */
  stop(graceMs?: number): Promise<CometEnd>;
}

const LAST_LINES = 20;

/** The end of a log: its last lines, or what a panic says before the stacks of all its goroutines. */
class LastWords {
  #lines: string[] = [];
  #panic: string[] | undefined;
  #stacks = false;

  hear(line: string): void {
    if (this.#panic === undefined && /^(panic|fatal error):/.test(line)) this.#panic = [];
    if (/^goroutine \d+ /.test(line)) this.#stacks = true;
    if (this.#panic !== undefined && !this.#stacks) this.#panic.push(line);
    this.#lines.push(line);
    if (this.#lines.length > LAST_LINES) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#panic ?? this.#lines;
  }
}

/** Starts `cometbft ARGS`; each line of its output goes to `onLine`. */
export function startComet(program: string, args: readonly string[], onLine: (line: string) => void): Comet {
  const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const words = new LastWords();
  const keep = (line: string): void => {
    words.hear(line);
    onLine(line);
  };
  eachLine(child.stdout, keep);
  eachLine(child.stderr, keep);
  const ended = new Promise<CometEnd>((resolveEnd) => {
    child.once('error', (error) => resolveEnd({ code: null, signal: null, lastLines: [error.message] }));
    // 'close' comes after the last output, 'exit' may come before it.
    child.once('close', (code, signal) => resolveEnd({ code, signal, lastLines: words.lines }));
  });
  return { pid: child.pid, ended, stop: (graceMs = 10_000) => stop(child, ended, graceMs) };
}

async function stop(child: ChildProcess, ended: Promise<CometEnd>, graceMs: number): Promise<CometEnd> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const end = await ended;
  clearTimeout(timer);
  return end;
}

function eachLine(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream?.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

const MIXED = 'the home mixes data of two times; restore both from one backup or reset both';

const KNOWN_ENDS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /listen tcp[46]? (\S+): bind: address already in use/,
    (m) => `port in use: ${m[1]} is taken by another process; stop it, or choose another with --rpc.laddr or --p2p.laddr`,
  ],
  [/no space left on device/, () => 'the disk is full; free some space and start again'],
  [/(?:resource temporarily unavailable|LOCK: )/, () => 'its database is open in another process; stop that one first'],
  [/app block height \((\d+)\) is higher than core \((\d+)\)/i, (m) => ahead(m[1], m[2])],
  [/reset CometBFT without resetting your application's data/, () => `CometBFT lacks the blocks of the application's state: ${MIXED}`],
  [
    /app block height \((\d+)\) is too far below block store base/,
    () => 'the application is older than the blocks that this node has kept; restore or reset both',
  ],
];

function ahead(app = '', core = ''): string {
  return `the application is at height ${app}, CometBFT at ${core}: ${MIXED}`;
}

/** What the end of CometBFT means in words that say what to do; undefined when it is none of the usual reasons. */
export function explainEnd(end: CometEnd): string | undefined {
  const log = end.lastLines.join('\n');
  for (const [pattern, say] of KNOWN_ENDS) {
    const match = pattern.exec(log);
    if (match !== null) return say(match);
  }
  return undefined;
}
