// SPDX-License-Identifier: Apache-2.0
// What verifier and watcher do with one commit: bring everything here, check it, and prove what can be proven.
import type { Commit, Fault } from '../proto/gen/pogo.v1.ts';
import { Fault as Faults } from '../proto/gen/pogo.v1.ts';
import type { UnavailableError } from './artifact/fetch.ts';
import type { Accuser } from './fraud.ts';
import { nameOf } from './names.ts';
import type { OpenRound, RoleOptions } from './role.ts';
import { type CommitRoots, contextOf, present, type RoundContext } from './work/context.ts';
import type { Progress, VerifyResult } from './work/tasks.ts';
import { negativeReport } from './work/verify.ts';

export interface Inspection {
  /** Steps to execute again. */
  readonly steps: readonly number[];
  /** Evaluation samples; none before the beacon. */
  readonly samples: Uint32Array;
  onProgress?(progress: Progress): void;
}

export function rootsOf(options: RoleOptions, commit: Commit): CommitRoots {
  const { traceRoot, stateRoot, code4Root } = commit;
  return { miner: options.chain.bytesOf(commit.miner), traceRoot, stateRoot, code4Root };
}

/** The result of checking a commit. UnavailableError while its artifact cannot be had. */
export async function inspect(options: RoleOptions, open: OpenRound, commit: Commit, wanted: Inspection, signal: AbortSignal): Promise<VerifyResult> {
  const { chain, library, workbench } = options;
  const { job, round } = open;
  const artifact = present(commit.artifact, 'commit.artifact');
  await library.bringState(job, present(round.parent, 'round.parent'), signal);
  await library.bringArtifact(job, round, artifact, commit.miner, signal);
  const task = {
    kind: 'verify',
    context: contextOf(chain.chainId, job, round),
    commit: rootsOf(options, commit),
    claimedParentLoss: commit.claimedParentLoss,
    claimedLoss: commit.claimedLoss,
    artifactRoot: artifact.root,
    steps: wanted.steps,
    verifier: chain.bytesOf(chain.address),
    samples: wanted.samples,
  } as const;
  const onProgress = (progress: Progress): void => wanted.onProgress?.(progress);
  return await workbench.run(task, { signal, onProgress });
}

/** The report on a commit whose artifact nobody has. */
export function unavailable(error: UnavailableError): VerifyResult {
  return { report: negativeReport(Faults.FAULT_UNAVAILABLE), detail: error.message };
}

/** Opens the leaf that shows the fault and convicts with it. */
export async function convict(options: RoleOptions, accuser: Accuser, open: OpenRound, commit: Commit, result: VerifyResult): Promise<boolean> {
  const { proof } = result;
  if (proof === undefined) return false;
  const context: RoundContext = contextOf(options.chain.chainId, open.job, open.round);
  const artifactRoot = present(commit.artifact, 'commit.artifact').root;
  const [opening] = await options.workbench.run({ kind: 'open', context, artifactRoot, leaves: [proof] });
  const roots = rootsOf(options, commit);
  return await accuser.accuse({ context, commit, roots, opening: present(opening, 'the opening') }, `${open.key}/${commit.miner}`);
}

export function faultName(fault: Fault | number): string {
  return nameOf(Faults, fault);
}
