// SPDX-License-Identifier: Apache-2.0
// Nodes of real processes: homes, free ports, `pogod` and CometBFT as children, each ended by its own process id.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { findComet } from '../../abci/comet.ts';
import { homePaths, setPersistentPeers, socketPath, writeNodeConfig } from '../../abci/home.ts';
import { addGenesisAccount, newGenesis, section, withSection, writeGenesis } from '../../client/genesis.ts';
import { createValidatorMessage, signGentx } from '../../client/gentx.ts';
import { ensureNodeKeys, readNodeKey, readValidatorKey } from '../../client/node-keys.ts';
import { createRpc, type Rpc, sleep } from '../../client/rpc.ts';
import { createSigner } from '../../client/signer.ts';
import type { Json } from '../../core/json.ts';
import { CHAIN, type Signer, signer } from './fixture.ts';

const PROJECT = resolve(import.meta.dirname, '..', '..');
const COIN = 1_000_000n;

export interface Home {
  readonly home: string;
  readonly rpcPort: number;
  readonly p2pPort: number;
  readonly rpc: Rpc;
}

export interface Chain {
  readonly dir: string;
  /** Validators first; each has the genesis of the chain. */
  readonly homes: readonly Home[];
  /** Funded accounts, their numbers and sequences kept by the caller's use of `sign`. */
  readonly accounts: readonly Signer[];
}

export interface ChainOptions {
  readonly validators?: number;
  /** Nodes that follow without a vote. */
  readonly followers?: number;
  readonly accounts?: number;
  readonly timeoutCommitMs?: number;
}

/** Ports that nobody listens on just now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (s) =>
        new Promise<number>((done) => {
          s.listen(0, '127.0.0.1', () => done((s.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
  return ports;
}

/** Runs `action`, and again on failure, until it succeeds or `ms` have passed. */
export async function eventually<T>(what: string, action: () => Promise<T>, ms = 30_000): Promise<T> {
  const until = performance.now() + ms;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (performance.now() > until) throw new Error(`${what}: not within ${ms} ms`, { cause: error });
      await sleep(50);
    }
  }
}

function operatorOf(name: string, key: Signer, home: string, p2pPort: number): Json {
  const terms = { moniker: name, identity: '', website: '', securityContact: '', details: '', minSelfDelegation: '1' };
  const commission = { commissionRate: '0.1', commissionMaxRate: '0.2', commissionMaxChangeRate: '0.01' };
  const value = { denom: CHAIN.bondDenom, amount: (1000n * COIN).toString() };
  const message = createValidatorMessage(key.operator, readValidatorKey(home).publicKey, value, { ...terms, ...commission });
  const memo = `${readNodeKey(home).id}@127.0.0.1:${p2pPort}`;
  return signGentx(createSigner(key.privateKey, CHAIN.addressPrefix), message, { chainId: CHAIN.chainId, memo });
}

/** Homes of a new chain in a folder with a space in its name, removed after the test. */
export async function makeChain(t: TestContext, options: ChainOptions = {}): Promise<Chain> {
  const dir = mkdtempSync(join(tmpdir(), 'pogo e2e-'));
  folders.add(dir);
  t.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  const validators = options.validators ?? 1;
  const nodes = validators + (options.followers ?? 0);
  const ports = await freePorts(2 * nodes);
  const homes = Array.from({ length: nodes }, (_, i): Home => {
    const [rpcPort = 0, p2pPort = 0] = ports.slice(2 * i);
    return { home: join(dir, `node ${i}`), rpcPort, p2pPort, rpc: createRpc(`http://127.0.0.1:${rpcPort}`, { retryMs: 30_000 }) };
  });
  for (const { home, rpcPort, p2pPort } of homes) {
    ensureNodeKeys(home);
    const laddrs = { rpcLaddr: `tcp://127.0.0.1:${rpcPort}`, p2pLaddr: `tcp://127.0.0.1:${p2pPort}` };
    writeNodeConfig(home, {
      moniker: 'test',
      ...laddrs,
      local: true,
      timeoutCommitMs: options.timeoutCommitMs ?? 100,
      timeoutProposeMs: 500,
      logLevel: 'error',
    });
  }
  const peers = homes.map((h) => `${readNodeKey(h.home).id}@127.0.0.1:${h.p2pPort}`);
  for (const [i, h] of homes.entries())
    setPersistentPeers(
      h.home,
      peers.filter((_, j) => j !== i),
    );
  const accounts = Array.from({ length: options.accounts ?? 2 }, (_, i) => signer(`${i}`, BigInt(validators + i)));
  const operators = homes.slice(0, validators).map((_, i) => signer(`operator ${i}`, BigInt(i)));
  let genesis = newGenesis(CHAIN, BigInt(Date.now()) * 1_000_000n);
  for (const a of [...operators, ...accounts])
    genesis = addGenesisAccount(genesis, a.address, [{ denom: CHAIN.bondDenom, amount: 1_000_000n * COIN }]);
  const genTxs = operators.map((key, i) => operatorOf(`validator-${i}`, key, homes[i]?.home ?? '', homes[i]?.p2pPort ?? 0));
  genesis = withSection(genesis, 'genutil', { ...section(genesis, 'genutil'), gen_txs: genTxs });
  for (const h of homes) writeGenesis(homePaths(h.home).genesis, genesis);
  return { dir, homes, accounts };
}

export interface Process {
  readonly pid: number;
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Everything it printed so far. */
  output(): string;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

let started = 0;
const running = new Set<ChildProcess>();
const folders = new Set<string>();

/** A test file that is stopped from outside runs no `after` hook; its children and folders must not outlive it either way. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const dir of folders) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Starts a program; it is killed after the test if it still runs, with its output shown if the test failed. */
export function startProcess(
  t: TestContext,
  chain: Pick<Chain, 'dir'>,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Process {
  mkdirSync(chain.dir, { recursive: true });
  const log = join(chain.dir, `process-${started++}.log`);
  const fd = openSync(log, 'w');
  const child: ChildProcess = spawn(program, [...args], { stdio: ['ignore', fd, fd], env: { ...process.env, ...env } });
  closeSync(fd);
  const { pid } = child;
  assert.ok(pid !== undefined, `${program} did not start`);
  running.add(child);
  const ended = new Promise<number | NodeJS.Signals>((done) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      done(signal ?? code ?? 0);
    });
  });
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  t.after(() => end('SIGKILL'));
  return { pid, ended, output: () => readFileSync(log, 'utf8'), end };
}

/** `bin/pogod start`: the application with CometBFT as its child. */
export function startNode(t: TestContext, chain: Chain, node: Home, args: readonly string[] = []): Process {
  return startProcess(t, chain, join(PROJECT, 'bin', 'pogod'), ['start', '--home', node.home, ...args]);
}

/** The application alone, on the socket of its home. */
export function startApp(t: TestContext, chain: Chain, node: Home): Process {
  return startNode(t, chain, node, ['--with-comet=false']);
}

/** CometBFT alone, over the socket of the home. */
export function startCometAlone(t: TestContext, chain: Chain, node: Home, env: NodeJS.ProcessEnv = {}): Process {
  return startProcess(t, chain, findComet(), ['start', '--home', node.home, `--proxy_app=unix://${socketPath(node.home)}`], env);
}

/** Latest height of a node; rejects while it is down. */
export async function heightOf(node: Home): Promise<bigint> {
  return (await createRpc(node.rpc.url).status()).height;
}

/** Waits until the node has committed `height`. */
export async function reach(node: Home, height: bigint, ms = 60_000): Promise<void> {
  await eventually(
    `height ${height}`,
    async () => {
      const now = await heightOf(node);
      if (now < height) throw new Error(`height is ${now}`);
    },
    ms,
  );
}

/** Application hash after `height` was executed, from the header of the next block. */
export async function appHashAfter(node: Home, height: bigint): Promise<string> {
  await reach(node, height + 1n);
  const { header } = (await node.rpc.call('header', { height: `${height + 1n}` })) as { header: { app_hash: string } };
  return header.app_hash;
}

/** Whether a process of that id exists. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Process id of the CometBFT that `pogod start` runs as its child. */
export function cometPid(node: Process): number {
  const pid = Number(/CometBFT started.*pid=(\d+)/.exec(node.output())?.[1]);
  assert.ok(pid > 0, node.output());
  return pid;
}
