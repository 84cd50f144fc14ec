// SPDX-License-Identifier: Apache-2.0
// pogod query …: one table of words, arguments and query methods; the rest follows from the .proto files.
import type { Command } from 'commander';
import { toHex } from '../../core/bytes.ts';
import { CodecError, reflect, services } from '../../core/codec.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { fromProtoJson, protoName, toProtoJson } from '../../core/protojson.ts';
import { formatTime } from '../../core/time.ts';
import type { MessageType } from '../../proto/message.ts';
import { UsageError } from '../errors.ts';
import { type QueryMethod, queryMethod } from '../query.ts';
import { type CliContext, contextOf, integerFlag } from './context.ts';
import { print } from './output.ts';
import { txResponse } from './tx-response.ts';

type Fields = Readonly<Record<string, unknown>>;

interface QueryWord {
  readonly words: readonly [group: string, name: string];
  /** Names of request fields that are arguments, in order; an ending `?` makes one optional. */
  readonly args: readonly string[];
  readonly service: string;
  readonly method: string;
  readonly help: string;
}

const q = (service: string, group: string, name: string, method: string, args: readonly string[], help: string): QueryWord => ({
  words: [group, name],
  args,
  service: `${service}.Query`,
  method,
  help,
});

const AUTH = 'cosmos.auth.v1beta1';
const BANK = 'cosmos.bank.v1beta1';
const STAKING = 'cosmos.staking.v1beta1';
const SLASHING = 'cosmos.slashing.v1beta1';
const POGO = 'pogo.v1';

const WORDS: readonly QueryWord[] = [
  q(AUTH, 'auth', 'account', 'Account', ['address'], 'an account: number, sequence, public key'),
  q(AUTH, 'auth', 'accounts', 'Accounts', [], 'all accounts'),
  q(AUTH, 'auth', 'params', 'Params', [], 'parameters of auth'),
  q(BANK, 'bank', 'balances', 'AllBalances', ['address'], 'all balances of an account'),
  q(BANK, 'bank', 'balance', 'Balance', ['address', 'denom'], 'balance of one denomination'),
  q(BANK, 'bank', 'total-supply', 'TotalSupply', [], 'supply of all denominations'),
  q(BANK, 'bank', 'denoms-metadata', 'DenomsMetadata', [], 'metadata of denominations'),
  q(BANK, 'bank', 'params', 'Params', [], 'parameters of bank'),
  q(STAKING, 'staking', 'validators', 'Validators', ['status?'], 'all validators'),
  q(STAKING, 'staking', 'validator', 'Validator', ['validator_addr'], 'a validator'),
  q(STAKING, 'staking', 'delegation', 'Delegation', ['delegator_addr', 'validator_addr'], 'a delegation'),
  q(STAKING, 'staking', 'delegations', 'DelegatorDelegations', ['delegator_addr'], 'all delegations of an account'),
  q(STAKING, 'staking', 'delegations-to', 'ValidatorDelegations', ['validator_addr'], 'all delegations to a validator'),
  q(STAKING, 'staking', 'unbonding-delegations', 'DelegatorUnbondingDelegations', ['delegator_addr'], 'unbonding delegations of an account'),
  q(STAKING, 'staking', 'pool', 'Pool', [], 'bonded and not bonded coins'),
  q(STAKING, 'staking', 'params', 'Params', [], 'parameters of staking'),
  q(SLASHING, 'slashing', 'signing-info', 'SigningInfo', ['cons_address'], "a validator's signing record"),
  q(SLASHING, 'slashing', 'signing-infos', 'SigningInfos', [], 'signing records of all validators'),
  q(SLASHING, 'slashing', 'params', 'Params', [], 'parameters of slashing'),
  q(POGO, 'pogo', 'jobs', 'Jobs', ['owner?'], 'all jobs'),
  q(POGO, 'pogo', 'job', 'Job', ['job_id'], 'a job with its head'),
  q(POGO, 'pogo', 'round', 'Round', ['job_id', 'round'], 'a round of a job'),
  q(POGO, 'pogo', 'rounds', 'Rounds', ['job_id'], 'all rounds of a job'),
  q(POGO, 'pogo', 'commits', 'Commits', ['job_id', 'round'], 'commits of a round'),
  q(POGO, 'pogo', 'challenges', 'Challenges', ['job_id', 'round', 'miner'], 'leaf challenges of a commit'),
  q(POGO, 'pogo', 'attestations', 'Attestations', ['job_id', 'round', 'miner'], 'attestations of a commit'),
  q(POGO, 'pogo', 'miner', 'Miner', ['address'], 'a miner'),
  q(POGO, 'pogo', 'miners', 'Miners', [], 'all miners'),
  q(POGO, 'pogo', 'verifier', 'Verifier', ['address'], 'a verifier'),
  q(POGO, 'pogo', 'verifiers', 'Verifiers', [], 'all verifiers'),
  q(POGO, 'pogo', 'unbondings', 'Unbondings', ['address'], 'bonds on their way back to an account'),
  q(POGO, 'pogo', 'beacon', 'Beacon', [], 'the latest beacon'),
  q(POGO, 'pogo', 'params', 'Params', [], 'parameters of pogo'),
];

const GROUPS: Readonly<Record<string, string>> = {
  auth: 'accounts',
  bank: 'balances and supply',
  staking: 'validators and delegations',
  slashing: 'signing records',
  pogo: 'jobs, rounds, miners and verifiers',
};

function methodOf(word: QueryWord): QueryMethod<Fields, Fields> {
  const method = services()
    .find((s) => s.fullName === `.${word.service}`)
    ?.methodsArray.find((m) => m.name === word.method);
  method?.resolve();
  const { resolvedRequestType: request, resolvedResponseType: response } = method ?? {};
  if (!request || !response) throw new Error(`${word.service}/${word.method}: the descriptor has no such method`);
  const type = (name: string): MessageType<Fields> => ({ typeName: name.slice(1) });
  return {
    service: word.service,
    method: word.method,
    request: type(request.fullName),
    response: type(response.fullName),
  };
}

interface PageFlags {
  readonly height?: string;
  readonly pageLimit?: string;
  readonly pageKey?: string;
  readonly pageOffset?: string;
  readonly pageReverse?: boolean;
}

function pagination(flags: PageFlags): JsonObject | undefined {
  const { pageLimit, pageKey, pageOffset, pageReverse } = flags;
  if (pageLimit === undefined && pageKey === undefined && pageOffset === undefined && pageReverse === undefined) return undefined;
  return {
    ...(pageKey === undefined ? {} : { key: pageKey }),
    ...(pageOffset === undefined ? {} : { offset: pageOffset }),
    ...(pageLimit === undefined ? {} : { limit: pageLimit }),
    reverse: pageReverse === true,
  };
}

async function run(word: QueryWord, given: readonly (string | undefined)[], flags: PageFlags, ctx: CliContext): Promise<void> {
  const method = methodOf(word);
  const fields: Record<string, Json> = {};
  word.args.forEach((arg, i) => {
    const value = given[i];
    if (value !== undefined) fields[arg.replace('?', '')] = value;
  });
  const page = pagination(flags);
  if (page !== undefined && reflect(method.request.typeName).fieldsArray.some((f) => protoName(f) === 'pagination')) fields['pagination'] = page;
  let request: Fields;
  try {
    request = fromProtoJson(method.request, fields, `${word.words.join(' ')}`);
  } catch (error) {
    throw error instanceof CodecError ? new UsageError(error.message.replace(`${word.words.join(' ')}.`, '')) : error;
  }
  const height = flags.height === undefined ? undefined : integerFlag(flags.height, 'height');
  print(toProtoJson(method.response, await queryMethod(ctx.rpc(), method, request as never, height)), ctx.output);
}

function addWord(group: Command, word: QueryWord): void {
  const args = word.args.map((a) => (a.endsWith('?') ? `[${a.slice(0, -1)}]` : `<${a}>`).replaceAll('_', '-'));
  const command = group
    .command([word.words[1], ...args].join(' '))
    .description(word.help)
    .option('--height <n>', 'height of the state (default: latest)');
  const request = reflect(methodOf(word).request.typeName);
  if (request.fieldsArray.some((f) => protoName(f) === 'pagination')) {
    command.option('--page-limit <n>', 'items of the page').option('--page-key <key>', 'next_key of the page before');
    command.option('--page-offset <n>', 'items to skip').option('--page-reverse', 'last items first');
  }
  command.action(async (...all: unknown[]) => {
    const given = all.slice(0, word.args.length) as (string | undefined)[];
    await run(word, given, all[word.args.length] as PageFlags, contextOf(command));
  });
}

async function queryTx(hash: string, ctx: CliContext): Promise<void> {
  if (!/^[0-9a-fA-F]{64}$/.test(hash)) throw new UsageError(`hash: expected 64 hexadecimal digits, got "${hash}"`);
  const rpc = ctx.rpc();
  const found = await rpc.tx(hash);
  if (found === undefined) throw new UsageError(`tx (${hash.toUpperCase()}) not found`);
  const { header } = await rpc.block(found.height);
  print(txResponse(found, formatTime(header.time)), ctx.output);
}

async function queryBlock(height: string | undefined, ctx: CliContext): Promise<void> {
  const block = await ctx.rpc().block(height === undefined ? undefined : integerFlag(height, 'height', 1n));
  const { header, hash, txs } = block;
  print(
    {
      hash: toHex(hash).toUpperCase(),
      header: {
        chain_id: header.chainId,
        height: header.height.toString(),
        time: formatTime(header.time),
        app_hash: toHex(header.appHash).toUpperCase(),
        proposer_address: toHex(header.proposer).toUpperCase(),
      },
      txs: txs.map((tx) => Buffer.from(tx).toString('base64')),
    },
    ctx.output,
  );
}

/** Adds `query` (alias `q`) and its commands. */
export function addQuery(program: Command): void {
  const query = program.command('query').alias('q').description('querying subcommands');
  const groups = new Map<string, Command>();
  for (const word of WORDS) {
    const [name] = word.words;
    let group = groups.get(name);
    if (group === undefined) {
      group = query.command(name).description(`querying ${GROUPS[name]}`);
      groups.set(name, group);
    }
    addWord(group, word);
  }
  query
    .command('tx <hash>')
    .description('a transaction by its hash')
    .action((hash: string, _flags: object, command: Command) => queryTx(hash, contextOf(command)));
  query
    .command('block [height]')
    .description('a block (default: the latest)')
    .action((height: string | undefined, _flags: object, command: Command) => queryBlock(height, contextOf(command)));
}
