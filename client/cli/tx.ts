// SPDX-License-Identifier: Apache-2.0
// pogod tx …
import type { Command } from 'commander';
import { formatAddress, parseAddress } from '../../core/address.ts';
import { type Coin, parseCoinsText, toProtoCoin } from '../../core/coin.ts';
import { MsgSend } from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { MsgUnjail } from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import { MsgDelegate, MsgUndelegate } from '../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { MsgBondMiner, MsgCloseJob, MsgCreateJob, MsgFundJob, MsgUnbondMiner, MsgUnbondVerifier, MsgUpdateJob } from '../../proto/gen/pogo.v1.ts';
import { UsageError } from '../errors.ts';
import { readJson } from '../files.ts';
import { createValidatorMessage } from '../gentx.ts';
import { createJobMessage, loadJob, readTerms } from '../job-file.ts';
import { readValidatorKey } from '../node-keys.ts';
import { addressOf, type Signer } from '../signer.ts';
import { toAny } from '../signing.ts';
import { type CliContext, contextOf, integerFlag } from './context.ts';
import { sendFromCli, type TxFlags, withTxFlags } from './tx-send.ts';
import { addValidatorFlags, type ValidatorFlags, validatorTerms } from './validator-flags.ts';

interface TxInput {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
  readonly ctx: CliContext;
  readonly signer: Signer;
}

interface TxWord {
  readonly group: string;
  /** Name and arguments. */
  readonly usage: string;
  readonly help: string;
  readonly flags?: (command: Command) => Command;
  /** First argument names the signing key instead of --from. */
  readonly fromArgument?: boolean;
  build(input: TxInput): readonly Any[];
}

function coins(text: string | undefined, what: string): readonly Coin[] {
  try {
    const list = parseCoinsText(text ?? '', what);
    if (list.length > 0 && list.every((c) => c.amount > 0n)) return list;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  throw new UsageError(`${what}: expected positive amounts like 5000000upogo, got "${text}"`);
}

function coin(text: string | undefined, what: string): { readonly denom: string; readonly amount: string } {
  const [only, ...others] = coins(text, what);
  if (only === undefined || others.length > 0) throw new UsageError(`${what}: expected one coin, got "${text}"`);
  return toProtoCoin(only);
}

function address(text: string | undefined, what: string, ctx: CliContext, kind: 'acc' | 'valoper' = 'acc'): string {
  try {
    parseAddress(text ?? '', ctx.prefix, what, kind);
    return text ?? '';
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

const jobId = (text: string | undefined): bigint => integerFlag(text ?? '', 'job-id', 1n);

const CHAIN_WORDS: readonly TxWord[] = [
  {
    group: 'bank',
    usage: 'send <from> <to> <coins>',
    help: 'send coins',
    fromArgument: true,
    build: ({ args, ctx, signer }) => [
      toAny(MsgSend, { fromAddress: signer.address, toAddress: address(args[1], 'to', ctx), amount: coins(args[2], 'coins').map(toProtoCoin) }),
    ],
  },
  {
    group: 'staking',
    usage: 'delegate <validator> <coin>',
    help: 'delegate coins to a validator',
    build: ({ args, ctx, signer }) => [
      toAny(MsgDelegate, {
        delegatorAddress: signer.address,
        validatorAddress: address(args[0], 'validator', ctx, 'valoper'),
        amount: coin(args[1], 'coin'),
      }),
    ],
  },
  {
    group: 'staking',
    usage: 'unbond <validator> <coin>',
    help: 'take coins back from a validator after the unbonding time',
    build: ({ args, ctx, signer }) => [
      toAny(MsgUndelegate, {
        delegatorAddress: signer.address,
        validatorAddress: address(args[0], 'validator', ctx, 'valoper'),
        amount: coin(args[1], 'coin'),
      }),
    ],
  },
  {
    group: 'staking',
    usage: 'create-validator <coin>',
    help: "make this home's node a validator with a self-delegation",
    flags: addValidatorFlags,
    build: ({ args, flags, ctx, signer }) => [
      createValidatorMessage(
        formatAddress(addressOf(signer.publicKey), ctx.prefix, 'valoper'),
        readValidatorKey(ctx.home).publicKey,
        coin(args[0], 'coin'),
        validatorTerms(flags as unknown as ValidatorFlags, ctx.home),
      ),
    ],
  },
  {
    group: 'slashing',
    usage: 'unjail',
    help: "end the jailing of the signer's validator",
    build: ({ ctx, signer }) => [toAny(MsgUnjail, { validatorAddr: formatAddress(addressOf(signer.publicKey), ctx.prefix, 'valoper') })],
  },
];

const POGO_WORDS: readonly TxWord[] = [
  {
    group: 'pogo',
    usage: 'create-job <file>',
    help: 'post a job: a job file, or the name of a preset such as mnist-mlp',
    build: ({ args, signer }) => [toAny(MsgCreateJob, createJobMessage(loadJob(args[0] ?? ''), signer.address, args[0]))],
  },
  {
    group: 'pogo',
    usage: 'fund-job <job-id> <coin>',
    help: "add to a job's escrow",
    build: ({ args, signer }) => [toAny(MsgFundJob, { sender: signer.address, jobId: jobId(args[0]), amount: coin(args[1], 'coin') })],
  },
  {
    group: 'pogo',
    usage: 'update-job <job-id> <file>',
    help: "change a job's terms from the next round on: a job file, or its `round` part alone",
    build: ({ args, signer }) => [
      toAny(MsgUpdateJob, { owner: signer.address, jobId: jobId(args[0]), terms: readTerms(readJson(args[1] ?? '', 'terms file'), args[1]) }),
    ],
  },
  {
    group: 'pogo',
    usage: 'close-job <job-id>',
    help: 'end a job and take its escrow back',
    build: ({ args, signer }) => [toAny(MsgCloseJob, { owner: signer.address, jobId: jobId(args[0]) })],
  },
  {
    group: 'pogo',
    usage: 'bond-miner <coin>',
    help: 'bond as a miner, or add to the bond',
    flags: (command) => command.option('--endpoint <url>', 'where artifacts are offered', '').option('--moniker <name>', "the miner's name", ''),
    build: ({ args, flags, signer }) => [
      toAny(MsgBondMiner, {
        miner: signer.address,
        amount: coin(args[0], 'coin'),
        endpoint: flags['endpoint'] as string,
        moniker: flags['moniker'] as string,
      }),
    ],
  },
  {
    group: 'pogo',
    usage: 'unbond-miner <coin>',
    help: "begin to take a miner's bond back",
    build: ({ args, signer }) => [toAny(MsgUnbondMiner, { miner: signer.address, amount: coin(args[0], 'coin') })],
  },
  {
    group: 'pogo',
    usage: 'unbond-verifier <coin>',
    help: "begin to take a verifier's bond back",
    build: ({ args, signer }) => [toAny(MsgUnbondVerifier, { verifier: signer.address, amount: coin(args[0], 'coin') })],
  },
];

const GROUPS: Readonly<Record<string, string>> = {
  bank: 'bank transactions',
  staking: 'staking transactions',
  slashing: 'slashing transactions',
  pogo: 'jobs and bonds',
};

function addWord(group: Command, word: TxWord): void {
  const plain = group.command(word.usage).description(word.help);
  const command = withTxFlags(word.flags?.(plain) ?? plain, word.fromArgument === true);
  const argumentCount = word.usage.split(' ').length - 1;
  command.action(async (...all: unknown[]) => {
    const args = all.slice(0, argumentCount) as string[];
    const flags = all[argumentCount] as TxFlags & Readonly<Record<string, unknown>>;
    const ctx = contextOf(command);
    const from = word.fromArgument === true ? (args[0] as string) : flags.from;
    if (from === undefined) throw new UsageError('from: name the key that signs with --from');
    const signer = ctx.keyring().signer(from);
    await sendFromCli(word.build({ args, flags, ctx, signer }), { ctx, flags, signer });
  });
}

/** Adds `tx` and its commands. */
export function addTx(program: Command): void {
  const tx = program.command('tx').description('transactions subcommands');
  const groups = new Map<string, Command>();
  for (const word of [...CHAIN_WORDS, ...POGO_WORDS]) {
    let group = groups.get(word.group);
    if (group === undefined) {
      group = tx.command(word.group).description(GROUPS[word.group] ?? word.group);
      groups.set(word.group, group);
    }
    addWord(group, word);
  }
}
