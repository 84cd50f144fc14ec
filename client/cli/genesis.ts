// SPDX-License-Identifier: Apache-2.0
// pogod genesis …
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { Command } from 'commander';
import { setPersistentPeers } from '../../abci/home.ts';
import { formatAddress, parseAddress } from '../../core/address.ts';
import { equalBytes } from '../../core/bytes.ts';
import { amountOf, type Coin, parseCoinsText, toProtoCoin } from '../../core/coin.ts';
import { sha256 } from '../../core/hash.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { UsageError } from '../errors.ts';
import {
  addGenesisAccount,
  chainConfigOf,
  type Genesis,
  listOf,
  readGenesis,
  section,
  validateGenesis,
  withSection,
  writeGenesis,
} from '../genesis.ts';
import { createValidatorMessage, type Gentx, readGentx, signGentx, writeGentx } from '../gentx.ts';
import { readNodeKey, readValidatorKey } from '../node-keys.ts';
import { addressOf } from '../signer.ts';
import { validateMessages } from '../validate.ts';
import { type CliContext, configPath, contextOf } from './context.ts';
import { note, print } from './output.ts';
import { addValidatorFlags, type ValidatorFlags, validatorTerms } from './validator-flags.ts';

function coinsFlag(text: string, what: string): readonly Coin[] {
  try {
    const coins = parseCoinsText(text, what);
    if (coins.length > 0 && coins.every((c) => c.amount > 0n)) return coins;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  throw new UsageError(`${what}: expected positive amounts like 5000000upogo, got "${text}"`);
}

function addressArgument(text: string, ctx: CliContext, prefix: string): string {
  if (
    !text.includes('1') ||
    ctx
      .keyring()
      .list()
      .some((k) => k.name === text)
  ) {
    return formatAddress(addressOf(ctx.keyring().get(text).publicKey), prefix);
  }
  try {
    parseAddress(text, prefix, 'address');
    return text;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function addAccount(address: string, coins: string, flags: { readonly append?: boolean }, ctx: CliContext): void {
  const path = configPath(ctx, 'genesis.json');
  const genesis = readGenesis(path);
  const owner = addressArgument(address, ctx, chainConfigOf(genesis).addressPrefix);
  writeGenesis(path, addGenesisAccount(genesis, owner, coinsFlag(coins, 'coins'), flags.append === true));
}

function balanceOf(genesis: Genesis, address: string): readonly Coin[] {
  const balances = listOf(section(genesis, 'bank'), 'app_state.bank', 'balances') as readonly JsonObject[];
  const found = balances.find((b) => b['address'] === address);
  if (found === undefined) throw new UsageError(`account ${address}: has no balance in the genesis; run genesis add-genesis-account first`);
  return (found['coins'] as readonly { denom: string; amount: string }[]).map(({ denom, amount }) => ({ denom, amount: BigInt(amount) }));
}

function checkFunds(genesis: Genesis, address: string, stake: Coin, bondDenom: string): void {
  if (stake.denom !== bondDenom) throw new UsageError(`amount: the bond denomination is ${bondDenom}, got ${stake.denom}`);
  const owned = amountOf(balanceOf(genesis, address), stake.denom);
  if (owned < stake.amount)
    throw new UsageError(`amount: ${address} has ${owned}${stake.denom} in the genesis, less than ${stake.amount}${stake.denom}`);
}

interface GentxFlags extends ValidatorFlags {
  readonly ip: string;
  readonly p2pPort: string;
  readonly nodeId?: string;
  readonly outputDocument?: string;
}

function gentx(name: string, amount: string, flags: GentxFlags, ctx: CliContext): void {
  const genesis = readGenesis(configPath(ctx, 'genesis.json'));
  const config = chainConfigOf(genesis);
  if (ctx.chainId !== '' && ctx.chainId !== genesis.chain_id)
    throw new UsageError(`chain-id: ${ctx.chainId} is not the chain of the genesis, ${genesis.chain_id}`);
  const [stake, ...others] = coinsFlag(amount, 'amount');
  if (stake === undefined || others.length > 0) throw new UsageError('amount: expected one coin');
  const signer = ctx.keyring().signer(name);
  const account = addressOf(signer.publicKey);
  checkFunds(genesis, formatAddress(account, config.addressPrefix), stake, config.bondDenom);
  const nodeId = flags.nodeId ?? readNodeKey(ctx.home).id;
  const operator = formatAddress(account, config.addressPrefix, 'valoper');
  const terms = validatorTerms(flags, ctx.home);
  const message = createValidatorMessage(operator, readValidatorKey(ctx.home).publicKey, toProtoCoin(stake), terms);
  validateMessages([message], config);
  const json = signGentx(signer, message, { chainId: genesis.chain_id, memo: `${nodeId}@${flags.ip}:${flags.p2pPort}` });
  const path = writeGentx(json, ctx.home, nodeId, flags.outputDocument === undefined ? undefined : resolve(flags.outputDocument));
  note(`Genesis transaction written to "${path}"`);
}

function checkGentx(tx: Gentx, genesis: Genesis, path: string): void {
  const config = chainConfigOf(genesis);
  const operator = formatAddress(addressOf(tx.publicKey), config.addressPrefix, 'valoper');
  if (tx.message.validatorAddress !== operator)
    throw new UsageError(`${path}: validator_address: ${tx.message.validatorAddress} is not the signer's, ${operator}`);
  if (!secp256k1.verify(tx.signature, sha256(tx.signDoc(genesis.chain_id)), tx.publicKey, { prehash: false, lowS: true }))
    throw new UsageError(`${path}: signature: does not fit the content, the chain id ${genesis.chain_id}, and account number and sequence 0`);
  try {
    validateMessages([tx.any], config);
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
  const value = tx.message.value ?? { denom: '', amount: '0' };
  checkFunds(
    genesis,
    formatAddress(addressOf(tx.publicKey), config.addressPrefix),
    { denom: value.denom, amount: BigInt(value.amount) },
    config.bondDenom,
  );
  if (!/^[0-9a-f]{40}@[^@\s]+:\d{1,5}$/.test(tx.memo)) throw new UsageError(`${path}: memo: expected NODE_ID@HOST:PORT, got "${tx.memo}"`);
}

function filesIn(folder: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    throw new UsageError(`gentx-dir: no such folder: ${folder}`);
  }
  const files = names.filter((n) => n.endsWith('.json') && !n.startsWith('.')).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (files.length === 0) throw new UsageError(`gentx-dir: there is no genesis transaction in ${folder}`);
  return files.map((n) => join(folder, n));
}

function collect(flags: { readonly gentxDir?: string }, ctx: CliContext): void {
  const path = configPath(ctx, 'genesis.json');
  const genesis = readGenesis(path);
  const txs: Gentx[] = [];
  for (const file of filesIn(resolve(flags.gentxDir ?? configPath(ctx, 'gentx')))) {
    const tx = readGentx(file);
    checkGentx(tx, genesis, file);
    if (txs.some((t) => equalBytes(t.publicKey, tx.publicKey))) throw new UsageError(`${file}: a second genesis transaction of the same validator`);
    txs.push(tx);
  }
  const collected = withSection(genesis, 'genutil', { ...section(genesis, 'genutil'), gen_txs: txs.map((t) => t.json) });
  validateGenesis(collected);
  writeGenesis(path, collected);
  const own = readNodeKey(ctx.home).id;
  const peers = txs.map((t) => t.memo).filter((memo) => !memo.startsWith(`${own}@`));
  setPersistentPeers(ctx.home, peers);
  print({ chain_id: genesis.chain_id, node_id: own, gen_txs: txs.length, persistent_peers: peers as readonly Json[] }, ctx.output);
}

function validate(file: string | undefined, ctx: CliContext): void {
  const path = file === undefined ? configPath(ctx, 'genesis.json') : resolve(file);
  validateGenesis(readGenesis(path));
  note(`File at ${path} is a valid genesis file`);
}

/** Adds `genesis` and its commands. */
export function addGenesis(program: Command): void {
  // Tools look for these words to tell whether the subcommands stand under `genesis`.
  const genesis = program.command('genesis').description("application's genesis-related subcommands");
  genesis
    .command('add-genesis-account <address-or-name> <coins>')
    .description('add an account with coins to genesis.json')
    .option('--append', 'add to the balance of an account that is there already')
    .action((address: string, coins: string, flags: { readonly append?: boolean }, command: Command) =>
      addAccount(address, coins, flags, contextOf(command)),
    );
  addValidatorFlags(
    genesis
      .command('gentx <name> <amount>')
      .description('write the genesis transaction that makes this node a validator with a self-delegation')
      .option('--ip <host>', 'address at which others reach the node', '127.0.0.1')
      .option('--p2p-port <port>', "the node's p2p port", '26656')
      .option('--node-id <id>', 'node id (default: that of node_key.json)')
      .option('--output-document <file>', 'where to write it (default: config/gentx/gentx-NODE_ID.json)'),
  ).action((name: string, amount: string, flags: GentxFlags, command: Command) => gentx(name, amount, flags, contextOf(command)));
  genesis
    .command('collect-gentxs')
    .description('put the genesis transactions of a folder into genesis.json and their nodes into config.toml')
    .option('--gentx-dir <folder>', 'folder of the files (default: config/gentx)')
    .action((flags: { readonly gentxDir?: string }, command: Command) => collect(flags, contextOf(command)));
  genesis
    .command('validate [file]')
    .alias('validate-genesis')
    .description("check a genesis file by every module's rules")
    .action((file: string | undefined, _flags: object, command: Command) => validate(file, contextOf(command)));
}
