// SPDX-License-Identifier: Apache-2.0
// The folder of a localnet: homes of the validators, keys of everyone, one genesis. Made once, read again later.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { homePaths, setPersistentPeers, writeNodeConfig } from '../abci/home.ts';
import { addGenesisAccount, type Genesis, newGenesis, section, validateGenesis, withSection, writeGenesis } from '../client/genesis.ts';
import { createValidatorMessage, signGentx } from '../client/gentx.ts';
import { type Keyring, openKeyring } from '../client/keyring.ts';
import { ensureNodeKeys, readNodeKey, readValidatorKey } from '../client/node-keys.ts';
import { newMnemonic, privateKeyOf } from '../client/signer.ts';
import { formatAddress, parseAddress } from '../core/address.ts';
import type { Json } from '../core/json.ts';
import { ATTACKS, type LocalnetOptions } from './options.ts';
import type { DaemonView } from './view.ts';

export const PREFIX = 'pogo';
export const DENOM = 'upogo';
const COIN = 1_000_000n;
/** A block roughly every 0.6 s on two cores: responsive, and far from what four validators can do there. */
const TIMEOUT_COMMIT_MS = 400;

/** What localnet.json keeps between starts. */
export interface NetworkFile {
  readonly format: 1;
  readonly chain_id: string;
  readonly validators: number;
  readonly base_port: number;
  /** Ids of the jobs posted so far, by preset or path. */
  readonly jobs: Readonly<Record<string, string>>;
}

const fileShape = z.strictObject({
  format: z.literal(1),
  chain_id: z.string(),
  validators: z.number().int().positive(),
  base_port: z.number().int(),
  jobs: z.record(z.string(), z.string().regex(/^\d+$/)),
});

export interface Member {
  readonly name: string;
  readonly role: DaemonView['role'];
  readonly address: string;
  readonly home: string;
  readonly port: number;
}

export interface Network {
  readonly home: string;
  readonly file: NetworkFile;
  readonly keyring: Keyring;
  readonly validators: readonly { readonly name: string; readonly home: string; readonly rpcPort: number; readonly p2pPort: number }[];
  readonly members: readonly Member[];
  /** Whether this start made it. */
  readonly fresh: boolean;
}

const filePath = (home: string): string => join(home, 'localnet.json');

/** Records a job's id once it is posted. */
export function saveJob(network: Network, job: string, jobId: bigint): void {
  const jobs = { ...network.file.jobs, [job]: jobId.toString() };
  writeFileSync(filePath(network.home), `${JSON.stringify({ ...network.file, jobs }, null, 2)}\n`);
}

function readFile(home: string): NetworkFile | undefined {
  const path = filePath(home);
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw new Error(`${path}: not JSON; start again with --reset to make a new chain`);
  }
  const parsed = fileShape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`${path}: ${issue?.path.join('.') ?? 'content'}: ${issue?.message}; start again with --reset to make a new chain`);
}

function memberNames(options: LocalnetOptions): readonly { readonly name: string; readonly role: DaemonView['role'] }[] {
  const named = (role: 'miner' | 'verifier', count: number) => Array.from({ length: count }, (_, i) => ({ name: `${role}-${i}`, role }));
  const watcher = { name: 'watcher', role: 'watcher' } as const;
  const attackers = options.attack === undefined ? [] : [{ name: `attacker-${options.attack}`, role: 'attacker' } as const];
  return [...named('miner', options.miners), ...named('verifier', options.verifiers), watcher, ...attackers];
}

/** Every account that the genesis funds, so that a later start may add daemons and attackers. */
function fundedAccounts(): readonly (readonly [name: string, coins: bigint])[] {
  const numbered = (role: string, count: number, coins: bigint) => Array.from({ length: count }, (_, i) => [`${role}-${i}`, coins] as const);
  const attackers = ATTACKS.map((a) => [`attacker-${a}`, 10_000n * COIN] as const);
  return [
    ['owner', 1_000_000n * COIN],
    ['alice', 100_000n * COIN],
    ['watcher', 10_000n * COIN],
    ...numbered('miner', 8, 10_000n * COIN),
    ...numbered('verifier', 8, 10_000n * COIN),
    ...attackers,
  ];
}

function keyOf(keyring: Keyring, name: string): string {
  const found = keyring.list().find((k) => k.name === name);
  return found?.address ?? keyring.add(name, privateKeyOf(newMnemonic())).address;
}

function validatorsOf(home: string, file: NetworkFile): Network['validators'] {
  return Array.from({ length: file.validators }, (_, i) => ({
    name: `validator-${i}`,
    home: join(home, `validator-${i}`),
    p2pPort: file.base_port + 10 * i,
    rpcPort: file.base_port + 10 * i + 1,
  }));
}

function makeValidators(network: Pick<Network, 'validators' | 'file'>): void {
  for (const v of network.validators) {
    ensureNodeKeys(v.home);
    writeNodeConfig(v.home, {
      moniker: v.name,
      rpcLaddr: `tcp://127.0.0.1:${v.rpcPort}`,
      p2pLaddr: `tcp://127.0.0.1:${v.p2pPort}`,
      local: true,
      timeoutCommitMs: TIMEOUT_COMMIT_MS,
      corsOrigins: ['*'],
      logLevel: 'error',
      minimumGasPrices: `0${DENOM}`,
    });
  }
  const peers = network.validators.map((v) => `${readNodeKey(v.home).id}@127.0.0.1:${v.p2pPort}`);
  for (const [i, v] of network.validators.entries())
    setPersistentPeers(
      v.home,
      peers.filter((_, j) => j !== i),
    );
}

function gentx(keyring: Keyring, v: Network['validators'][number], chainId: string): Json {
  const signer = keyring.signer(v.name);
  const operator = formatAddress(parseAddress(signer.address, PREFIX), PREFIX, 'valoper');
  const terms = {
    moniker: v.name,
    identity: '',
    website: '',
    securityContact: '',
    details: '',
    commissionRate: '0.1',
    commissionMaxRate: '0.2',
    commissionMaxChangeRate: '0.01',
    minSelfDelegation: '1',
  };
  const message = createValidatorMessage(operator, readValidatorKey(v.home).publicKey, { denom: DENOM, amount: (1000n * COIN).toString() }, terms);
  return signGentx(signer, message, { chainId, memo: `${readNodeKey(v.home).id}@127.0.0.1:${v.p2pPort}` });
}

/** Bonds that make a localnet's stakes visible, and an unbonding time that a person can await. */
function tuned(genesis: Genesis): Genesis {
  const pogo = section(genesis, 'pogo');
  const params = pogo['params'] as Record<string, Json>;
  return withSection(genesis, 'pogo', {
    ...pogo,
    params: {
      ...params,
      unbonding_blocks: 300,
      verification_fee: COIN.toString(),
      min_miner_bond: (1000n * COIN).toString(),
      min_verifier_bond: (1000n * COIN).toString(),
    },
  });
}

function makeGenesis(network: Pick<Network, 'validators' | 'file' | 'keyring'>): void {
  const { keyring, validators, file } = network;
  let genesis = newGenesis({ chainId: file.chain_id, addressPrefix: PREFIX, bondDenom: DENOM }, BigInt(Date.now()) * COIN);
  for (const v of validators) genesis = addGenesisAccount(genesis, keyOf(keyring, v.name), [{ denom: DENOM, amount: 10_000n * COIN }]);
  for (const [name, amount] of fundedAccounts()) genesis = addGenesisAccount(genesis, keyOf(keyring, name), [{ denom: DENOM, amount }]);
  const genutil = section(genesis, 'genutil');
  genesis = tuned(withSection(genesis, 'genutil', { ...genutil, gen_txs: validators.map((v) => gentx(keyring, v, file.chain_id)) }));
  validateGenesis(genesis);
  for (const v of validators) writeGenesis(homePaths(v.home).genesis, genesis);
}

/** Opens the network in the home folder, or makes a new one there. `reset` removes the old one first, keys and all. */
export function openNetwork(options: LocalnetOptions): Network {
  const { home } = options;
  // A chain id is never used again, so a key that signed on the old chain cannot be said to have signed twice.
  if (options.reset && existsSync(filePath(home))) rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  chmodSync(home, 0o700);
  const kept = readFile(home);
  const file: NetworkFile = kept ?? {
    format: 1,
    chain_id: `pogo-local-${randomBytes(4).toString('hex')}`,
    validators: options.validators,
    base_port: options.basePort,
    jobs: {},
  };
  const keyring = openKeyring(join(home, 'keys'), PREFIX);
  const validators = validatorsOf(home, file);
  if (kept === undefined) {
    makeValidators({ validators, file });
    makeGenesis({ validators, file, keyring });
    writeFileSync(filePath(home), `${JSON.stringify(file, null, 2)}\n`);
  }
  const members = memberNames(options).map((m, i) => ({
    ...m,
    address: keyOf(keyring, m.name),
    home: join(home, m.name),
    port: file.base_port + 200 + i,
  }));
  return { home, file, keyring, validators, members, fresh: kept === undefined };
}
