// SPDX-License-Identifier: Apache-2.0
// The whole state as canonical JSON. Indexes are rebuilt; what they follow from is checked.

import { parseAddress } from '../../core/address.ts';
import { compareBytes } from '../../core/bytes.ts';
import { parseAmount, parseCoin } from '../../core/coin.ts';
import type { ChainConfig, Context } from '../../core/context.ts';
import { asObject, type Json, type JsonObject } from '../../core/json.ts';
import type { GenesisHooks } from '../../core/module.ts';
import { fromProtoJson, toProtoJson } from '../../core/protojson.ts';
import type { Coin as ProtoCoin } from '../../proto/gen/cosmos.base.v1beta1.ts';
import { GenesisState, JobStatus, type Round, RoundPhase } from '../../proto/gen/pogo.v1.ts';
import { firstBeacon } from './beacon.ts';
import { MINER, setBonded, VERIFIER } from './bonds.ts';
import { held } from './funds.ts';
import { parseSpec } from './jobs.ts';
import { setCommit, setJob, setRound } from './keeper.ts';
import { checkParams, defaultParams } from './params.ts';
import * as state from './state.ts';
import { checkTerms } from './terms.ts';
import { amountOf, bytesOf, MODULE, type RoleName } from './types.ts';

const PATH = `app_state.${MODULE}`;

/** `app_state.pogo` of a new chain. */
export function defaultGenesis(chain: ChainConfig): JsonObject {
  const value: GenesisState = {
    params: defaultParams(chain.bondDenom),
    jobs: [],
    rounds: [],
    commits: [],
    attestations: [],
    miners: [],
    verifiers: [],
    unbondings: [],
    beacon: firstBeacon(chain.chainId),
    nextJobId: 1n,
    nextUnbondingId: 1n,
    claims: [],
  };
  return asObject(toProtoJson(GenesisState, value), PATH);
}

type Check = (condition: boolean, field: string, rule: string) => void;

const require: Check = (condition, field, rule) => {
  if (!condition) throw new Error(`${PATH}.${field}: ${rule}`);
};

/** Keys must be in order and unique: then export gives back the same text. */
function inOrder<T>(list: readonly T[], field: string, key: (item: T) => Uint8Array): void {
  for (let i = 1; i < list.length; i++) {
    require(compareBytes(key(list[i - 1] as T), key(list[i] as T)) < 0, `${field}[${i}]`, 'entries must be sorted by key and unique');
  }
}

function checkCoin(coin: ProtoCoin | undefined, denom: string, field: string): void {
  const { denom: given } = parseCoin(coin, `${PATH}.${field}`, { zero: true });
  require(given === denom, `${field}.denom`, `must be ${denom}`);
}

function checkOrder(g: GenesisState, chain: ChainConfig): void {
  const at = (text: string, field: string): Uint8Array => parseAddress(text, chain.addressPrefix, `${PATH}.${field}`);
  inOrder(g.jobs, 'jobs', (j) => state.jobs.key.encode(j.id));
  inOrder(g.rounds, 'rounds', (r) => state.rounds.key.encode([r.jobId, r.number]));
  inOrder(g.commits, 'commits', (c) => state.commits.key.encode([[c.jobId, c.round], at(c.miner, 'commits.miner')]));
  inOrder(g.attestations, 'attestations', (a) =>
    state.attestations.key.encode([[a.jobId, a.round], at(a.miner, 'attestations.miner'), at(a.verifier, 'attestations.verifier')]),
  );
  inOrder(g.miners, 'miners', (m) => state.miners.key.encode(at(m.address, 'miners.address')));
  inOrder(g.verifiers, 'verifiers', (v) => state.verifiers.key.encode(at(v.address, 'verifiers.address')));
  inOrder(g.unbondings, 'unbondings', (u) => state.unbondings.key.encode([at(u.address, 'unbondings.address'), u.role as RoleName, u.id]));
  inOrder(g.claims, 'claims', (c) => state.claims.key.encode([at(c.accuser, 'claims.accuser'), c.hash]));
}

function checkJobs(g: GenesisState, denom: string): void {
  g.jobs.forEach((job, i) => {
    const field = `jobs[${i}]`;
    require(job.id >= 1n && job.id < g.nextJobId, `${field}.id`, 'must be positive and below next_job_id');
    checkCoin(job.escrow, denom, `${field}.escrow`);
    require(job.head !== undefined, `${field}.head`, 'is required');
    require(job.status !== JobStatus.JOB_STATUS_UNSPECIFIED, `${field}.status`, 'is required');
    parseSpec(job.spec);
    checkTerms(job.terms, `${PATH}.${field}.terms`);
    const current = g.rounds.some((r) => r.jobId === job.id && r.number === job.round);
    require(job.round === 0n || current, `${field}.round`, 'that round is missing');
  });
}

function checkRounds(g: GenesisState): void {
  const miners = new Set(g.miners.map((m) => m.address));
  const verifiers = new Set(g.verifiers.map((v) => v.address));
  const commits = new Set(g.commits.map((c) => `${c.jobId}/${c.round}/${c.miner}`));
  g.rounds.forEach((round, i) => {
    const field = `rounds[${i}]`;
    const job = g.jobs.find((j) => j.id === round.jobId);
    require(job !== undefined, `${field}.job_id`, 'that job is missing');
    require(isClosed(round) || job?.round === round.number, `${field}.phase`, 'only the current round of a job may be open');
    checkTerms(round.terms, `${PATH}.${field}.terms`);
    require(isClosed(round) || amountOf(job?.escrow) >= amountOf(round.terms?.reward), `${field}.terms.reward`, 'is more than the escrow of the job');
    for (const m of round.miners) require(commits.has(`${round.jobId}/${round.number}/${m}`), `${field}.miners`, `${m} has no commit`);
    for (const v of round.committee) require(verifiers.has(v.verifier), `${field}.committee`, `${v.verifier} is no verifier`);
  });
  g.commits.forEach((c, i) => {
    require(miners.has(c.miner), `commits[${i}].miner`, 'is no miner');
  });
  g.attestations.forEach((a, i) => {
    require(commits.has(`${a.jobId}/${a.round}/${a.miner}`), `attestations[${i}].miner`, 'has no commit in that round');
  });
}

function checkBonds(g: GenesisState, denom: string): void {
  g.miners.forEach((m, i) => {
    checkCoin(m.bond, denom, `miners[${i}].bond`);
  });
  g.verifiers.forEach((v, i) => {
    checkCoin(v.bond, denom, `verifiers[${i}].bond`);
    require(v.blsKey.length === 48, `verifiers[${i}].bls_key`, 'must have 48 bytes');
    parseAmount(v.earned, `${PATH}.verifiers[${i}].earned`);
  });
  g.unbondings.forEach((u, i) => {
    const field = `unbondings[${i}]`;
    checkCoin(u.amount, denom, `${field}.amount`);
    require(u.role === 'miner' || u.role === 'verifier', `${field}.role`, 'must be miner or verifier');
    require(u.id < g.nextUnbondingId, `${field}.id`, 'must be below next_unbonding_id');
  });
}

function parse(json: Json, chain: ChainConfig): GenesisState {
  const g = fromProtoJson(GenesisState, asObject(json, PATH), PATH);
  const params = checkParams(g.params, `${PATH}.params`);
  require(g.nextJobId >= 1n, 'next_job_id', 'must be positive');
  require(g.nextUnbondingId >= 1n, 'next_unbonding_id', 'must be positive');
  require(g.beacon === undefined || g.beacon.value.length === 32, 'beacon.value', 'must have 32 bytes');
  checkOrder(g, chain);
  checkJobs(g, params.bondDenom);
  checkRounds(g);
  checkBonds(g, params.bondDenom);
  return g;
}

const isClosed = (round: Round): boolean => round.phase === RoundPhase.ROUND_PHASE_CLOSED;

/** What an open round implies: who is engaged, and whether it awaits a beacon. */
function initRound(ctx: Context, round: Round): void {
  setRound(ctx, round);
  if (isClosed(round)) return;
  if (round.miners.length > 0) state.openRounds.set(ctx, state.openRounds.need(ctx) + 1n);
  if (round.phase === RoundPhase.ROUND_PHASE_BEACON) state.awaiting.set(ctx, round.jobId, true);
  for (const miner of round.miners) state.engaged.set(ctx, ['miner', bytesOf(ctx, miner), round.jobId], true);
  for (const { verifier } of round.committee) state.engaged.set(ctx, ['verifier', bytesOf(ctx, verifier), round.jobId], true);
}

function initPeople(ctx: Context, g: GenesisState): void {
  for (const miner of g.miners) setBonded(ctx, MINER, miner);
  for (const verifier of g.verifiers) {
    setBonded(ctx, VERIFIER, verifier);
    state.blsKeys.set(ctx, verifier.blsKey, true);
  }
  for (const u of g.unbondings) {
    const key = [bytesOf(ctx, u.address), u.role as RoleName, u.id] as const;
    state.unbondings.set(ctx, key, u);
    state.releases.set(ctx, [u.releaseHeight, key], true);
  }
  for (const claim of g.claims) {
    const accuser = bytesOf(ctx, claim.accuser);
    state.claims.set(ctx, [accuser, claim.hash], claim);
    state.claimsByHeight.set(ctx, [claim.height, accuser, claim.hash], true);
  }
}

function init(ctx: Context, g: GenesisState): void {
  state.params.set(ctx, checkParams(g.params, `${PATH}.params`));
  state.nextJobId.set(ctx, g.nextJobId);
  state.nextUnbondingId.set(ctx, g.nextUnbondingId);
  state.beacon.set(ctx, g.beacon ?? firstBeacon(ctx.chain.chainId));
  state.openRounds.set(ctx, 0n);
  initPeople(ctx, g);
  for (const job of g.jobs) {
    setJob(ctx, job);
    state.jobsByOwner.set(ctx, [bytesOf(ctx, job.owner), job.id], true);
  }
  for (const round of g.rounds) initRound(ctx, round);
  for (const commit of g.commits) setCommit(ctx, commit);
  for (const a of g.attestations) state.attestations.set(ctx, [[a.jobId, a.round], bytesOf(ctx, a.miner), bytesOf(ctx, a.verifier)], a);
  const owed = [
    ...g.jobs.map((j) => j.escrow),
    ...g.miners.map((m) => m.bond),
    ...g.verifiers.map((v) => v.bond),
    ...g.unbondings.map((u) => u.amount),
  ];
  const sum = owed.reduce((total, coin) => total + amountOf(coin), 0n);
  require(held(ctx) === sum, 'jobs', `escrows, bonds and unbondings make ${sum}, the balance of the module's account is ${held(ctx)}`);
}

const values = <K, V>(entries: IterableIterator<readonly [K, V]>): V[] => [...entries].map(([, value]) => value);

export const genesis: GenesisHooks = {
  validate(json, chain) {
    parse(json, chain);
  },
  init(ctx, json) {
    init(ctx, parse(json, ctx.chain));
    return [];
  },
  export: (ctx) =>
    toProtoJson(GenesisState, {
      params: state.params.need(ctx),
      jobs: values(state.jobs.entries(ctx)),
      rounds: values(state.rounds.entries(ctx)),
      commits: values(state.commits.entries(ctx)),
      attestations: values(state.attestations.entries(ctx)),
      miners: values(state.miners.entries(ctx)),
      verifiers: values(state.verifiers.entries(ctx)),
      unbondings: values(state.unbondings.entries(ctx)),
      beacon: state.beacon.need(ctx),
      nextJobId: state.nextJobId.need(ctx),
      nextUnbondingId: state.nextUnbondingId.need(ctx),
      claims: values(state.claims.entries(ctx)),
    }),
};
