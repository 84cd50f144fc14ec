// SPDX-License-Identifier: Apache-2.0
// Checks that run no test: types, lint and format, and whether generated files are what the generator makes.
// Run alone: npm run check
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PROJECT = resolve(import.meta.dirname, '..');

export interface Check {
  readonly name: string;
  /** Undefined when all is well, else what was found. */
  run(): Promise<string | undefined>;
}

/** Runs a program in the project; its output when it failed. */
function command(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn(program, [...args], { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => done(error.message));
    child.once('close', (code) => done(code === 0 ? undefined : output || `${program} ended with exit code ${code}`));
  });
}

const tool = (name: string): string => join(PROJECT, 'node_modules', '.bin', name);

function digests(dir: string): ReadonlyMap<string, string> {
  if (!existsSync(dir)) return new Map();
  const names = readdirSync(dir).sort((a, b) => (a < b ? -1 : 1));
  return new Map(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(dir, name)))
        .digest('hex'),
    ]),
  );
}

async function generated(): Promise<string | undefined> {
  const dir = join(PROJECT, 'proto', 'gen');
  const before = digests(dir);
  const failed = await command(process.execPath, [join(PROJECT, 'proto', 'generate.ts')]);
  if (failed !== undefined) return failed;
  const after = digests(dir);
  const differ = [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
  return differ.length === 0 ? undefined : `proto/gen was not up to date: ${differ.join(', ')} (now it is; commit it)`;
}

export const CHECKS: readonly Check[] = [
  { name: 'types (tsc)', run: () => command(tool('tsc'), ['-p', PROJECT]) },
  { name: 'lint and format (biome ci)', run: () => command(tool('biome'), ['ci', '--colors=off', '.']) },
  { name: 'generated files are those of the generator', run: generated },
];

/** Runs all checks, prints what they found, and tells how many failed. */
export async function runChecks(print: (line: string) => void): Promise<number> {
  let failed = 0;
  for (const check of CHECKS) {
    const found = await check.run();
    print(`${found === undefined ? 'ok  ' : 'FAIL'} ${check.name}`);
    if (found === undefined) continue;
    failed++;
    print(found.trimEnd());
  }
  return failed;
}

if (import.meta.main) process.exitCode = (await runChecks((line) => void process.stdout.write(`${line}\n`))) === 0 ? 0 : 1;
