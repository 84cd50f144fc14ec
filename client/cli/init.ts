// SPDX-License-Identifier: Apache-2.0
// pogod init and pogod config
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { writeNodeConfig } from '../../abci/home.ts';
import { checkDenom } from '../../core/coin.ts';
import type { Json } from '../../core/json.ts';
import { UsageError } from '../errors.ts';
import { checkChainId, newGenesis, validateGenesis, writeGenesis } from '../genesis.ts';
import { ensureNodeKeys, readNodeKey } from '../node-keys.ts';
import { privateKeyOf } from '../signer.ts';
import { CLIENT_KEYS, readClientConfig, writeClientConfig } from './client-config.ts';
import { configPath, contextOf } from './context.ts';
import { print, printLine } from './output.ts';
import { ask } from './prompt.ts';

interface InitFlags {
  readonly chainId?: string;
  readonly prefix?: string;
  readonly defaultDenom: string;
  readonly overwrite?: boolean;
  readonly recover?: boolean;
}

function checkMoniker(moniker: string): void {
  if (moniker.trim() === '' || moniker.length > 70) throw new UsageError('moniker: expected 1 to 70 characters');
}

async function recovered(): Promise<string> {
  const mnemonic = (await ask('> Enter your bip39 mnemonic')).trim();
  privateKeyOf(mnemonic);
  return mnemonic;
}

async function init(moniker: string, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<InitFlags>();
  const ctx = contextOf(command);
  const chainId = flags.chainId ?? `test-chain-${randomBytes(3).toString('hex')}`;
  checkMoniker(moniker);
  checkChainId(chainId);
  try {
    checkDenom(flags.defaultDenom, 'default-denom');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const path = configPath(ctx, 'genesis.json');
  if (existsSync(path) && flags.overwrite !== true) throw new UsageError(`genesis.json exists already: ${path} (use --overwrite to replace it)`);
  const mnemonic = flags.recover === true ? await recovered() : undefined;
  const prefix = flags.prefix ?? 'pogo';
  const time = BigInt(Date.now()) * 1_000_000n;
  const genesis = newGenesis({ chainId, addressPrefix: prefix, bondDenom: flags.defaultDenom }, time);
  validateGenesis(genesis);
  ensureNodeKeys(ctx.home, mnemonic);
  writeNodeConfig(ctx.home, { moniker });
  writeClientConfig(ctx.home, { 'chain-id': chainId, 'address-prefix': prefix });
  writeGenesis(path, genesis);
  const app_message = genesis.app_state as Json;
  print({ moniker, chain_id: chainId, node_id: readNodeKey(ctx.home).id, gentxs_dir: configPath(ctx, 'gentx'), app_message }, 'json');
}

/** Adds `init`. */
export function addInit(program: Command): void {
  program
    .command('init <moniker>')
    .description('create the configuration, the keys of the node, and the genesis of a new chain')
    .option('--default-denom <denom>', 'bond denomination, recorded in the genesis', 'upogo')
    .option('--overwrite', 'replace genesis.json; keys stay')
    .option('--recover', 'derive the validator key from a mnemonic given on standard input')
    .action((moniker: string, _flags: object, command: Command) => init(moniker, command));
}

/** Adds `config`. */
export function addConfig(program: Command): void {
  const config = program.command('config').description("read and change the command line's own settings (config/client.toml)");
  config
    .command('set <file> <key> <value>')
    .description('change a setting; the file is "client"')
    .action((file: string, key: string, value: string, _flags: object, command: Command) => {
      if (file !== 'client') throw new UsageError(`file: expected client, got "${file}"`);
      if (!CLIENT_KEYS.includes(key)) throw new UsageError(`key: expected one of ${CLIENT_KEYS.join(', ')}, got "${key}"`);
      writeClientConfig(contextOf(command).home, { [key]: value });
    });
  config
    .command('get <file> <key>')
    .description('print a setting; the file is "client"')
    .action((file: string, key: string, _flags: object, command: Command) => {
      if (file !== 'client') throw new UsageError(`file: expected client, got "${file}"`);
      const value = (readClientConfig(contextOf(command).home) as unknown as Record<string, string>)[key];
      if (value === undefined) throw new UsageError(`key: expected one of ${CLIENT_KEYS.join(', ')}, got "${key}"`);
      printLine(value);
    });
}
