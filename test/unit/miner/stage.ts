// SPDX-License-Identifier: Apache-2.0
// A stage for the daemons: a chain with a job, and miners, verifiers and watchers that work on it with real artifact
// servers, each with a folder of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { createSigner, createTxSender, responseOf, sleep, toAny } from '../../../client/index.ts';
import { ArtifactServer } from '../../../miner/artifact/server.ts';
import { attackOf } from '../../../miner/attacks/conduct.ts';
import { deriveBlsKey } from '../../../miner/bls.ts';
import { describeDataset, openDataset } from '../../../miner/data/dataset.ts';
import { Ledger } from '../../../miner/ledger.ts';
import { Library } from '../../../miner/library.ts';
import { Miner } from '../../../miner/loop.ts';
import type { Role, RoleOptions } from '../../../miner/role.ts';
import { Verifier } from '../../../miner/verifier.ts';
import { Watcher } from '../../../miner/watcher.ts';
import { Bench, NO_CONTROL } from '../../../miner/work/bench.ts';
import { runTask } from '../../../miner/work/run.ts';
import type { Results } from '../../../miner/work/tasks.ts';
import type { Workbench } from '../../../miner/work/workbench.ts';
import { specToProto } from '../../../modules/pogo/spec.ts';
import {
  type Commit,
  CommitStatus,
  type Job,
  Mode,
  MsgCreateJob,
  MsgCreateJobResponse,
  type Round,
  RoundPhase,
  type RoundTerms,
} from '../../../proto/gen/pogo.v1.ts';
import { initialState } from '../../../train/init.ts';
import { kernelId } from '../../../train/kernel.ts';
import { reference } from '../../../train/reference.ts';
import { stateTree } from '../../../train/round.ts';
import type { TrainSpec } from '../../../train/spec.ts';
import { CHAIN, type Signer } from '../../helpers/fixture.ts';
import { SPEC, TERMS } from './fixture.ts';
import { type MockChain, mockChain } from './mockchain.ts';

export interface Player {
  readonly role: Role;
  readonly address: string;
  readonly folder: string;
  readonly library: Library;
  stop(): Promise<void>;
}

export type Part = { readonly kind: 'mine'; readonly attack?: string } | { readonly kind: 'verify' } | { readonly kind: 'watch' };

export interface Stage {
  readonly chain: MockChain;
  readonly job: bigint;
  /** Adds a player for account `index` (0 is the job's owner). */
  play(index: number, part: Part, folder?: string): Promise<Player>;
  /** Waits for a round of the job to close; its record and commits. */
  closed(round: bigint): Promise<{ readonly job: Job; readonly round: Round; readonly commits: readonly Commit[] }>;
  /** Waits until the condition holds for the current round. */
  until(what: string, condition: (job: Job, round: Round | undefined) => boolean | Promise<boolean>): Promise<void>;
  end(): Promise<void>;
}

export const STATUS: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(CommitStatus).map(([k, v]) => [v, k.slice(14)]));
const LIMIT_MS = 60_000;

/** A workbench in this thread. */
export function localWorkbench(bench: Bench): Workbench {
  return {
    backend: 'reference',
    run: async (task, options) => {
      await sleep(0);
      const check = (): void => options?.signal?.throwIfAborted();
      const control = { check, progress: NO_CONTROL.progress };
      return (await runTask(bench, task, control)) as Results[typeof task.kind];
    },
    close: async () => undefined,
  };
}

/** What the job trains, on which sets. */
export interface Work {
  readonly spec: TrainSpec;
  readonly training: string;
  readonly evaluation: string;
}

const DIGITS: Work = { spec: SPEC, training: 'mnist/test', evaluation: 'mnist/holdout' };

export async function stage(accounts: number, terms: Partial<RoundTerms> = {}, work: Work = DIGITS): Promise<Stage> {
  const chain = await mockChain(accounts, { round_pause: 2, committee_size: 16 });
  const root = mkdtempSync(join(tmpdir(), 'pogo-stage-'));
  const stop = new AbortController();
  const blocks = chain.run(stop.signal);
  const players: Player[] = [];
  const end = async (): Promise<void> => {
    for (const player of players) await player.stop();
    stop.abort();
    await blocks;
    rmSync(root, { recursive: true, force: true });
  };
  // Without the end the chain would go on making blocks, and the test process with it.
  const job = await createJob(chain, { ...TERMS, ...terms }, work).catch(async (error: Error) => {
    await end();
    throw error;
  });
  const until: Stage['until'] = async (what, condition) => {
    for (const started = Date.now(); Date.now() - started < LIMIT_MS; await sleep(10)) {
      const current = await chain.queries.job(job);
      if (current === undefined) continue;
      const round = current.round === 0n ? undefined : await chain.queries.round(job, current.round);
      if (await condition(current, round)) return;
    }
    throw new Error(`waited ${LIMIT_MS} ms for ${what}`);
  };
  return {
    chain,
    job,
    until,
    async play(index, part, folder = join(root, `${players.length}`)) {
      const player = await createPlayer(chain, index, part, folder);
      players.push(player);
      return player;
    },
    async closed(number) {
      await until(`the end of round ${number}`, async () => (await chain.queries.round(job, number))?.phase === RoundPhase.ROUND_PHASE_CLOSED);
      const [found, round, commits] = await Promise.all([
        chain.queries.job(job),
        chain.queries.round(job, number),
        chain.queries.commits(job, number),
      ]);
      if (found === undefined || round === undefined) throw new Error('the round is gone');
      return { job: found, round, commits };
    },
    end,
  };
}

async function createJob(chain: MockChain, terms: RoundTerms, { spec, training, evaluation }: Work): Promise<bigint> {
  const signer = createSigner((chain.accounts[0] as Signer).privateKey, CHAIN.addressPrefix);
  const sender = createTxSender({ rpc: chain.rpc, signer, chainId: CHAIN.chainId, pollMs: 5 });
  const initSeed = new Uint8Array(32).fill(3);
  const result = await sender.send([
    toAny(MsgCreateJob, {
      owner: signer.address,
      title: 'digits',
      mode: Mode.MODE_RACE,
      spec: specToProto(spec),
      kernelId: kernelId(spec),
      training: describeDataset(await openDataset(training)),
      evaluation: describeDataset(await openDataset(evaluation)),
      initSeed,
      initStateRoot: stateTree(spec, initialState(spec, initSeed)).root,
      terms,
      escrow: { denom: CHAIN.bondDenom, amount: '100000000' },
    }),
  ]);
  return responseOf(result, MsgCreateJobResponse).jobId;
}

async function createPlayer(mock: MockChain, index: number, part: Part, folder: string): Promise<Player> {
  const chain = await mock.connect(index);
  const folders = { artifacts: join(folder, 'artifacts'), states: join(folder, 'states') };
  const bench = new Bench(reference, { ...folders, data: {} });
  const log: Logger = pino({ level: process.env['POGO_TEST_LOG'] ?? 'silent', base: { player: `${part.kind} ${index}` } });
  const ledger = new Ledger(join(folder, 'ledger.jsonl'));
  let role: Role | undefined;
  const isReleased = (root: string): boolean => role?.isReleased(root) ?? false;
  const server = new ArtifactServer({ store: bench.artifacts, isReleased, status: () => role?.status() ?? {} });
  const endpoint = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  const workbench = localWorkbench(bench);
  const library = new Library(chain, workbench, bench.artifacts, bench.states, endpoint);
  const options: RoleOptions & { ledger: Ledger } = { chain, workbench, library, log, jobs: [], endpoint, moniker: '', bond: 0n, ledger };
  const conduct = part.kind === 'mine' && part.attack !== undefined ? attackOf(part.attack) : undefined;
  if (part.kind === 'mine') role = new Miner({ ...options, ...(conduct === undefined ? {} : { conduct }) });
  else if (part.kind === 'watch') role = new Watcher(options);
  else role = new Verifier({ ...options, blsKey: deriveBlsKey((mock.accounts[index] as Signer).privateKey) });
  const visits = new AbortController();
  const done = visit(chain, role, visits.signal, log);
  return {
    role,
    address: chain.address,
    folder,
    library,
    async stop() {
      if (visits.signal.aborted) return;
      visits.abort();
      await done;
      await role?.stop();
      await server.close();
      ledger.close();
    },
  };
}

async function visit(chain: { height(): Promise<bigint> }, role: Role, signal: AbortSignal, log: Logger): Promise<void> {
  for (let last = 0n; !signal.aborted; await sleep(5)) {
    const height = await chain.height();
    if (height === last) continue;
    last = height;
    await role.tick(height).catch((error: Error) => log.error(error.stack));
  }
}
