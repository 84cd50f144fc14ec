// SPDX-License-Identifier: Apache-2.0
// pogod: node and command line in one binary, with the verbs and flags of simd.
import { Command, CommanderError } from 'commander';
import { startCommand } from '../abci/command.ts';
import { addComet } from './cli/comet.ts';
import { contextOf } from './cli/context.ts';
import { addExport } from './cli/export.ts';
import { addGenesis } from './cli/genesis.ts';
import { addConfig, addInit } from './cli/init.ts';
import { addKeys } from './cli/keys.ts';
import { note } from './cli/output.ts';
import { endPrompts } from './cli/prompt.ts';
import { addQuery } from './cli/query.ts';
import { addStatus } from './cli/status.ts';
import { addTx } from './cli/tx.ts';
import { addVersion } from './cli/version.ts';

function addStart(program: Command): void {
  const exit = (code: number): void => {
    process.exitCode = code;
  };
  program.addCommand(startCommand((command) => contextOf(command).home, exit));
}

function createProgram(): Command {
  const program = new Command('pogod')
    .description('a node of a chain that trains machine-learning models, and its command line')
    .option('--home <folder>', 'folder of configuration, keys and data (default: $HOME/.pogo)')
    .option('--node <address>', "RPC address of a node (default: client.toml's, tcp://localhost:26657)")
    .option('--chain-id <id>', "chain id (default: client.toml's)")
    .option('--keyring-backend <backend>', 'keyring: test')
    .option('--prefix <prefix>', "prefix of addresses (default: client.toml's, pogo); recorded in the genesis by init")
    .option('-o, --output <format>', 'output: text or json')
    .configureHelp({ showGlobalOptions: true });
  for (const add of [addInit, addConfig, addKeys, addGenesis, addComet, addStart, addStatus, addQuery, addTx, addExport, addVersion]) add(program);
  configure(program);
  return program;
}

/** Errors of the parser become exceptions in every command, so that one place reports them. */
function configure(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const sub of command.commands) configure(sub);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // A group without its verb: commander has shown the help.
    if (error.code === 'commander.help') return 1;
    note(error.message.replace(/^error: /, 'Error: ').replaceAll('\n', ' '));
    return 1;
  }
  note(`Error: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`);
  if (process.env['POGO_TRACE'] === '1' && error instanceof Error) note(error.stack ?? '');
  return 1;
}

async function main(): Promise<number> {
  try {
    await createProgram().parseAsync();
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    return report(error);
  } finally {
    endPrompts();
  }
}

// A reader that goes away early, such as `head`, is no error of ours.
process.stdout.on('error', () => process.exit(0));
process.exitCode = await main();
