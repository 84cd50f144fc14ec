// SPDX-License-Identifier: Apache-2.0
// What must hold after every block. Functions return the violations they find.
import { toHex } from '../../core/bytes.ts';
import type { KeyMap } from '../../core/collections.ts';
import type { ReadContext } from '../../core/context.ts';
import { CommitStatus, JobStatus, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import { type Bonded, MINER, type Role, VERIFIER } from './bonds.ts';
import { held } from './funds.ts';
import * as state from './state.ts';
import { amountOf, bytesOf } from './types.ts';

/** Escrows, bonds and unbondings are all that the module's account holds. */
function balance(ctx: ReadContext): readonly string[] {
  let owed = 0n;
  for (const [, job] of state.jobs.entries(ctx)) owed += amountOf(job.escrow);
  for (const [, miner] of state.miners.entries(ctx)) owed += amountOf(miner.bond);
  for (const [, verifier] of state.verifiers.entries(ctx)) owed += amountOf(verifier.bond);
  for (const [, unbonding] of state.unbondings.entries(ctx)) owed += amountOf(unbonding.amount);
  return owed === held(ctx) ? [] : [`pogo: escrows, bonds and unbondings make ${owed}, the account holds ${held(ctx)}`];
}

/** Compares the keys of an index with those that it must have. */
function compare<K>(ctx: ReadContext, name: string, index: KeyMap<K, true>, expected: readonly K[]): readonly string[] {
  const want = new Set(expected.map((k) => toHex(index.key.encode(k))));
  const found: string[] = [];
  for (const [k] of index.entries(ctx)) {
    const key = toHex(index.key.encode(k));
    if (!want.delete(key)) found.push(`pogo: index ${name} has ${key} without a reason`);
  }
  for (const key of want) found.push(`pogo: index ${name} lacks ${key}`);
  return found;
}

function byBond<T extends Bonded>(ctx: ReadContext, role: Role<T>): readonly string[] {
  const expected: (readonly [bigint, Uint8Array])[] = [];
  for (const [address, who] of role.map.entries(ctx)) if (amountOf(who.bond) > 0n) expected.push([amountOf(who.bond), address]);
  return compare(ctx, `${role.name} by bond`, role.byBond, expected);
}

function jobs(ctx: ReadContext): readonly string[] {
  const all = [...state.jobs.entries(ctx)].map(([, job]) => job);
  const found = all
    .filter((j) => j.status === JobStatus.JOB_STATUS_CLOSED && (amountOf(j.escrow) > 0n || j.wakeHeight !== 0n))
    .map((j) => `pogo: closed job ${j.id} holds escrow or wakes`);
  const wakes = all.filter((j) => j.wakeHeight !== 0n).map((j) => [j.wakeHeight, j.id] as const);
  const owners = all.map((j) => [bytesOf(ctx, j.owner), j.id] as const);
  return [...found, ...compare(ctx, 'wakes', state.wakes, wakes), ...compare(ctx, 'jobs by owner', state.jobsByOwner, owners)];
}

function rounds(ctx: ReadContext): readonly string[] {
  const found: string[] = [];
  const awaiting: bigint[] = [];
  const engaged: (readonly ['miner' | 'verifier', Uint8Array, bigint])[] = [];
  let open = 0n;
  for (const [, round] of state.rounds.entries(ctx)) {
    if (round.phase === RoundPhase.ROUND_PHASE_CLOSED) continue;
    if (round.miners.length > 0) open++;
    if (state.jobs.get(ctx, round.jobId)?.round !== round.number)
      found.push(`pogo: round ${round.number} of job ${round.jobId} is open but not current`);
    if (round.phase === RoundPhase.ROUND_PHASE_BEACON) awaiting.push(round.jobId);
    for (const miner of round.miners) engaged.push(['miner', bytesOf(ctx, miner), round.jobId]);
    for (const { verifier } of round.committee) engaged.push(['verifier', bytesOf(ctx, verifier), round.jobId]);
  }
  if (open !== state.openRounds.need(ctx)) found.push(`pogo: ${open} open rounds hold commits, counted are ${state.openRounds.need(ctx)}`);
  return [...found, ...compare(ctx, 'awaiting', state.awaiting, awaiting), ...compare(ctx, 'engaged', state.engaged, engaged)];
}

function commits(ctx: ReadContext): readonly string[] {
  const found: string[] = [];
  for (const [[[job, number], address], commit] of state.commits.entries(ctx)) {
    const round = state.rounds.get(ctx, [job, number]);
    if (round?.miners.includes(commit.miner) !== true) found.push(`pogo: commit of ${toHex(address)} is not in its round`);
    const pending = commit.status === CommitStatus.COMMIT_STATUS_PENDING;
    if (pending && round?.phase === RoundPhase.ROUND_PHASE_CLOSED)
      found.push(`pogo: commit of ${commit.miner} is undecided in closed round ${number}`);
  }
  return found;
}

function queues(ctx: ReadContext): readonly string[] {
  const releases = [...state.unbondings.entries(ctx)].map(([key, u]) => [u.releaseHeight, key] as const);
  const claims = [...state.claims.entries(ctx)].map(([[accuser, hash], c]) => [c.height, accuser, hash] as const);
  const keys = [...state.verifiers.entries(ctx)].map(([, v]) => v.blsKey);
  return [
    ...compare(ctx, 'releases', state.releases, releases),
    ...compare(ctx, 'claims by height', state.claimsByHeight, claims),
    ...compare(ctx, 'BLS keys', state.blsKeys, keys),
  ];
}

/** All violations; empty when the state is sound. */
export function invariants(ctx: ReadContext): readonly string[] {
  return [...balance(ctx), ...byBond(ctx, MINER), ...byBond(ctx, VERIFIER), ...jobs(ctx), ...rounds(ctx), ...commits(ctx), ...queues(ctx)];
}
