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
  /** Started again when it ends by itself; a child that must stay alive ends the localnet instead. */
  readonly restart: boolean;
}

export interface Supervisor {
  start(spec: ChildSpec): void;
  /** Process id of a running child. */
  pid(name: string): number | undefined;
  /** Rejects when a child that must stay alive has ended. */
  readonly failed: Promise<never>;
  /** SIGTERM to all, SIGKILL to those left after `graceMs`; resolves when all have ended. */
  stop(graceMs?: number): Promise<void>;
}

interface Running {
  readonly spec: ChildSpec;
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
}

const RESTARTS = 5;
const GRACE_MS = 10_000;

/** Last lines of a log, to say why a child ended. */
export function tail(file: string, lines = 12): string {
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** A supervisor without children. */
export function createSupervisor(): Supervisor {
  const running = new Map<string, Running>();
  const restarts = new Map<string, number>();
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
    const count = (restarts.get(spec.name) ?? 0) + 1;
    restarts.set(spec.name, count);
    if (spec.restart && count <= RESTARTS) start(spec);
    else fail(new Error(`${spec.name} ended (${how}); the end of its log ${spec.logFile}:\n${tail(spec.logFile)}`));
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
