// SPDX-License-Identifier: Apache-2.0
// What every command gets: flags, then config/client.toml, then defaults.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import { type Keyring, openKeyring } from '../keyring.ts';
import { createRpc, type Rpc } from '../rpc.ts';
import { type ClientConfig, readClientConfig } from './client-config.ts';
import type { OutputFormat } from './output.ts';

export interface GlobalFlags {
  readonly home?: string;
  readonly node?: string;
  readonly chainId?: string;
  readonly keyringBackend?: string;
  readonly output?: string;
  readonly prefix?: string;
}

export interface CliContext {
  readonly home: string;
  readonly config: ClientConfig;
  /** Empty when neither flag nor file gives one. */
  readonly chainId: string;
  readonly prefix: string;
  readonly output: OutputFormat;
  rpc(): Rpc;
  keyring(): Keyring;
}

/** Path of a file in the home's `config` folder. */
export function configPath(ctx: Pick<CliContext, 'home'>, name: string): string {
  return join(ctx.home, 'config', name);
}

/** Context of the command that runs. Throws UsageError naming the flag. */
export function contextOf(command: Command): CliContext {
  const flags = command.optsWithGlobals<GlobalFlags>();
  const home = resolve(flags.home ?? process.env['POGOD_HOME'] ?? join(homedir(), '.pogo'));
  const config = readClientConfig(home);
  const output = flags.output ?? config.output;
  if (output !== 'text' && output !== 'json') throw new UsageError(`output: expected text or json, got "${output}"`);
  if (flags.keyringBackend !== undefined && flags.keyringBackend !== 'test')
    throw new UsageError(`keyring-backend: only "test" is supported, got "${flags.keyringBackend}"`);
  const prefix = flags.prefix ?? config['address-prefix'];
  if (!/^[a-z][a-z0-9]{1,29}$/.test(prefix))
    throw new UsageError(`prefix: expected 2 to 30 lower-case letters or digits, beginning with a letter, got "${prefix}"`);
  return {
    home,
    config,
    chainId: flags.chainId ?? config['chain-id'],
    prefix,
    output,
    rpc: () => createRpc(flags.node ?? config.node),
    keyring: () => openKeyring(home, prefix),
  };
}

/** A flag's integer; throws UsageError naming flag and rule. */
export function integerFlag(text: string, flag: string, least = 0n): bigint {
  if (!/^\d{1,19}$/.test(text) || BigInt(text) < least) throw new UsageError(`${flag}: expected an integer of at least ${least}, got "${text}"`);
  return BigInt(text);
}
