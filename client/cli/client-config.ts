// SPDX-License-Identifier: Apache-2.0
// config/client.toml: what the command line uses when a flag is absent.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { readText, writeFile } from '../files.ts';

const shape = z.strictObject({
  'chain-id': z.string().default(''),
  'keyring-backend': z.literal('test', { error: 'only "test" is supported' }).default('test'),
  output: z.enum(['text', 'json']).default('text'),
  node: z.string().default('tcp://localhost:26657'),
  'broadcast-mode': z.enum(['sync', 'block']).default('sync'),
  'address-prefix': z
    .string()
    .regex(/^[a-z][a-z0-9]{1,29}$/, 'must be 2 to 30 lower-case letters or digits, beginning with a letter')
    .default('pogo'),
});

export interface ClientConfig {
  readonly 'chain-id': string;
  readonly 'keyring-backend': 'test';
  readonly output: 'text' | 'json';
  readonly node: string;
  readonly 'broadcast-mode': 'sync' | 'block';
  readonly 'address-prefix': string;
}

export const CLIENT_KEYS: readonly string[] = Object.keys(shape.shape);

/** Path of the file in a home folder. */
export function clientConfigPath(home: string): string {
  return join(home, 'config', 'client.toml');
}

function check(value: unknown, path: string): ClientConfig {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UsageError(`${path}: ${issue?.path.join('.') || 'content'}: ${issue?.message}`);
}

/** Settings of a home folder; the defaults when it has no file. Throws UsageError naming key and rule. */
export function readClientConfig(home: string): ClientConfig {
  const path = clientConfigPath(home);
  if (!existsSync(path)) return shape.parse({});
  let value: unknown;
  try {
    value = parse(readText(path, 'client config'));
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  return check(value, path);
}

/** Writes the settings with those of `changes` replaced. */
export function writeClientConfig(home: string, changes: Readonly<Record<string, string>>): void {
  const path = clientConfigPath(home);
  writeFile(path, `${stringify(check({ ...readClientConfig(home), ...changes }, path))}\n`);
}
