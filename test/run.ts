// SPDX-License-Identifier: Apache-2.0
// `npm test`: checks, then every test file in processes of their own; the last line counts what passed and failed.
// `npm test -- PART...` runs only the test files whose path contains one of the parts.
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { CHECKS, runChecks } from './check.ts';

const PROJECT = resolve(import.meta.dirname, '..');
const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Counts {
  passed: number;
  failed: number;
}

interface Batch {
  readonly name: string;
  readonly files: readonly string[];
  /** Test files at the same time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
}

/** Whole networks share the machine badly and need long; everything else is small. */
function batches(parts: readonly string[]): readonly Batch[] {
  const all = globSync('test/**/*.test.ts', { cwd: PROJECT })
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .sort((a, b) => (a < b ? -1 : 1));
  const whole = (file: string): boolean => /^test[\\/](e2e|faults)[\\/]/.test(file);
  const cores = Math.max(1, Math.min(availableParallelism(), 4));
  return [
    { name: 'units, properties, vectors, application', files: all.filter((f) => !whole(f)), concurrency: cores, timeoutMs: 240_000 },
    { name: 'end to end and faults', files: all.filter(whole), concurrency: 1, timeoutMs: 600_000 },
  ].filter((batch) => batch.files.length > 0);
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause.stack ?? cause.message)
    .split('\n')
    .slice(0, 25)
    .map((line) => `     ${line}`)
    .join('\n');
}

/** Tests that did not pass and were not left out on purpose: failed, cancelled, or whole files that crashed. */
function failures(c: { readonly tests: number; readonly passed: number; readonly skipped: number; readonly todo: number }): number {
  return c.tests - c.passed - c.skipped - c.todo;
}

async function runBatch(batch: Batch, signal: AbortSignal): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0 };
  print(`-- ${batch.name}: ${batch.files.length} files`);
  const files = batch.files.map((file) => join(PROJECT, file));
  const stream = run({ files, concurrency: batch.concurrency, timeout: batch.timeoutMs, forceExit: false, signal });
  stream.on('test:fail', ({ name, file, details }) => {
    if ((details.error as { failureType?: string }).failureType === 'subtestsFailed') return;
    print(`FAIL ${relative(PROJECT, file ?? '')}: ${name}\n${describe(details.error)}`);
  });
  stream.on('test:stderr', ({ message }) => void process.stderr.write(message));
  stream.on('test:summary', ({ file, counts: c, duration_ms }) => {
    if (file !== undefined) {
      const bad = failures(c);
      print(
        `${bad === 0 ? 'ok  ' : 'FAIL'} ${relative(PROJECT, file)} (${c.passed} passed${bad === 0 ? '' : `, ${bad} failed`}, ${(duration_ms / 1000).toFixed(1)} s)`,
      );
      return;
    }
    counts.passed += c.passed;
    counts.failed += failures(c);
  });
  for await (const _ of stream);
  return counts;
}

const parts = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const total: Counts = { passed: 0, failed: 0 };
if (parts.length === 0) {
  const failed = await runChecks(print);
  total.failed += failed;
  total.passed += CHECKS.length - failed;
}
for (const batch of batches(parts)) {
  if (stop.signal.aborted) break;
  const { passed, failed } = await runBatch(batch, stop.signal);
  total.passed += passed;
  total.failed += failed;
}
if (total.passed + total.failed === 0) total.failed = 1;
if (stop.signal.aborted) print('interrupted');
print(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && !stop.signal.aborted ? 0 : 1;
