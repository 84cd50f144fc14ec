// SPDX-License-Identifier: Apache-2.0
// What a daemon tells: JSON logs, and on a terminal one line that is rewritten.
import { join } from 'node:path';
import { destination, type Logger, pino } from 'pino';
import type { RoleStatus } from './role.ts';

export interface Report {
  readonly log: Logger;
  /** Shows the state; does nothing without a terminal. */
  show(status: RoleStatus): void;
  /** Leaves the terminal as it was found. */
  end(): void;
}

/** On a terminal the logs go to a file in the data folder, else to standard output. */
export function createReport(role: string, data: string, terminal: boolean = process.stdout.isTTY === true): Report {
  const target = terminal ? join(data, `${role}.log`) : 1;
  const log = pino({ name: `pogo-${role}`, base: { name: `pogo-${role}` } }, destination({ dest: target, sync: true, mkdir: true }));
  let width = 0;
  return {
    log,
    show(status) {
      if (!terminal) return;
      const counts = Object.entries(status.counts).map(([name, count]) => `${name} ${count}`);
      const line = `${role} · height ${status.height} · ${status.activity} · ${counts.join(', ')}`.slice(0, (process.stdout.columns ?? 120) - 1);
      process.stdout.write(`\r${line.padEnd(width)}`);
      width = line.length;
    },
    end() {
      if (terminal && width > 0) process.stdout.write('\n');
    },
  };
}
