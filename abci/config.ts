// SPDX-License-Identifier: Apache-2.0
// config/app.toml: what the operator decides about this application. Names are those of cosmos-sdk 0.53
// (server/config/config.go) where it has them; nothing here may influence the state.
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { parseDec } from '../core/dec.ts';

/** A mistake of the operator: the message names key and rule, and no stack is shown. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export const PRUNING = ['default', 'nothing', 'everything', 'custom'] as const;
export type Transport = 'socket' | 'grpc';
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

const count = (least: number) => z.number().int(`expected an integer of at least ${least}`).min(least, `expected an integer of at least ${least}`);
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values, `expected one of ${values.join(', ')}`);
const PRICES = /^$|^(\d+(\.\d{1,18})?[a-zA-Z][a-zA-Z0-9/:._-]{2,127})(,\d+(\.\d{1,18})?[a-zA-Z][a-zA-Z0-9/:._-]{2,127})*$/;

export interface AppConfig {
  readonly 'minimum-gas-prices': string;
  readonly pruning: (typeof PRUNING)[number];
  readonly 'pruning-keep-recent': number;
  readonly 'halt-height': number;
  readonly log_level: (typeof LOG_LEVELS)[number];
  readonly log_format: 'json' | 'plain';
  readonly store: { readonly 'cache-mib': number };
  readonly abci: { readonly transport: Transport; readonly 'max-frame-mib': number };
}

const shape: z.ZodType<AppConfig> = z.strictObject({
  'minimum-gas-prices': z.string().regex(PRICES, 'expected amounts like 0.025upogo, separated by commas').default(''),
  pruning: oneOf(PRUNING).default('default'),
  'pruning-keep-recent': count(2).default(100),
  'halt-height': count(0).default(0),
  log_level: oneOf(LOG_LEVELS).default('info'),
  log_format: oneOf(['json', 'plain']).default('plain'),
  store: z.strictObject({ 'cache-mib': count(8).default(128) }).prefault({}),
  abci: z
    .strictObject({ transport: oneOf(['socket', 'grpc']).default('socket'), 'max-frame-mib': count(8).max(2047, 'at most 2047').default(64) })
    .prefault({}),
});

/** cosmos-sdk's PruningOptionDefault keeps so many versions: about three weeks of blocks of five seconds. */
const KEEP_DEFAULT = 362_880;

/** How many versions the store keeps; 0 for all. */
export function keptVersions(config: AppConfig): number {
  switch (config.pruning) {
    case 'nothing':
      return 0;
    case 'everything':
      // Two, as cosmos-sdk: the last is proven only by the header after it.
      return 2;
    case 'custom':
      return config['pruning-keep-recent'];
    case 'default':
      return KEEP_DEFAULT;
  }
}

/** Prices per unit of gas by denomination, in units of 10^-18. */
export function minGasPrices(config: AppConfig): ReadonlyMap<string, bigint> {
  const prices = new Map<string, bigint>();
  for (const text of config['minimum-gas-prices'].split(',').filter((t) => t !== '')) {
    const [, amount = '', denom = ''] = /^([\d.]+)(.*)$/.exec(text) ?? [];
    prices.set(denom, parseDec(amount, 'minimum-gas-prices'));
  }
  return prices;
}

/** Checks values of app.toml, or of flags under the same names. Throws ConfigError naming the key and the rule. */
export function checkConfig(values: unknown, where: string): AppConfig {
  const parsed = shape.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const key = [...(issue?.path ?? []), ...unknown].join('.');
  throw new ConfigError(`${where}: ${key || 'content'}: ${unknown.length > 0 ? 'there is no such key' : (issue?.message ?? 'not valid')}`);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads app.toml with `overrides` (from flags) on top; defaults when there is no file. */
export function readConfig(path: string, overrides: Readonly<Record<string, unknown>> = {}): AppConfig {
  let values: Record<string, unknown> = {};
  if (existsSync(path)) {
    try {
      values = parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw new ConfigError(`${path}: ${error instanceof Error ? error.message : 'not TOML'}`);
    }
  }
  checkConfig(values, path);
  const merged = { ...values };
  for (const [key, value] of Object.entries(overrides)) {
    if (value !== undefined) merged[key] = isTable(value) && isTable(merged[key]) ? { ...merged[key], ...value } : value;
  }
  return checkConfig(merged, 'flags');
}

/** app.toml of a new home, with every key at its default and a sentence about it. */
export function appToml(options: { readonly minimumGasPrices?: string } = {}): string {
  return `# Configuration of the application. CometBFT's is in config.toml beside it.

# The least price of gas that this node accepts into its mempool, such as "0.025upogo"; several by commas, any one suffices.
minimum-gas-prices = "${options.minimumGasPrices ?? ''}"

# Which past states stay readable: default (the last ${KEEP_DEFAULT}), nothing (is pruned: all stay), everything (but the last two), custom.
pruning = "default"
# With custom: how many of the last states stay.
pruning-keep-recent = 100

# Stop before executing a block above this height, for a planned upgrade; 0 for never.
halt-height = 0

# ${LOG_LEVELS.join(', ')}
log_level = "info"
# plain or json
log_format = "plain"

[store]
# Bound on the state's nodes held in memory.
cache-mib = 128

[abci]
# How CometBFT reaches the application: socket or grpc.
transport = "socket"
# Longest request; at least twice the chain's block.max_bytes.
max-frame-mib = 64
`;
}
