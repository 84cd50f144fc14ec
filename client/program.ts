// SPDX-License-Identifier: Apache-2.0
// The command tree. A verb's module is loaded when the verb is asked for, so that `keys` does not wait for the node.
import { Command, CommanderError } from 'commander';
import { note } from './cli/output.ts';

type Add = (program: Command) => void;

/** Verbs with their aliases, in the order of the help. */
const VERBS: readonly { readonly names: readonly string[]; load(): Promise<Add> }[] = [
  { names: ['init'], load: async () => (await import('./cli/init.ts')).addInit },
  { names: ['config'], load: async () => (await import('./cli/init.ts')).addConfig },
  { names: ['keys'], load: async () => (await import('./cli/keys.ts')).addKeys },
  { names: ['genesis'], load: async () => (await import('./cli/genesis.ts')).addGenesis },
  { names: ['comet', 'cometbft', 'tendermint'], load: async () => (await import('./cli/comet.ts')).addComet },
  { names: ['start'], load: async () => (await import('./cli/start.ts')).addStart },
  { names: ['status'], load: async () => (await import('./cli/status.ts')).addStatus },
  { names: ['query', 'q'], load: async () => (await import('./cli/query.ts')).addQuery },
  { names: ['tx'], load: async () => (await import('./cli/tx.ts')).addTx },
  { names: ['export'], load: async () => (await import('./cli/export.ts')).addExport },
  { names: ['version'], load: async () => (await import('./cli/version.ts')).addVersion },
];

/** The verb is the first word that names one; a flag's value that does only loads a module too many. */
function asked(args: readonly string[]): readonly (typeof VERBS)[number][] {
  const found = VERBS.filter(({ names }) => args.some((arg) => names.includes(arg)));
  return found.length === 0 || args.includes('help') ? VERBS : found;
}

/** Errors of the parser become exceptions in every command, so that one place reports them. */
function configure(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const sub of command.commands) configure(sub);
}

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('pogod')
    .description('a node of a chain that trains machine-learning models, and its command line')
    .option('--home <folder>', 'folder of configuration, keys and data (default: $HOME/.pogo)')
    .option('--node <address>', "RPC address of a node (default: client.toml's, tcp://localhost:26657)")
    .option('--chain-id <id>', "chain id (default: client.toml's)")
    .option('--keyring-backend <backend>', 'keyring: test')
    .option('--prefix <prefix>', "prefix of addresses (default: client.toml's, pogo); recorded in the genesis by init")
    .option('-o, --output <format>', 'output: text or json')
    .configureHelp({ showGlobalOptions: true });
  for (const add of await Promise.all(asked(args).map((verb) => verb.load()))) add(program);
  configure(program);
  return program;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // A group without its verb: commander has shown the help.
    if (error.code !== 'commander.help') note(error.message.replace(/^error: /, 'Error: ').replaceAll('\n', ' '));
    return 1;
  }
  note(`Error: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`);
  if (process.env['POGO_TRACE'] === '1' && error instanceof Error) note(error.stack ?? '');
  return 1;
}

/** Runs the command that `args` (without program names) ask for; resolves with the exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await (await createProgram(args)).parseAsync([...args], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    return report(error);
  }
}
