// SPDX-License-Identifier: Apache-2.0
// Compiles kernels/native.c (and its headers) and kernels/native-sha.c for this very processor, where a C compiler and Node's headers are
// found. Everything works without them, so nothing here fails: build/native.json says what there is, or why not.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('./kernels/', import.meta.url));
const BUILD = join(SOURCES, 'build');
const REPORT = join(BUILD, 'native.json');
const TIME_LIMIT_MS = 120_000;

/**
 * The processor that code is compiled for: on another one it may not run at all. Virtual machines give different
 * processors one name, so on Linux its features count as well. wasm-native.ts computes the same.
 */
export function processorName() {
  const features = existsSync('/proc/cpuinfo') ? (/^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '') : '';
  const digest = createHash('sha256').update(features).digest('hex').slice(0, 16);
  return `${process.arch} ${cpus()[0]?.model ?? 'unknown'} ${digest}`;
}

function headers() {
  const folders = [join(dirname(process.execPath), '..', 'include', 'node'), '/usr/include/node', '/usr/local/include/node'];
  return folders.find((folder) => existsSync(join(folder, 'node_api.h')));
}

/** No contraction of multiply and add, so that each operation rounds once; no errno, so that roots stay in registers. */
const COMMON = ['-O3', '-fPIC', '-ffp-contract=off', '-fno-math-errno', '-Wno-psabi'];
const LINK = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];

/** File, and the flags to try until a compiler takes them. */
const TARGETS = [
  { name: 'native', flags: [['-march=native', '-mprefer-vector-width=512'], ['-march=native'], ['-mcpu=native']] },
  { name: 'native-sha', flags: [['-msse4.1', '-mssse3', '-msha']] },
];

function compile(compiler, include, { name, flags }) {
  let why = '';
  const out = join(BUILD, `${name}.node`);
  const temporary = `${out}.${process.pid}`;
  for (const target of flags) {
    const options = [...COMMON, ...LINK, ...target, `-I${include}`, join(SOURCES, `${name}.c`), '-o', temporary, '-lm'];
    const run = spawnSync(compiler, options, { encoding: 'utf8', timeout: TIME_LIMIT_MS });
    if (run.status === 0) {
      renameSync(temporary, out);
      return '';
    }
    why = run.error?.message ?? run.stderr.split('\n').find((line) => line.includes('error')) ?? `exit status ${run.status}`;
  }
  rmSync(temporary, { force: true });
  rmSync(out, { force: true });
  return why;
}

function fingerprint(version) {
  const hash = createHash('sha256').update(JSON.stringify([version, processorName(), COMMON, LINK, TARGETS]));
  const sources = readdirSync(SOURCES).filter((file) => /\.[ch]$/.test(file));
  for (const file of sources.sort()) hash.update(`${file}\n`).update(readFileSync(join(SOURCES, file)));
  return hash.digest('hex');
}

function lastFingerprint() {
  try {
    return JSON.parse(readFileSync(REPORT, 'utf8')).fingerprint;
  } catch {
    return undefined;
  }
}

function report(content) {
  mkdirSync(BUILD, { recursive: true });
  const temporary = `${REPORT}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(content)}\n`);
  renameSync(temporary, REPORT);
}

/** Builds what is out of date; returns one line that says what was done, or undefined when nothing was. */
export function buildNative() {
  const compiler = process.env.CC || 'cc';
  const include = headers();
  const probe = spawnSync(compiler, ['--version'], { encoding: 'utf8', timeout: TIME_LIMIT_MS });
  const none = include === undefined ? "Node's headers (node_api.h) were not found" : probe.status !== 0 ? `no C compiler (${compiler})` : undefined;
  const expected = none ?? fingerprint(probe.stdout);
  if (lastFingerprint() === expected) return undefined;
  const why = Object.fromEntries(TARGETS.map((target) => [target.name, none ?? compile(compiler, include, target)]));
  report({ fingerprint: expected, processor: processorName(), why });
  return `native kernels: ${TARGETS.map(({ name }) => `${name} ${why[name] === '' ? 'built' : `not built (${why[name]})`}`).join(', ')}`;
}
