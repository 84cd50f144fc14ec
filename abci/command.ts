// SPDX-License-Identifier: Apache-2.0
// Flags of `pogod start`, named as in simd and in CometBFT.
import { Command, InvalidArgumentError, Option } from 'commander';
import { LOG_LEVELS, PRUNING } from './config.ts';
import { type StartOptions, startNode } from './start.ts';

/** Flags that are keys of app.toml. */
const APP_FLAGS: readonly Option[] = [
  new Option('--minimum-gas-prices <prices>', 'least price of gas for the mempool, such as 0.025upogo'),
  new Option('--pruning <strategy>', 'which past states stay readable').choices([...PRUNING]),
  new Option('--pruning-keep-recent <n>', 'states that stay, with --pruning custom').argParser(integer),
  new Option('--halt-height <n>', 'stop before executing a block above this height').argParser(integer),
  new Option('--log_level <level>', 'of the application').choices([...LOG_LEVELS]),
  new Option('--log_format <format>', 'of the application').choices(['plain', 'json']),
];

/** Flags that go to `cometbft start` as they are. */
const COMET_FLAGS: readonly Option[] = [
  new Option('--rpc.laddr <address>', 'where CometBFT serves its RPC'),
  new Option('--rpc.pprof_laddr <address>', 'where CometBFT serves profiles'),
  new Option('--p2p.laddr <address>', 'where CometBFT listens for peers'),
  new Option('--p2p.external-address <address>', 'host:port that peers are told'),
  new Option('--p2p.persistent_peers <peers>', 'id@host:port, separated by commas'),
  new Option('--p2p.seeds <peers>', 'id@host:port, separated by commas'),
  new Option('--moniker <name>', 'a name for people'),
  new Option('--priv_validator_laddr <address>', 'listen here for a remote signer'),
];

function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('expected an integer');
  return Number(text);
}

function withComet(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('expected true or false');
  return text === 'true';
}

type Flags = Readonly<Record<string, unknown>>;

function pick(flags: Flags, options: readonly Option[]): Record<string, unknown> {
  const named = options.map((o) => [(o.long ?? '').slice(2), flags[o.attributeName()]] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}

function startOptions(home: string, flags: Flags): StartOptions {
  const config = { ...pick(flags, APP_FLAGS), ...(flags['transport'] === undefined ? {} : { abci: { transport: flags['transport'] } }) };
  const { address, withComet: own } = flags as { address?: string; withComet: boolean };
  return { home, withComet: own, config, comet: pick(flags, COMET_FLAGS) as Record<string, string>, ...(address === undefined ? {} : { address }) };
}

/**
 * The command `start`. `homeOf` tells the home folder of the command that runs (the flag may belong to the program);
 * `exit` gets the exit code once everything is closed.
 */
export function startCommand(homeOf: (command: Command) => string, exit: (code: number) => void): Command {
  const command = new Command('start').description('run the node: this application and, as its child, CometBFT');
  command.option('--with-comet <bool>', 'false to run the application alone', withComet, true);
  command.option('--address <address>', 'where the application listens: unix:///path or tcp://host:port; a socket in the home unless told');
  command.addOption(new Option('--transport <name>', 'how CometBFT reaches the application').choices(['socket', 'grpc']));
  for (const option of [...APP_FLAGS, ...COMET_FLAGS]) command.addOption(option);
  return command.action(async (flags: Flags, self: Command) => exit(await startNode(startOptions(homeOf(self), flags))));
}
