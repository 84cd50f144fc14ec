// SPDX-License-Identifier: Apache-2.0
// A role as a process: chain, worker, journal, artifact server, and a visit at each new height until it is told to end.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openKeyring } from '../client/keyring.ts';
import { sleep } from '../client/rpc.ts';
import { parseGasPrice } from '../client/signing.ts';
import { ArtifactServer } from './artifact/server.ts';
import { ArtifactStore } from './artifact/store.ts';
import type { Conduct } from './attacks/conduct.ts';
import { deriveBlsKey } from './bls.ts';
import { type Chain, connectChain } from './chain.ts';
import { dataOptionsOf, type MinerConfig } from './config.ts';
import { Ledger } from './ledger.ts';
import { Library } from './library.ts';
import { lock } from './lock.ts';
import { Miner } from './loop.ts';
import { useNativeHash } from './native.ts';
import { createReport, type Report } from './report.ts';
import type { Role, RoleOptions } from './role.ts';
import { StateStore } from './states.ts';
import { Verifier } from './verifier.ts';
import { Watcher } from './watcher.ts';
import { startWorkbench, type Workbench } from './work/workbench.ts';

export type RoleName = 'mine' | 'verify' | 'watch';

export interface DaemonOptions {
  readonly role: RoleName;
  readonly config: MinerConfig;
  readonly conduct?: Conduct;
  /** Ends the daemon. */
  readonly signal: AbortSignal;
}

/** Size of the journal from which on it is cleaned at start. */
const LEDGER_BYTES = 4_000_000;

/** Heights between two cleanings of the data folder. */
const TIDY_BLOCKS = 20n;

/** Runs until the signal, or until something fails that trying again cannot mend. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { config, role } = options;
  useNativeHash();
  mkdirSync(config.data, { recursive: true });
  const release = lock(join(config.data, 'lock'));
  const report = createReport(role, config.data);
  const ends: (() => Promise<void> | void)[] = [release, () => report.end()];
  try {
    const ledger = new Ledger(join(config.data, 'ledger.jsonl'));
    ends.unshift(() => ledger.close());
    const folders = { artifacts: join(config.data, 'artifacts'), states: join(config.data, 'states') };
    const artifacts = new ArtifactStore(folders.artifacts);
    artifacts.sweep();
    const states = new StateStore(folders.states);
    const chain = await connect(config, report.log, options.signal);
    if (chain === undefined) return;
    if (ledger.size > LEDGER_BYTES) await forgetOldRounds(ledger, chain);
    const data = { cache: join(config.data, 'roots'), ...dataOptionsOf(config) };
    const workbench = await startWorkbench(config.backend, { ...folders, data });
    ends.unshift(() => workbench.close());
    const library = new Library(chain, workbench, artifacts, states, config.endpoint);
    const daemon = createRole(options, { chain, workbench, library, log: report.log, ledger });
    ends.unshift(() => daemon.stop());
    const server = await serve(config, artifacts, daemon);
    ends.unshift(() => server.close());
    report.log.info(
      {
        role,
        address: chain.address,
        chain: chain.chainId,
        backend: workbench.backend,
        endpoint: config.endpoint,
        conduct: options.conduct?.name ?? 'honest',
      },
      'started',
    );
    await visit(options, chain, daemon, library, report);
  } finally {
    for (const end of ends) await end();
  }
}

/** Nothing can be signed again for a round that is over, so its entries have done their duty. */
async function forgetOldRounds(ledger: Ledger, chain: Chain): Promise<void> {
  const current = new Map((await chain.jobs()).map((job) => [job.id.toString(), job.round]));
  ledger.compact(({ key }) => {
    const [job = '', round = '0'] = key.split('/');
    return BigInt(round) >= (current.get(job) ?? 0n);
  });
}

interface Tools {
  readonly chain: Chain;
  readonly workbench: Workbench;
  readonly library: Library;
  readonly log: Logger;
  readonly ledger: Ledger;
}

async function connect(config: MinerConfig, log: Logger, signal: AbortSignal): Promise<Chain | undefined> {
  const signer = openKeyring(config.home, config.prefix).signer(config.key);
  for (let told = false; !signal.aborted; told = true) {
    try {
      return await connectChain({
        nodes: config.nodes,
        signer,
        prefix: config.prefix,
        ...(config.chain_id === undefined ? {} : { chainId: config.chain_id }),
        ...(config.gas_price === undefined ? {} : { gasPrice: parseGasPrice(config.gas_price) }),
        onFailed: (error) => log.warn({ error: error.message }, 'a transaction failed'),
      });
    } catch (error) {
      if ((error as Error).name !== 'ConnectionError') throw error;
      if (!told) log.warn({ error: (error as Error).message }, 'waiting for a node');
      await sleep(config.poll_ms);
    }
  }
  return undefined;
}

function createRole({ role, config, conduct }: DaemonOptions, tools: Tools): Role {
  const { endpoint, moniker, bond } = config;
  const options: RoleOptions & Tools = { ...tools, jobs: config.jobs.map(BigInt), endpoint, moniker, bond };
  if (role === 'mine') return new Miner({ ...options, ...(conduct === undefined ? {} : { conduct }) });
  if (role === 'watch') return new Watcher({ ...options, ...(config.watch_steps === undefined ? {} : { budget: config.watch_steps }) });
  const keyring = openKeyring(config.home, config.prefix);
  return new Verifier({ ...options, blsKey: deriveBlsKey(keyring.privateKey(config.key)) });
}

async function serve(config: MinerConfig, store: ArtifactStore, role: Role): Promise<ArtifactServer> {
  const { connections, requests_per_address: requestsPerAddress, bytes_per_minute: bytesPerMinute } = config.limits;
  const limits = { connections, requestsPerAddress, bytesPerMinute };
  const server = new ArtifactServer({ store, isReleased: (root) => role.isReleased(root), status: () => role.status(), limits });
  const split = config.listen.lastIndexOf(':');
  try {
    await server.listen(Number(config.listen.slice(split + 1)), config.listen.slice(0, split));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === 'EADDRINUSE' ? `listen: ${config.listen} is in use by another process` : `listen: ${message}`);
  }
  return server;
}

async function visit({ config, signal }: DaemonOptions, chain: Chain, role: Role, library: Library, report: Report): Promise<void> {
  let last = 0n;
  let tidied = 0n;
  let failing = '';
  while (!signal.aborted) {
    try {
      const height = await chain.height();
      if (height > last) {
        last = height;
        await role.tick(height);
        if (height >= tidied + TIDY_BLOCKS) {
          tidied = height;
          await library.tidy(config.keep_artifacts);
        }
      }
      if (failing !== '') report.log.info('going on');
      failing = '';
    } catch (error) {
      const { message } = error as Error;
      // Once per reason: a node that is away for an hour is one line, not fourteen thousand.
      if (message !== failing) report.log.warn({ error: message }, 'a visit failed; will be tried again');
      failing = message;
    }
    report.show(role.status());
    await sleep(config.poll_ms);
  }
}
