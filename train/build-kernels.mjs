// SPDX-License-Identifier: Apache-2.0
// Compiles train/kernels/*.ts (AssemblyScript) to train/kernels/build/*.wasm. Plain JavaScript, since set-up calls it
// before anything else runs. Nothing is done while sources, options and compiler are those of the last build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';

const SOURCES = fileURLToPath(new URL('./kernels/', import.meta.url));
const BUILD = join(SOURCES, 'build');
const MANIFEST = join(BUILD, 'manifest.json');

/** No run time, no traps on overflow; the memory comes from the host and may be shared between threads. */
const OPTIONS = ['--runtime', 'stub', '--noAssert', '-O3', '--enable', 'simd', '--enable', 'threads'].concat([
  '--importMemory',
  '--sharedMemory',
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536',
]);

/** Kernels that need more of the engine than others; where it has none of it, they are left out. */
const RELAXED = ['narrow'];

function kernelNames() {
  return readdirSync(SOURCES)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
    .sort();
}

function fingerprint(names) {
  const { version } = createRequire(import.meta.url)('assemblyscript/package.json');
  const hash = createHash('sha256').update(JSON.stringify([version, OPTIONS, RELAXED]));
  const shared = readdirSync(join(SOURCES, 'shared'))
    .sort()
    .map((file) => `shared/${file}`);
  for (const file of [...names.map((name) => `${name}.ts`), ...shared]) hash.update(`${file}\n`).update(readFileSync(join(SOURCES, file)));
  return hash.digest('hex');
}

function isBuilt(names, expected) {
  if (!existsSync(MANIFEST)) return false;
  try {
    if (JSON.parse(readFileSync(MANIFEST, 'utf8')).fingerprint !== expected) return false;
  } catch {
    return false;
  }
  return names.every((name) => existsSync(join(BUILD, `${name}.wasm`)));
}

/** Each file appears whole or not at all: two set-ups may run at once. */
function put(path, data) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, data);
  renameSync(temporary, path);
}

/** Builds what is out of date; returns the names of the kernels built (none when all was up to date). */
export async function buildKernels() {
  const names = kernelNames();
  const expected = fingerprint(names);
  if (isBuilt(names, expected)) return [];
  const { main } = await import('assemblyscript/asc');
  mkdirSync(BUILD, { recursive: true });
  for (const name of names) {
    let binary;
    const { error, stderr } = await main(
      [`${name}.ts`, ...OPTIONS, ...(RELAXED.includes(name) ? ['--enable', 'relaxed-simd'] : []), '--outFile', `${name}.wasm`],
      {
        readFile: (file) => (existsSync(join(SOURCES, file)) ? readFileSync(join(SOURCES, file), 'utf8') : null),
        writeFile: (file, data) => {
          if (file === `${name}.wasm`) binary = data;
        },
        listFiles: () => [],
      },
    );
    if (error || binary === undefined) throw new Error(`kernels/${name}.ts: ${error?.message ?? 'no output'}\n${stderr.toString()}`);
    put(join(BUILD, `${name}.wasm`), binary);
  }
  put(MANIFEST, `${JSON.stringify({ fingerprint: expected })}\n`);
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildKernels();
  process.stdout.write(built.length === 0 ? 'kernels: up to date\n' : `kernels: built ${built.join(', ')}\n`);
  const native = buildNative();
  if (native !== undefined) process.stdout.write(`${native}\n`);
}
