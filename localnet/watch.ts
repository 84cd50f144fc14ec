// SPDX-License-Identifier: Apache-2.0
// Follows the chain by queries and keeps the view up to date. Everything shown comes from the chain or is recomputed;
// nothing is taken from the daemons' word.
import { isNotFound, type Queries } from '../client/query.ts';
import type { Rpc } from '../client/rpc.ts';
import { toHex } from '../core/bytes.ts';
import { type Commit, CommitStatus, Fault, type Job, JobStatus, type Round, RoundPhase } from '../proto/gen/pogo.v1.ts';
import type { DaemonView, Figure, RoundView, View } from './view.ts';

export interface Watched {
  readonly view: View;
  readonly rpcs: readonly { readonly name: string; readonly rpc: Rpc }[];
  readonly queries: Queries;
  readonly jobId: bigint;
  /** Names of addresses. */
  readonly names: ReadonlyMap<string, string>;
  readonly roles: readonly { readonly address: string; readonly name: string; readonly role: DaemonView['role'] }[];
  /** What the model of the job's head can do, found out from the downloaded model; undefined while that is not known. */
  readonly figure: (job: Job) => Figure | undefined;
  /** What an earlier run found out about a round. */
  readonly known: (round: number) => Figure | undefined;
  /** The command that gets more out of a model of which this is known. */
  readonly use: (figure: Figure) => string;
}

const UNIT = 65_536;

function nameOf(table: Readonly<Record<string, number>>, value: number, prefix: string): string {
  const found = Object.entries(table).find(([, v]) => v === value)?.[0] ?? String(value);
  return found.replace(prefix, '');
}

function mean(sum: bigint, samples: number): number {
  return samples === 0 ? 0 : Number(sum) / samples / UNIT;
}

async function heights(w: Watched): Promise<void> {
  w.view.validators = await Promise.all(
    w.rpcs.map(async ({ name, rpc }) => {
      try {
        const status = await rpc.status();
        if (status.height > w.view.height) {
          w.view.height = status.height;
          w.view.appHash = toHex(status.appHash).toUpperCase();
        }
        return { name, height: status.height };
      } catch {
        return { name, height: undefined };
      }
    }),
  );
}

async function daemons(w: Watched): Promise<void> {
  w.view.daemons = await Promise.all(
    w.roles.map(async ({ address, name, role }) => {
      if (role === 'watcher') return { name, role, bond: undefined, earned: 0n, won: 0n };
      if (role === 'verifier') {
        const v = await w.queries.verifier(address);
        return { name, role, bond: v === undefined ? undefined : BigInt(v.bond?.amount ?? '0'), earned: BigInt(v?.earned || '0'), won: 0n };
      }
      const m = await w.queries.miner(address);
      return {
        name,
        role,
        bond: m === undefined ? undefined : BigInt(m.bond?.amount ?? '0'),
        earned: BigInt(m?.earned || '0'),
        won: m?.roundsWon ?? 0n,
      };
    }),
  );
}

function addSlashes(w: Watched, round: number, commits: readonly Commit[]): void {
  for (const c of commits) {
    if (c.status !== CommitStatus.COMMIT_STATUS_SLASHED) continue;
    const account = w.names.get(c.miner) ?? c.miner;
    if (w.view.slashed.some((s) => s.round === round && s.account === account)) continue;
    w.view.slashed.push({
      round,
      account,
      reason: nameOf(Fault, c.fault, 'FAULT_').toLowerCase().replaceAll('_', ' '),
      amount: BigInt(c.slashed || '0'),
    });
  }
}

function closedRound(w: Watched, round: number, { winner, outcome }: Round, commits: readonly Commit[]): RoundView {
  const won = commits.find((c) => c.miner === winner && winner !== '');
  if (won === undefined) return { round, miner: '', status: 'rejected', outcome, parentLoss: 0, loss: 0, figure: undefined, paid: 0n };
  return {
    round,
    miner: w.names.get(winner) ?? winner,
    status: 'finalised',
    outcome,
    parentLoss: mean(won.parentLoss, won.samples),
    loss: mean(won.loss, won.samples),
    figure: undefined,
    paid: BigInt(won.paid || '0'),
  };
}

/** Adds the rounds that have closed since the last look; the figure follows when the head of the round could be had. */
async function rounds(w: Watched, job: Job): Promise<void> {
  for (let n = (w.view.rounds.at(-1)?.round ?? 0) + 1; n <= Number(job.round); n++) {
    const round = await w.queries.round(w.jobId, BigInt(n));
    if (round === undefined) return;
    const commits = await w.queries.commits(w.jobId, BigInt(n));
    addSlashes(w, n, commits);
    if (round.phase !== RoundPhase.ROUND_PHASE_CLOSED) {
      await openRound(w, n, round.phase, round.phaseEnd, round.committee.length, commits);
      return;
    }
    w.view.rounds.push({ ...closedRound(w, n, round, commits), figure: w.known(n) });
  }
  w.view.phase = undefined;
}

/** Finds out what the head can do; asked again at the next look while that is not known. */
function measure(w: Watched, job: Job): void {
  const row = w.view.rounds.find((r) => BigInt(r.round) === job.head?.round);
  if (row === undefined) return;
  row.figure ??= w.figure(job);
  if (row.figure !== undefined) w.view.use ??= w.use(row.figure);
}

async function openRound(w: Watched, n: number, phase: number, end: bigint, committee: number, commits: readonly Commit[]): Promise<void> {
  const late = phase >= RoundPhase.ROUND_PHASE_REVEAL;
  const revealed = late
    ? (await Promise.all(commits.map((c) => w.queries.attestations(w.jobId, BigInt(n), c.miner)))).flat().filter((a) => a.revealed).length
    : 0;
  w.view.phase = {
    round: n,
    name: nameOf(RoundPhase, phase, 'ROUND_PHASE_'),
    end,
    commits: commits.map((c) => w.names.get(c.miner) ?? c.miner),
    revealed,
    expected: committee * commits.filter((c) => c.status !== CommitStatus.COMMIT_STATUS_SLASHED).length,
  };
}

/** One look at the chain. A node that cannot be had now is asked again at the next look; a defect throws. */
export async function look(w: Watched): Promise<void> {
  await heights(w);
  if (w.view.height === 0n) return;
  try {
    const job = await w.queries.job(w.jobId);
    if (job === undefined) return;
    w.view.job = {
      id: job.id,
      title: job.title,
      kernel: toHex(job.kernelId),
      status: nameOf(JobStatus, job.status, 'JOB_STATUS_'),
      escrow: BigInt(job.escrow?.amount ?? '0'),
    };
    await daemons(w);
    await rounds(w, job);
    measure(w, job);
  } catch (error) {
    if (isNotFound(error) || (error as Error).name === 'ConnectionError' || (error as Error).name === 'RpcError') return;
    throw error;
  }
}
