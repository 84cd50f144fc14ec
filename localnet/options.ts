// SPDX-License-Identifier: Apache-2.0
// Command line of `npm start`.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';

/** Root folder of the project. */
export const PROJECT: string = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Hostile miners that can be added; miner/attacks builds them. */
export const ATTACKS: readonly string[] = ['fake-loss', 'wrong-leaf', 'adaptive', 'no-training', 'silent', 'copycat', 'stale'];

export interface LocalnetOptions {
  /** Stop after this many rounds finalised in this run; undefined to go on until stopped. */
  readonly rounds: number | undefined;
  /** Preset name or path of a job file. */
  readonly job: string;
  readonly attack: string | undefined;
  readonly validators: number;
  readonly miners: number;
  readonly verifiers: number;
  readonly home: string;
  readonly reset: boolean;
  readonly basePort: number;
  readonly json: boolean;
  /** Give up when no round is finalised for this long. */
  readonly patienceS: number;
}

function integer(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!/^\d+$/.test(text) || n < least || n > most) throw new InvalidArgumentError(`${name} must be an integer from ${least} to ${most}.`);
    return n;
  };
}

function jobName(text: string): string {
  if (text.endsWith('.json') && !existsSync(resolve(text))) throw new InvalidArgumentError(`the job file ${text} does not exist.`);
  return text.endsWith('.json') ? resolve(text) : text;
}

/** Options of `argv` (without node and script); prints help or an error and exits on those. */
export function parseOptions(argv: readonly string[]): LocalnetOptions {
  const command = new Command('npm start --')
    .description('Runs a local chain that trains a real model: validators on CometBFT, miners, verifiers and a watcher, on this machine.')
    .option('--rounds <n>', 'stop after this many finalised rounds and exit 0; non-zero if that cannot be', integer('rounds', 1, 1_000_000))
    .option('--job <name|file.json>', 'the job to train: a preset or a job file', jobName, 'mnist-mlp')
    .addOption(new Option('--attack <kind>', 'add one hostile miner').choices([...ATTACKS]))
    .option('--validators <n>', 'validators', integer('validators', 1, 16), 4)
    .option('--miners <n>', 'honest miners', integer('miners', 1, 8), 2)
    .option('--verifiers <n>', 'verifiers', integer('verifiers', 1, 8), 3)
    .option('--home <dir>', 'folder of the chain, its keys and models', join(PROJECT, '.localnet'))
    .option('--reset', 'delete the chain in the home folder first and start a new one, with a new chain id', false)
    .option(
      '--base-port <p>',
      'first port; validator i takes P+10i and P+10i+1, daemons take ports from P+200',
      integer('base-port', 1024, 65_000),
      26_600,
    )
    .option('--patience <seconds>', 'give up when no round is finalised for this long', integer('patience', 10, 86_400), 600)
    .option('--json', 'print plain lines and, last, one JSON object', false)
    .addHelpText('after', '\nA second start continues the same chain and the same model. Ctrl-C stops every process.')
    .allowExcessArguments(false);
  command.parse([...argv], { from: 'user' });
  const o = command.opts<{
    rounds?: number;
    job: string;
    attack?: string;
    validators: number;
    miners: number;
    verifiers: number;
    home: string;
    reset: boolean;
    basePort: number;
    patience: number;
    json: boolean;
  }>();
  return {
    rounds: o.rounds,
    job: o.job,
    attack: o.attack,
    validators: o.validators,
    miners: o.miners,
    verifiers: o.verifiers,
    home: resolve(o.home),
    reset: o.reset,
    basePort: o.basePort,
    json: o.json,
    patienceS: o.patience,
  };
}
