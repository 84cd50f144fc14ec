// SPDX-License-Identifier: Apache-2.0
// `pogo-miner backends`: what can train here, and how fast.
import type { Command } from 'commander';
import { type BackendReport, reportBackends } from '../work/backend-report.ts';

function line({ name, available, why_not: why, vectors_passed: passed, vectors_failed: failed, steps_per_second: rate }: BackendReport): string {
  const vectors = `${passed} of ${passed + failed} vectors`;
  return `${name.padEnd(10)} ${available ? `ready, ${vectors}, ${rate} steps/s` : why.replace(new RegExp(`^${name}: `), 'not used: ')}`;
}

async function backends(flags: { readonly json?: boolean }): Promise<void> {
  const reports = await reportBackends();
  process.stdout.write(flags.json === true ? `${JSON.stringify(reports)}\n` : `${reports.map(line).join('\n')}\n`);
}

/** Adds `backends`. */
export function addBackendsCommand(program: Command): void {
  program
    .command('backends')
    .description('what can train on this machine: each backend, its vectors and its speed on the MLP 784-128-10')
    .option('--json', 'as JSON')
    .action(backends);
}
