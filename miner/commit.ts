// SPDX-License-Identifier: Apache-2.0
import type { Commit, MsgCommitUpdate } from '../proto/gen/pogo.v1.ts';
import type { RoundContext } from './work/context.ts';
import type { TrainResult } from './work/tasks.ts';

/** The commit of a trained round. */
export function commitMessage(context: RoundContext, result: TrainResult, miner: string, endpoint: string): MsgCommitUpdate {
  return {
    miner,
    jobId: context.job,
    round: context.round,
    parentRoot: context.parentRoot,
    traceRoot: result.traceRoot,
    stateRoot: result.stateRoot,
    code4Root: result.code4Root,
    claimedParentLoss: result.parentLoss,
    claimedLoss: result.loss,
    steps: context.terms.steps,
    artifact: { root: result.artifactRoot, size: BigInt(result.artifactSize), locations: endpoint === '' ? [] : [endpoint] },
  };
}

/** Another miner's commit as one's own: what a copycat sends. */
export function takenOver(victim: Commit, miner: string): MsgCommitUpdate {
  const { jobId, round, parentRoot, traceRoot, stateRoot, code4Root, claimedParentLoss, claimedLoss, steps, artifact } = victim;
  return { miner, jobId, round, parentRoot, traceRoot, stateRoot, code4Root, claimedParentLoss, claimedLoss, steps, artifact };
}
