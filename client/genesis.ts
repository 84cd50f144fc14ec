// SPDX-License-Identifier: Apache-2.0
// The genesis file: CometBFT's form with an SDK-shaped app_state. Read as it is, changed field by field, written
// canonically (keys sorted), so that the same steps give the same file.
import { z } from 'zod';
import { type Coin, parseCoins, toProtoCoin } from '../core/coin.ts';
import type { ChainConfig } from '../core/context.ts';
import { asObject, canonicalJson, type Json, type JsonObject } from '../core/json.ts';
import { formatTime, parseTime } from '../core/time.ts';
import { defaultGenesis, modules } from '../modules/index.ts';
import { UsageError } from './errors.ts';
import { readJson, writeFile } from './files.ts';

/** CometBFT's limit (types/genesis.go, MaxChainIDLen). */
const MAX_CHAIN_ID = 50;

export interface Genesis {
  readonly genesis_time: string;
  readonly chain_id: string;
  readonly initial_height: string;
  readonly consensus_params: JsonObject;
  readonly app_hash: string;
  readonly app_state: JsonObject;
}

/** Throws UsageError unless CometBFT takes `chainId`. */
export function checkChainId(chainId: string, field = 'chain-id'): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(chainId) || chainId.length > MAX_CHAIN_ID)
    throw new UsageError(`${field}: expected 1 to ${MAX_CHAIN_ID} letters, digits, dots, dashes or underscores, got "${chainId}"`);
}

/**
 * Consensus parameters of a new chain: CometBFT 0.38's defaults, but evidence lives as long as stake unbonds (21 days), and
 * a block's gas is bounded: at the dearest operations about 50 gas take a microsecond, so 100 million are some 2 s.
 */
const CONSENSUS_PARAMS: JsonObject = {
  block: { max_bytes: '4194304', max_gas: '100000000' },
  evidence: { max_age_num_blocks: '100000', max_age_duration: '1814400000000000', max_bytes: '1048576' },
  validator: { pub_key_types: ['ed25519'] },
  version: { app: '0' },
  abci: { vote_extensions_enable_height: '0' },
};

/** Genesis of a new chain without accounts; `time` in nanoseconds since 1970. */
export function newGenesis(config: ChainConfig, time: bigint): Genesis {
  checkChainId(config.chainId);
  return {
    genesis_time: formatTime(time),
    chain_id: config.chainId,
    initial_height: '1',
    consensus_params: CONSENSUS_PARAMS,
    app_hash: '',
    app_state: defaultGenesis(config),
  };
}

const file = z.looseObject({
  genesis_time: z.string(),
  chain_id: z.string(),
  initial_height: z.string().regex(/^[1-9]\d{0,18}$/, 'must be a positive integer in a string'),
  consensus_params: z.looseObject({}),
  app_hash: z.string(),
  app_state: z.looseObject({}),
});

/** Reads a genesis file; throws UsageError naming field and rule. The modules' parts are not looked into. */
export function readGenesis(path: string): Genesis {
  const json = readJson(path, 'genesis');
  const parsed = file.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError(`genesis: ${issue?.path.join('.') || 'content'}: ${issue?.message} (${path})`);
  }
  try {
    parseTime(parsed.data.genesis_time);
  } catch {
    throw new UsageError(`genesis: genesis_time: expected RFC 3339 in UTC, got "${parsed.data.genesis_time}"`);
  }
  checkChainId(parsed.data.chain_id, 'genesis: chain_id');
  return json as Genesis;
}

/** Writes a genesis file canonically. */
export function writeGenesis(path: string, genesis: Genesis): void {
  writeFile(path, `${canonicalJson(genesis as unknown as Json)}\n`);
}

/** Chain configuration that a genesis carries; throws UsageError naming the field. */
export function chainConfigOf(genesis: Genesis): ChainConfig {
  const chain = section(genesis, 'chain');
  const text = (field: string): string => {
    const value = chain[field];
    if (typeof value !== 'string' || value === '') throw new UsageError(`genesis: app_state.chain.${field}: expected a text`);
    return value;
  };
  return { chainId: genesis.chain_id, addressPrefix: text('address_prefix'), bondDenom: text('bond_denom') };
}

/** A module's part of app_state; throws UsageError when it is missing or no object. */
export function section(genesis: Genesis, name: string): JsonObject {
  try {
    return asObject(genesis.app_state[name], `app_state.${name}`);
  } catch (error) {
    throw new UsageError(`genesis: ${(error as Error).message}`);
  }
}

/** The genesis with a module's part replaced. */
export function withSection(genesis: Genesis, name: string, value: JsonObject): Genesis {
  return { ...genesis, app_state: { ...genesis.app_state, [name]: value } };
}

/** A list field of a section; throws UsageError when it is no list. */
export function listOf(part: JsonObject, path: string, field: string): readonly Json[] {
  const value = part[field] ?? [];
  if (!Array.isArray(value)) throw new UsageError(`genesis: ${path}.${field}: expected a list`);
  return value;
}

/** Runs every module's own check over its part; throws UsageError naming field and rule. */
export function validateGenesis(genesis: Genesis): void {
  const config = chainConfigOf(genesis);
  const known = new Set(modules.map((m) => m.name));
  for (const name of Object.keys(genesis.app_state)) {
    if (!known.has(name)) throw new UsageError(`genesis: app_state.${name}: no module has this name; known are ${[...known].join(', ')}`);
  }
  for (const { name, genesis: hooks } of modules) {
    try {
      hooks.validate(section(genesis, name), config);
    } catch (error) {
      throw error instanceof UsageError ? error : new UsageError(`genesis: ${(error as Error).message}`);
    }
  }
}

function coinsOf(json: Json | undefined, path: string): readonly Coin[] {
  if (json === undefined) return [];
  try {
    return parseCoins(json as never, path);
  } catch (error) {
    throw new UsageError(`genesis: ${(error as Error).message}`);
  }
}

function sum(lists: readonly (readonly Coin[])[]): readonly Coin[] {
  const totals = new Map<string, bigint>();
  for (const coins of lists) for (const { denom, amount } of coins) totals.set(denom, (totals.get(denom) ?? 0n) + amount);
  return [...totals].map(([denom, amount]) => ({ denom, amount })).sort((a, b) => (a.denom < b.denom ? -1 : 1));
}

const same = (entry: Json, address: string): boolean => (entry as JsonObject)['address'] === address;

/** The genesis with an account and its coins; throws UsageError when the account is there already, unless `append` adds to it. */
export function addGenesisAccount(genesis: Genesis, address: string, coins: readonly Coin[], append = false): Genesis {
  const auth = section(genesis, 'auth');
  const bank = section(genesis, 'bank');
  const accounts = listOf(auth, 'app_state.auth', 'accounts');
  const balances = listOf(bank, 'app_state.bank', 'balances');
  const exists = accounts.some((a) => same(a, address));
  if (exists && !append) throw new UsageError(`account ${address}: is in the genesis already (use --append to add to its balance)`);
  const account = { '@type': '/cosmos.auth.v1beta1.BaseAccount', address, pub_key: null, account_number: '0', sequence: '0' };
  const before = balances.find((b) => same(b, address)) as JsonObject | undefined;
  const total = sum([coinsOf(before?.['coins'], 'app_state.bank.balances'), coins]);
  const rest = balances.filter((b) => !same(b, address));
  const all = [...rest, { address, coins: total.map((c) => ({ ...toProtoCoin(c) })) }];
  const ordered = all.sort((a, b) => (String((a as JsonObject)['address']) < String((b as JsonObject)['address']) ? -1 : 1));
  const supply = sum(ordered.map((b) => coinsOf((b as JsonObject)['coins'], 'app_state.bank.balances')));
  const withAccount = exists ? genesis : withSection(genesis, 'auth', { ...auth, accounts: [...accounts, account] });
  return withSection(withAccount, 'bank', { ...bank, balances: ordered, supply: supply.map((c) => ({ ...toProtoCoin(c) })) });
}
