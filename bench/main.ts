// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- NAME [OPTIONS]` runs bench/NAME.ts in a process of its own, so that no benchmark inherits
// another's heap or compiled code. Files with a hyphen in their name are parts of a benchmark.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const [name, ...options] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts' && !file.includes('-'))
  .map((file) => file.slice(0, -3))
  .sort();

if (name === undefined || !names.includes(name)) {
  process.stderr.write(`${name === undefined ? 'usage: bench NAME [OPTIONS]' : `bench: there is no ${name}`}; names: ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  const child = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...options], { stdio: 'inherit' });
  process.exitCode = child.status ?? 1;
}
