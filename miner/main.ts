// SPDX-License-Identifier: Apache-2.0
// The command line of pogo-miner.
import { Command, Option } from 'commander';
import { openKeyring } from '../client/keyring.ts';
import { createQueries } from '../client/query.ts';
import { createRpc } from '../client/rpc.ts';
import { ATTACK_NAMES, attackOf } from './attacks/conduct.ts';
import { failover } from './chain.ts';
import { addBackendsCommand } from './commands/backends.ts';
import { addDataCommands } from './commands/data.ts';
import { addModelCommands } from './commands/model.ts';
import { loadConfig, type MinerConfig } from './config.ts';
import { type RoleName, runDaemon } from './daemon.ts';
import { useNativeHash } from './native.ts';

interface ConfigFlag {
  readonly config: string;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs a role until the first SIGINT or SIGTERM; the second one ends the process at once. */
async function daemon(role: RoleName, flags: ConfigFlag & { readonly attack?: string }): Promise<void> {
  const config = loadConfig(flags.config);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  const conduct = flags.attack === undefined ? undefined : attackOf(flags.attack);
  await runDaemon({ role, config, signal: stop.signal, ...(conduct === undefined ? {} : { conduct }) });
}

async function status({ config: file }: ConfigFlag): Promise<void> {
  const config = loadConfig(file);
  const { address } = openKeyring(config.home, config.prefix).get(config.key);
  const rpc = failover(config.nodes.map((node) => createRpc(node)));
  const queries = createQueries(rpc);
  const [node, miner, verifier, params] = await Promise.all([rpc.status(), queries.miner(address), queries.verifier(address), queries.params()]);
  print(`chain    ${node.chainId}, height ${node.height}`);
  print(`address  ${address}, balance ${await queries.balance(address, params.bondDenom)}${params.bondDenom}`);
  if (miner !== undefined) {
    print(
      `miner    bond ${miner.bond?.amount ?? 0}, commits ${miner.commits}, won ${miner.roundsWon}, earned ${miner.earned}, slashed ${miner.slashed}`,
    );
  }
  if (verifier !== undefined) {
    const { bond, attestations, earned, slashed } = verifier;
    print(`verifier bond ${bond?.amount ?? 0}, attestations ${attestations}, earned ${earned}, slashed ${slashed}`);
  }
  print(`daemon   ${await ownStatus(config)}`);
}

async function ownStatus(config: MinerConfig): Promise<string> {
  try {
    return (await (await fetch(`http://${config.listen}/status`, { signal: AbortSignal.timeout(2000) })).text()).trim();
  } catch {
    return `none listens at ${config.listen}`;
  }
}

function createProgram(): Command {
  const program = new Command('pogo-miner').description('who does the work on a pogo chain: miner, verifier, watcher');
  const config = (): Option => new Option('--config <file>', 'configuration').default('miner.toml');
  const attack = new Option('--attack <kind>', 'be a hostile miner, to see it fail').choices([...ATTACK_NAMES]);
  program
    .command('mine')
    .description('train the open rounds')
    .addOption(config())
    .addOption(attack)
    .action((flags: ConfigFlag) => daemon('mine', flags));
  program
    .command('verify')
    .description("check others' commits and attest")
    .addOption(config())
    .action((flags: ConfigFlag) => daemon('verify', flags));
  program
    .command('watch')
    .description('execute everything again and prove fraud; bonds nothing')
    .addOption(config())
    .action((flags: ConfigFlag) => daemon('watch', flags));
  program
    .command('status')
    .description('what chain and daemon say about the configured account')
    .addOption(config())
    .action((flags: ConfigFlag) => status(flags));
  addBackendsCommand(program);
  addDataCommands(program);
  addModelCommands(program);
  return program;
}

useNativeHash();
// A reader that goes away early, such as `head`, is no error of ours.
process.stdout.on('error', () => process.exit(0));
try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`pogo-miner: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
