// SPDX-License-Identifier: Apache-2.0
// Child processes of the localnet: each has a log file and a name, none outlives the supervisor.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Started again when it ends by itself, as a service manager would; a child that keeps ending fails the localnet. */
  readonly restart: boolean;
}

export interface Supervisor {
  start(spec: ChildSpec): void;
  /** Process id of a running child. */
  pid(name: string): number | undefined;
  /** Rejects when a child has ended for good. */
  readonly failed: Promise<never>;
  /** SIGTERM to all, SIGKILL to those left after `graceMs`; resolves when all have ended. */
  stop(graceMs?: number): Promise<void>;
}

interface Running {
  readonly spec: ChildSpec;
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
}

/** A child that ends this often within a minute will not stay alive. */
const RESTARTS = 5;
const WINDOW_MS = 60_000;
/** Lets ports and locks of the ended process become free. */
const PAUSE_MS = 1000;
const GRACE_MS = 10_000;

/** Last lines of a log, to say why a child ended. */
export function tail(file: string, lines = 12): string {
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** A supervisor without children. */
export function createSupervisor(): Supervisor {
  const running = new Map<string, Running>();
  const ends = new Map<string, number[]>();
  const timers = new Set<NodeJS.Timeout>();
  let stopping = false;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // A failure that nobody awaits yet must not end the process before the children are stopped.
  failed.catch(() => undefined);

  function ended(spec: ChildSpec, how: string): void {
    running.delete(spec.name);
    if (stopping) return;
    const now = Date.now();
    const recent = [...(ends.get(spec.name) ?? []), now].filter((at) => now - at < WINDOW_MS);
    ends.set(spec.name, recent);
    if (spec.restart && recent.length <= RESTARTS) later(() => start(spec));
    else fail(new Error(`${spec.name} ended (${how}); the end of its log ${spec.logFile}:\n${tail(spec.logFile)}`));
  }

  function later(run: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!stopping) run();
    }, PAUSE_MS);
    timers.add(timer);
  }

  function start(spec: ChildSpec): void {
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const log = openSync(spec.logFile, 'a');
    const child = spawn(spec.command, [...spec.args], { stdio: ['ignore', log, log], env: { ...process.env, ...spec.env } });
    closeSync(log);
    const end = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        resolve();
        ended(spec, error.message);
      });
      child.once('exit', (code, signal) => {
        resolve();
        ended(spec, signal === null ? `exit code ${code}` : `signal ${signal}`);
      });
    });
    running.set(spec.name, { spec, process: child, ended: end });
  }

  async function stop(graceMs: number = GRACE_MS): Promise<void> {
    stopping = true;
    for (const timer of timers) clearTimeout(timer);
    const all = [...running.values()];
    for (const r of all) r.process.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const r of all) if (r.process.exitCode === null && r.process.signalCode === null) r.process.kill('SIGKILL');
    }, graceMs);
    await Promise.all(all.map((r) => r.ended));
    clearTimeout(timer);
  }

  return { start, stop, failed, pid: (name) => running.get(name)?.process.pid };
}
