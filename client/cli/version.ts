// SPDX-License-Identifier: Apache-2.0
// pogod version
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { JsonObject } from '../../core/json.ts';
import { contextOf } from './context.ts';
import { print, printLine } from './output.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest;
}

/** Semantic version of this software. */
export function softwareVersion(): string {
  return manifest().version;
}

function longVersion(): JsonObject {
  const { name, version, dependencies } = manifest();
  return {
    name,
    server_name: 'pogod',
    version,
    commit: '',
    build_tags: '',
    node: process.version,
    build_deps: Object.entries(dependencies).map(([dep, at]) => `${dep}@${at}`),
    cosmos_sdk_version: 'v0.53.0',
  };
}

/** Adds `version`. */
export function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version of this software')
    .option('--long', 'with dependencies')
    .action((flags: { readonly long?: boolean }, command: Command) => {
      if (flags.long === true) print(longVersion(), contextOf(command).output);
      else printLine(softwareVersion());
    });
}
