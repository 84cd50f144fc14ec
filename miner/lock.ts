// SPDX-License-Identifier: Apache-2.0
// One daemon per data folder: two would sign for one account without seeing each other's journal.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';

/** Another live process owns the folder. */
export class LockError extends Error {
  override readonly name = 'LockError';
}

/** Takes the lock and returns its release. A lock whose process is gone (also by kill -9) is taken over. */
export function lock(file: string): () => void {
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, `${process.pid} ${startOf(process.pid)}\n`);
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const [pid, start] = owner(file);
      if (attempt > 0 || isAlive(pid, start)) throw new LockError(`${file}: the data folder is in use by process ${pid}`);
      rmSync(file, { force: true });
    }
  }
}

function owner(file: string): readonly [pid: number, start: string] {
  try {
    const [pid, start] = readFileSync(file, 'utf8').trim().split(' ');
    return [Number(pid), start ?? ''];
  } catch {
    return [0, ''];
  }
}

function isAlive(pid: number, start: string): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return startOf(pid) === start;
}

/** When a process began, in the kernel's ticks, so that a reused process id is not taken for the old one; '-' where the system does not say. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}
