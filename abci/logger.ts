// SPDX-License-Identifier: Apache-2.0
import { type Logger, pino } from 'pino';
import type { AppConfig } from './config.ts';

const LABELS: Readonly<Record<number, string>> = { 10: 'TRC', 20: 'DBG', 30: 'INF', 40: 'WRN', 50: 'ERR', 60: 'FTL' };

/** One JSON log record as a line for people. */
export function plainLine(record: string): string {
  const { level, time, msg, ...rest } = JSON.parse(record) as Record<string, unknown> & { level: number; time: number; msg?: string };
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${new Date(time).toISOString().slice(11, 23)} ${LABELS[level] ?? level} ${msg ?? ''}${fields.join('')}\n`;
}

/** The node's logger, to standard output. Synchronous: the last line before a crash is the one that is needed. */
export function createLogger(config: Pick<AppConfig, 'log_level' | 'log_format'>): Logger {
  const options = { level: config.log_level, base: null };
  if (config.log_format === 'json') return pino(options, pino.destination({ fd: 1, sync: true }));
  return pino(options, { write: (record: string) => void process.stdout.write(plainLine(record)) });
}
