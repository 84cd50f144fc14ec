// SPDX-License-Identifier: Apache-2.0
// Runs the localnet as a person would, in a folder with a space in its name, and reads what it prints.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFree } from '../../localnet/ports.ts';
import type { Result } from '../../localnet/result.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'localnet', 'main.ts');

export interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly result: Result | undefined;
}

export interface Running {
  readonly process: ChildProcess;
  readonly done: Promise<Run>;
  /** Resolves when a line of the output matches. */
  line(pattern: RegExp): Promise<string>;
}

const running = new Set<ChildProcess>();

// A test file that is stopped takes its localnets with it; each of them ends its own children.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** A new folder for a localnet. */
export function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'pogo localnet '));
}

export function removeHome(home: string): void {
  rmSync(home, { recursive: true, force: true });
}

const DAEMONS: readonly number[] = Array.from({ length: 12 }, (_, i) => 200 + i);

/** A port from which on a localnet's are free, below those that the system gives to outgoing connections. */
export async function basePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + 300 * Math.floor(Math.random() * 60);
    const wanted = [0, 1, 10, 11, 20, 21, 30, 31, ...DAEMONS].map((offset) => isFree(port + offset));
    if ((await Promise.all(wanted)).every((free) => free)) return port;
  }
}

/** Starts the localnet with `--json` and further arguments; `env` is for it and all its processes. */
export function startLocalnet(home: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [MAIN, '--json', '--home', home, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let output = '';
  const waiting: { readonly pattern: RegExp; readonly resolve: (line: string) => void }[] = [];
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    const lines = output.split('\n');
    for (const w of [...waiting]) {
      const found = lines.find((l) => w.pattern.test(l));
      if (found === undefined) continue;
      waiting.splice(waiting.indexOf(w), 1);
      w.resolve(found);
    }
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const done = new Promise<Run>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      const last = output.trimEnd().split('\n').at(-1) ?? '';
      resolve({ code, output, result: last.startsWith('{') ? (JSON.parse(last) as Result) : undefined });
    });
  });
  return {
    process: child,
    done,
    line: (pattern) =>
      new Promise((resolve) => {
        waiting.push({ pattern, resolve });
        take(Buffer.alloc(0));
      }),
  };
}

/** Process ids whose command line holds every part. */
export function processesWith(...parts: readonly string[]): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((l) => parts.every((p) => l.includes(p))).map((l) => Number.parseInt(l.trim(), 10));
}

/** The ends of all logs, to explain a failure. */
export function logsOf(home: string): string {
  try {
    const folder = join(home, 'logs');
    return readdirSync(folder)
      .map((f) => `== ${f}\n${readFileSync(join(folder, f), 'utf8').trimEnd().split('\n').slice(-8).join('\n')}`)
      .join('\n');
  } catch {
    return 'no logs';
  }
}
