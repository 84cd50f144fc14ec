// SPDX-License-Identifier: Apache-2.0
// miner.toml: one strict schema for all three daemons. Relative paths are relative to the file.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { BACKENDS, type BackendName } from './work/backends.ts';

/** A configuration that cannot be used; the text names key and rule. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const httpAddress = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an address that begins with http:// or https://');
const nodeAddress = z.string().regex(/^(https?|tcp):\/\/\S+$/, 'must be an address that begins with http://, https:// or tcp://');
const listenAddress = z.string().regex(/^[^\s:]+:\d{1,5}$/, 'must be HOST:PORT, such as 127.0.0.1:9601');
const amount = z.union([z.int().min(0), z.string().regex(/^\d{1,30}$/, 'must be a whole number')]).transform((value) => BigInt(value));

export interface MinerConfig {
  /** RPC addresses of nodes; the next one is asked when one does not answer. */
  readonly nodes: readonly string[];
  /** Refuses nodes of another chain. */
  readonly chain_id?: string | undefined;
  /** Home folder of the keyring, as `pogod keys` uses it. */
  readonly home: string;
  /** Name of the key that signs. */
  readonly key: string;
  /** Address prefix of the chain. */
  readonly prefix: string;
  /** Price of gas, such as 0.01upogo; nothing is paid without. */
  readonly gas_price?: string | undefined;
  readonly moniker: string;
  /** HOST:PORT where artifacts, /healthz and /status are served. */
  readonly listen: string;
  /** Address under which others reach `listen`. */
  readonly endpoint: string;
  /** Folder for journal, artifacts and states. */
  readonly data: string;
  /** Jobs to take part in, by id; all when empty. */
  readonly jobs: readonly number[];
  readonly backend: BackendName;
  /** Least bond to hold, in the smallest unit of the bond denomination; the chain's minimum when lower. */
  readonly bond: bigint;
  /** Milliseconds between two looks for a new block. */
  readonly poll_ms: number;
  /** Artifacts and states kept on disk besides those of the heads. */
  readonly keep_artifacts: number;
  /** Folder of the four MNIST files; the installed package's without. */
  readonly mnist?: string | undefined;
  /** Folder of one's own data sets, as `pogo-miner data add` makes them; POGO_DATA or ~/.pogo/data without. */
  readonly datasets?: string | undefined;
  /** Watcher: most steps of a commit to execute again; all without. */
  readonly watch_steps?: number | undefined;
  readonly limits: { readonly connections: number; readonly requests_per_address: number; readonly bytes_per_minute: number };
}

const limits = z.strictObject({
  connections: z.int().min(1).max(65_535).default(128),
  requests_per_address: z.int().min(1).default(32),
  bytes_per_minute: z.int().min(1_000_000).default(4_294_967_296),
});

type FileConfig = Omit<MinerConfig, 'endpoint'> & { readonly endpoint?: string | undefined };

const schema: z.ZodType<FileConfig> = z.strictObject({
  nodes: z.array(nodeAddress).min(1, 'must name at least one node'),
  chain_id: z.string().min(1).optional(),
  home: z.string().default('~/.pogo'),
  key: z.string().min(1),
  prefix: z
    .string()
    .regex(/^[a-z][a-z0-9]{1,29}$/, 'must be 2 to 30 lower-case letters or digits')
    .default('pogo'),
  gas_price: z.string().optional(),
  moniker: z.string().max(64).default(''),
  listen: listenAddress.default('127.0.0.1:9601'),
  endpoint: httpAddress.optional(),
  data: z.string().default('./miner-data'),
  jobs: z.array(z.int().min(1)).default([]),
  backend: z.enum(BACKENDS).default('auto'),
  bond: amount.default(0n),
  poll_ms: z.int().min(50).max(60_000).default(250),
  keep_artifacts: z.int().min(1).default(12),
  mnist: z.string().optional(),
  datasets: z.string().optional(),
  watch_steps: z.int().min(0).optional(),
  limits: limits.prefault({}),
});

/** Reads and checks a file. ConfigError names file, key and rule. */
export function loadConfig(file: string): MinerConfig {
  if (!existsSync(file)) throw new ConfigError(`${file}: there is no such file; write one as miner/README.md describes`);
  return parseConfig(readFileSync(file, 'utf8'), file);
}

/** As `loadConfig`, from text; `file` is named in errors and anchors relative paths. */
export function parseConfig(text: string, file: string): MinerConfig {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new ConfigError(`${file}: is not TOML: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new ConfigError(result.error.issues.map((issue) => `${file}: ${describe(issue)}`).join('\n'));
  const config = result.data;
  const path = (text: string): string => absolute(text, dirname(resolve(file)));
  return {
    ...config,
    home: path(config.home),
    data: path(config.data),
    ...(config.mnist === undefined ? {} : { mnist: path(config.mnist) }),
    ...(config.datasets === undefined ? {} : { datasets: path(config.datasets) }),
    endpoint: config.endpoint ?? `http://${config.listen}`,
  };
}

/** Where a configuration says that data sets are. */
export function dataOptionsOf({ mnist, datasets }: Pick<MinerConfig, 'mnist' | 'datasets'>): { readonly mnist?: string; readonly sets?: string } {
  return { ...(mnist === undefined ? {} : { mnist }), ...(datasets === undefined ? {} : { sets: datasets }) };
}

function describe(issue: z.core.$ZodIssue): string {
  const key = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return `${[...issue.path, issue.keys[0]].join('.')}: there is no such key`;
  if (issue.code === 'invalid_type' && issue.input === undefined) return `${key}: is required`;
  return `${key}: ${issue.message}`;
}

function absolute(text: string, folder: string): string {
  if (text === '~' || text.startsWith('~/')) return join(homedir(), text.slice(1));
  return isAbsolute(text) ? text : join(folder, text);
}
