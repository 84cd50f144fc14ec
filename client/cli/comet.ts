// SPDX-License-Identifier: Apache-2.0
// pogod comet … (alias tendermint)
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { base64 } from '@scure/base';
import type { Command } from 'commander';
import { formatAddress } from '../../core/address.ts';
import { readNodeKey, readValidatorKey, resetValidatorState } from '../node-keys.ts';
import { contextOf } from './context.ts';
import { note, printLine } from './output.ts';

const VALIDATOR_STATE = 'priv_validator_state.json';

function resetAll(home: string, keepAddressBook: boolean): void {
  const data = join(home, 'data');
  if (existsSync(data)) {
    for (const name of readdirSync(data)) if (name !== VALIDATOR_STATE) rmSync(join(data, name), { recursive: true });
  }
  if (!keepAddressBook) rmSync(join(home, 'config', 'addrbook.json'), { force: true });
  resetValidatorState(home);
  note(`Removed the chain's data in ${data}. The key may now sign the same heights again: never use it for the same chain elsewhere.`);
}

/** Adds `comet` and its commands. */
export function addComet(program: Command): void {
  const comet = program.command('comet').aliases(['cometbft', 'tendermint']).description('CometBFT subcommands');
  comet
    .command('show-node-id')
    .description("show this node's id")
    .action((_flags: object, command: Command) => printLine(readNodeKey(contextOf(command).home).id));
  comet
    .command('show-validator')
    .description("show this node's validator public key")
    .action((_flags: object, command: Command) => {
      const { publicKey } = readValidatorKey(contextOf(command).home);
      printLine(JSON.stringify({ '@type': '/cosmos.crypto.ed25519.PubKey', key: base64.encode(publicKey) }));
    });
  comet
    .command('show-address')
    .description("show this node's consensus address")
    .action((_flags: object, command: Command) => {
      const ctx = contextOf(command);
      printLine(formatAddress(readValidatorKey(ctx.home).address, ctx.prefix, 'valcons'));
    });
  comet
    .command('unsafe-reset-all')
    .description("remove the chain's data and what the validator key has signed; the node must be stopped")
    .option('--keep-addr-book', 'keep the address book')
    .action((flags: { readonly keepAddrBook?: boolean }, command: Command) => resetAll(contextOf(command).home, flags.keepAddrBook === true));
}
