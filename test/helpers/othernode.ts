// SPDX-License-Identifier: Apache-2.0
// Runs one of our programs as plain JavaScript on another major version of Node, where there is one on the PATH.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const major = (version: string): string => version.slice(1).split('.')[0] ?? '';

/** Path of a Node from 20 on whose major version is not that of this process. */
export function otherNode(): string | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const node = join(dir, 'node');
    if (!existsSync(node)) continue;
    const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '';
    if (Number(major(version)) >= 20 && major(version) !== major(process.version)) return node;
  }
  return undefined;
}

/** Standard output of `source` (a .ts file, relative to the repository) compiled to JavaScript and run by `node`. */
export function runOn(node: string, source: string, args: readonly string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'pogo-js-'));
  try {
    const out = join(dir, 'out');
    const compilerOptions = {
      noEmit: false,
      declaration: false,
      isolatedDeclarations: false,
      outDir: out,
      rootDir: ROOT,
      typeRoots: [join(ROOT, 'node_modules/@types')],
    };
    writeFileSync(
      join(dir, 'tsconfig.json'),
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [join(ROOT, source)], exclude: [] }),
    );
    const compiled = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', dir], { encoding: 'utf8' });
    if (!existsSync(out)) throw new Error(`tsc wrote nothing: ${compiled.stdout}${compiled.stderr}`);
    symlinkSync(join(ROOT, 'node_modules'), join(out, 'node_modules'));
    writeFileSync(join(out, 'package.json'), '{"type":"module"}');
    const run = spawnSync(node, [join(out, source.replace(/\.ts$/, '.js')), ...args], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`${node}: ${run.stderr}`);
    return run.stdout;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
