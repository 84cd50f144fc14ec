// SPDX-License-Identifier: Apache-2.0
// `npm start`: brings a local chain up, posts a job, starts the daemons, shows what happens, and ends every process.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createQueries } from '../client/query.ts';
import { createRpc, type Rpc } from '../client/rpc.ts';
import { toAny } from '../client/signing.ts';
import { createTxSender, responseOf } from '../client/tx.ts';
import { MsgCreateJob, MsgCreateJobResponse } from '../proto/gen/pogo.v1.ts';
import { daemonSpec } from './daemons.ts';
import { createFigures, type FigureReader } from './figures.ts';
import { continueCommand, useCommand } from './hints.ts';
import { jobMessage } from './job.ts';
import { DENOM, type Network, openNetwork, saveJob } from './network.ts';
import { type LocalnetOptions, PROJECT, parseOptions } from './options.ts';
import { checkPorts } from './ports.ts';
import { resultOf } from './result.ts';
import { plainScreen, type Screen, terminalScreen } from './screen.ts';
import { createSupervisor, type Supervisor } from './supervise.ts';
import { emptyView, endLines, type View } from './view.ts';
import { look, type Watched } from './watch.ts';

const LOOK_MS = 500;
const START_MS = 60_000;
/** Some backends need a minute to be checked on a busy machine. */
const BOND_MS = 180_000;
/** A busy machine takes its time for ten thousand pictures. */
const FIGURE_MS = 180_000;
/** Of a job that takes no more rounds by itself. */
const ENDED: readonly string[] = ['FROZEN', 'CONVERGED', 'CLOSED'];

/** The run cannot do what was asked for; the text says why. */
class LocalnetError extends Error {
  override readonly name = 'LocalnetError';
}

function startValidators(network: Network, supervisor: Supervisor): void {
  for (const v of network.validators) {
    supervisor.start({
      name: v.name,
      command: join(PROJECT, 'bin', 'pogod'),
      args: ['start', '--home', v.home],
      logFile: join(network.home, 'logs', `${v.name}.log`),
      restart: true,
    });
  }
}

async function awaitBlocks(rpc: Rpc, above: bigint): Promise<void> {
  const until = Date.now() + START_MS;
  for (;;) {
    try {
      if ((await rpc.status()).height > above) return;
    } catch {
      // Not up yet.
    }
    if (Date.now() > until) throw new LocalnetError(`the validators made no block within ${START_MS / 1000} s; see the logs`);
    await sleep(100);
  }
}

/** Waits for the honest daemons' bonds, so that the first round has them all; goes on without those that are late. */
async function awaitBonds(network: Network, rpc: Rpc, view: View): Promise<void> {
  const queries = createQueries(rpc);
  const until = Date.now() + BOND_MS;
  const honest = network.members.filter((m) => m.role === 'miner' || m.role === 'verifier');
  while (Date.now() < until) {
    const bonded = await Promise.all(
      honest.map(async (m) => (m.role === 'miner' ? await queries.miner(m.address) : await queries.verifier(m.address)) !== undefined),
    );
    if (bonded.every((b) => b)) return;
    await sleep(LOOK_MS);
  }
  view.notices.push(`some daemons were not bonded within ${BOND_MS / 1000} s; they join a later round`);
}

/** Posts the job unless this chain has it already, and resolves to its id. */
async function postJob(network: Network, rpc: Rpc, job: string): Promise<bigint> {
  const posted = network.file.jobs[job];
  if (posted !== undefined) return BigInt(posted);
  const sender = createTxSender({ rpc, signer: network.keyring.signer('owner'), chainId: network.file.chain_id });
  const message = await jobMessage(job, sender.address);
  const { jobId } = responseOf(await sender.send([toAny(MsgCreateJob, message)]), MsgCreateJobResponse);
  saveJob(network, job, jobId);
  return jobId;
}

/** Rounds finalised after round `from`; throws LocalnetError when no more can come. */
function progress(view: View, from: number): number {
  const done = view.rounds.filter((r) => r.status === 'finalised' && r.round > from).length;
  const status = view.job?.status;
  if (status !== undefined && ENDED.includes(status))
    throw new LocalnetError(`the job is ${status.toLowerCase()} after ${done} finalised rounds of this run and takes no more until its owner acts`);
  return done;
}

/** The last figure may come after its round: the model has to be downloaded first. */
async function lastFigure(w: Watched, screen: Screen): Promise<void> {
  const until = Date.now() + FIGURE_MS;
  while (w.view.rounds.findLast((r) => r.status === 'finalised')?.figure === undefined && Date.now() < until) {
    await sleep(LOOK_MS);
    await look(w);
  }
  screen.update(w.view);
}

async function follow(w: Watched, screen: Screen, options: LocalnetOptions, stopped: AbortSignal): Promise<void> {
  await look(w);
  const from = w.view.rounds.at(-1)?.round ?? 0;
  let last = { done: 0, at: Date.now() };
  while (!stopped.aborted) {
    await look(w);
    screen.update(w.view);
    if (options.rounds !== undefined) {
      const done = progress(w.view, from);
      if (done >= options.rounds) {
        await lastFigure(w, screen);
        return;
      }
      if (done > last.done) last = { done, at: Date.now() };
      if (Date.now() - last.at > options.patienceS * 1000)
        throw new LocalnetError(`no round was finalised for ${options.patienceS} s (${done} of ${options.rounds} so far); see the logs`);
    }
    await sleep(LOOK_MS);
  }
}

function watched(network: Network, view: View, jobId: bigint, rpcs: Watched['rpcs'], models: FigureReader): Watched {
  const first = rpcs[0];
  if (first === undefined) throw new LocalnetError('a localnet needs a validator');
  const names = new Map(network.keyring.list().map((k) => [k.address, k.name]));
  return {
    view,
    rpcs,
    queries: createQueries(first.rpc),
    jobId,
    names,
    roles: network.members,
    figure: (job) => models.read(job),
    known: (round) => models.known(jobId, round),
    use: (figure) => useCommand(first.rpc.url.replace(/\/$/, ''), jobId, figure),
  };
}

interface Run {
  readonly network: Network;
  readonly options: LocalnetOptions;
  readonly supervisor: Supervisor;
  readonly screen: Screen;
  readonly view: View;
  readonly stopped: AbortSignal;
}

async function run({ network, options, supervisor, screen, view, stopped }: Run): Promise<void> {
  await checkPorts(network);
  const rpcs = network.validators.map((v) => ({ name: v.name, rpc: createRpc(`http://127.0.0.1:${v.rpcPort}`, { timeoutMs: 5000 }) }));
  const rpc = rpcs[0]?.rpc ?? createRpc('');
  startValidators(network, supervisor);
  screen.update(view);
  // A node tells of a block before its application has committed it, so the first that counts is the second.
  await awaitBlocks(rpc, 1n);
  for (const member of network.members) supervisor.start(daemonSpec(network, member, options));
  await awaitBonds(network, rpc, view);
  const jobId = await postJob(network, rpc, options.job);
  const figures = createFigures(network, (text) => view.notices.push(text));
  try {
    await follow(watched(network, view, jobId, rpcs, figures), screen, options, stopped);
  } finally {
    await figures.close();
  }
}

/** Runs the localnet; resolves with the process's exit code. */
async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  // Before anything is made: a job that cannot be posted leaves no chain behind.
  await jobMessage(options.job, '');
  const network = openNetwork(options);
  const view = emptyView(network.file.chain_id, DENOM, continueCommand(options));
  view.notices.push(
    network.fresh ? `new chain ${network.file.chain_id} in ${network.home}` : `continuing chain ${network.file.chain_id} in ${network.home}`,
  );
  const screen = process.stdout.isTTY && !options.json ? terminalScreen(process.stdout) : plainScreen(print);
  const supervisor = createSupervisor();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const interrupted = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  let failure: Error | undefined;
  try {
    await Promise.race([run({ network, options, supervisor, screen, view, stopped: stop.signal }), supervisor.failed, interrupted]);
  } catch (error) {
    failure = error as Error;
  }
  stop.abort();
  screen.close(view);
  if (!options.json) print('stopping every process');
  await supervisor.stop();
  if (!options.json) for (const line of endLines(view)) print(line);
  if (failure !== undefined) process.stderr.write(`localnet: ${failure.message}\nlogs: ${join(network.home, 'logs')}\n`);
  if (options.json) print(JSON.stringify(resultOf(view, Date.now())));
  const unmet = options.rounds !== undefined && failure === undefined && view.rounds.filter((r) => r.status === 'finalised').length < options.rounds;
  return failure !== undefined || unmet ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`localnet: ${error.message}\n`);
    process.exit(1);
  },
);
