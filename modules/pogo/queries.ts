// SPDX-License-Identifier: Apache-2.0
import type { ReadContext } from '../../core/context.ts';
import { errKeyNotFound } from '../../core/errors.ts';
import type { AnyQueryHandler, QueryHandler } from '../../core/module.ts';
import { paginate } from '../../core/pagination.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import type { MessageType } from '../../proto/message.ts';
import { challengesFor } from './commits.ts';
import { commitsOf, getParams } from './keeper.ts';
import * as state from './state.ts';
import { bytesOf } from './types.ts';

const query = <Q, R>(
  method: string,
  request: MessageType<Q>,
  response: MessageType<R>,
  handle: (ctx: ReadContext, q: Q) => R,
): QueryHandler<Q, R> => ({
  service: 'pogo.v1.Query',
  method,
  request,
  response,
  handle,
});

function jobOf(ctx: ReadContext, id: bigint): pb.Job {
  const job = state.jobs.get(ctx, id);
  if (job === undefined) throw errKeyNotFound(`job ${id}`);
  return job;
}

/** Round 0 is the current one. */
function roundOf(ctx: ReadContext, jobId: bigint, number: bigint): pb.Round {
  const wanted = number === 0n ? jobOf(ctx, jobId).round : number;
  const round = state.rounds.get(ctx, [jobId, wanted]);
  if (round === undefined) throw errKeyNotFound(`round ${wanted} of job ${jobId}`);
  return round;
}

function jobs(ctx: ReadContext, q: pb.QueryJobsRequest): pb.QueryJobsResponse {
  const matches = (job: pb.Job | undefined): pb.Job | undefined => (q.status === 0 || job?.status === q.status ? job : undefined);
  if (q.owner !== '') {
    const prefix = state.addressPrefix(bytesOf(ctx, q.owner, 'owner'));
    const page = paginate(ctx, state.jobsByOwner, q.pagination, ([, id]) => matches(state.jobs.get(ctx, id)), prefix);
    return { jobs: page.items, pagination: page.pagination };
  }
  const page = paginate(ctx, state.jobs, q.pagination, (_, job) => matches(job));
  return { jobs: page.items, pagination: page.pagination };
}

function challenges(ctx: ReadContext, q: pb.QueryChallengesRequest): pb.QueryChallengesResponse {
  const round = roundOf(ctx, q.jobId, q.round);
  const commit = state.commits.get(ctx, [[q.jobId, round.number], bytesOf(ctx, q.miner, 'miner')]);
  if (commit === undefined) throw errKeyNotFound(`commit of ${q.miner} in round ${round.number} of job ${q.jobId}`);
  const all = challengesFor(ctx, jobOf(ctx, q.jobId), round, q.miner);
  return { challenges: all, open: all.map((c) => c.index).filter((i) => !commit.answered.includes(i)) };
}

function attestations(ctx: ReadContext, q: pb.QueryAttestationsRequest): pb.QueryAttestationsResponse {
  const { number } = roundOf(ctx, q.jobId, q.round);
  const prefix = q.miner === '' ? state.roundPrefix(q.jobId, number) : state.commitPrefix(q.jobId, number, bytesOf(ctx, q.miner, 'miner'));
  // At most max_commits times the committee.
  return { attestations: [...state.attestations.entries(ctx, { prefix })].map(([, a]) => a) };
}

function unbondings(ctx: ReadContext, q: pb.QueryUnbondingsRequest): pb.QueryUnbondingsResponse {
  const prefix = state.addressPrefix(bytesOf(ctx, q.address));
  return { unbondings: [...state.unbondings.entries(ctx, { prefix })].map(([, u]) => u) };
}

export const queries: readonly AnyQueryHandler[] = [
  query('Params', pb.QueryParamsRequest, pb.QueryParamsResponse, (ctx) => ({ params: getParams(ctx) })),
  query('Job', pb.QueryJobRequest, pb.QueryJobResponse, (ctx, q) => ({ job: jobOf(ctx, q.jobId) })),
  query('Jobs', pb.QueryJobsRequest, pb.QueryJobsResponse, jobs),
  query('Round', pb.QueryRoundRequest, pb.QueryRoundResponse, (ctx, q) => ({ round: roundOf(ctx, q.jobId, q.round) })),
  query('Rounds', pb.QueryRoundsRequest, pb.QueryRoundsResponse, (ctx, q) => {
    const page = paginate(ctx, state.rounds, q.pagination, (_, round) => round, state.rounds.key.encode([q.jobId, 0n]).slice(0, 8));
    return { rounds: page.items, pagination: page.pagination };
  }),
  query('Commits', pb.QueryCommitsRequest, pb.QueryCommitsResponse, (ctx, q) => ({ commits: commitsOf(ctx, roundOf(ctx, q.jobId, q.round)) })),
  query('Challenges', pb.QueryChallengesRequest, pb.QueryChallengesResponse, challenges),
  query('Attestations', pb.QueryAttestationsRequest, pb.QueryAttestationsResponse, attestations),
  query('Miner', pb.QueryMinerRequest, pb.QueryMinerResponse, (ctx, q) => {
    const miner = state.miners.get(ctx, bytesOf(ctx, q.address));
    if (miner === undefined) throw errKeyNotFound(`miner ${q.address}`);
    return { miner };
  }),
  query('Miners', pb.QueryMinersRequest, pb.QueryMinersResponse, (ctx, q) => {
    const page = paginate(ctx, state.miners, q.pagination, (_, miner) => miner);
    return { miners: page.items, pagination: page.pagination };
  }),
  query('Verifier', pb.QueryVerifierRequest, pb.QueryVerifierResponse, (ctx, q) => {
    const verifier = state.verifiers.get(ctx, bytesOf(ctx, q.address));
    if (verifier === undefined) throw errKeyNotFound(`verifier ${q.address}`);
    return { verifier };
  }),
  query('Verifiers', pb.QueryVerifiersRequest, pb.QueryVerifiersResponse, (ctx, q) => {
    const page = paginate(ctx, state.verifiers, q.pagination, (_, verifier) => verifier);
    return { verifiers: page.items, pagination: page.pagination };
  }),
  query('Unbondings', pb.QueryUnbondingsRequest, pb.QueryUnbondingsResponse, unbondings),
  query('Beacon', pb.QueryBeaconRequest, pb.QueryBeaconResponse, (ctx) => ({ beacon: state.beacon.need(ctx) })),
];
