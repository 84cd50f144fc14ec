// SPDX-License-Identifier: Apache-2.0
// How a miner behaves. The honest conduct is the empty one; an attack replaces single decisions of the same loop and
// keeps the rest, as an attacker would who runs our own code with a few lines changed.

import { segmentSteps } from '../../modules/pogo/segments.ts';
import type { Commit, LeafOpening, MsgCommitUpdate, OpenedLeaf } from '../../proto/gen/pogo.v1.ts';
import { applyLeaf } from '../../train/leaf.ts';
import type { RoundContext } from '../work/context.ts';

export interface Conduct {
  readonly name: string;
  /** Trainer that the worker shall pretend with (trainers.ts). */
  readonly trainer?: string;
  /** Whether the artifact is served; true unless told. */
  readonly serves?: boolean;
  /** Gas of the commit, so that no simulation can refuse it before it is sent. */
  readonly commitGas?: bigint;
  /** The round to work on instead, given the parent of the round before; undefined to let this one pass. */
  context?(context: RoundContext, earlier: RoundContext | undefined): RoundContext | undefined;
  /** A commit to take instead of training; undefined while there is none worth it. */
  steal?(commits: readonly Commit[]): Commit | undefined;
  /** The commit as it is sent. */
  commit?(message: MsgCommitUpdate): MsgCommitUpdate;
  /** The answers as they are sent; none for silence. */
  answer?(openings: readonly LeafOpening[], context: RoundContext): readonly LeafOpening[];
}

export const HONEST: Conduct = { name: 'honest' };

/** fake-loss: trains honestly and claims to have done twice as well. */
const fakeLoss: Conduct = { name: 'fake-loss', commit: (message) => ({ ...message, claimedLoss: message.claimedLoss / 2n }) };

/** wrong-leaf: one leaf of the final state is not what its codes make of it. */
const wrongLeaf: Conduct = { name: 'wrong-leaf', trainer: 'wrong-leaf' };

/** no-training: gradients are made up; all updates follow the rules. */
const noTraining: Conduct = { name: 'no-training', trainer: 'no-training' };

/** silent: commits, never answers, serves nothing. */
const silent: Conduct = { name: 'silent', serves: false, answer: () => [] };

/** adaptive: commits garbage for states; asked for a leaf, it makes one that does follow from the codes and hopes that nobody looks at the path. */
const adaptive: Conduct = {
  name: 'adaptive',
  trainer: 'adaptive',
  answer: (openings, context) => openings.map((opening) => forged(opening, context)),
};

/** copycat: sends the best commit that it sees as its own, and later answers with its victim's leaves. */
const copycat: Conduct = {
  name: 'copycat',
  steal: (commits) => commits.reduce<Commit | undefined>((best, c) => (best === undefined || c.claimedLoss < best.claimedLoss ? c : best), undefined),
};

/** stale: trains on the model before the head, which leaves more to improve. */
const stale: Conduct = {
  name: 'stale',
  commitGas: 300_000n,
  context: (context, earlier) =>
    earlier === undefined ? undefined : { ...context, parentRoot: earlier.parentRoot, stepsBefore: earlier.stepsBefore },
};

const ATTACKS: readonly Conduct[] = [fakeLoss, wrongLeaf, adaptive, noTraining, silent, copycat, stale];

export const ATTACK_NAMES: readonly string[] = ATTACKS.map((a) => a.name);

/** The conduct of an attack by name. */
export function attackOf(name: string): Conduct | undefined {
  return ATTACKS.find((a) => a.name === name);
}

function forged(opening: LeafOpening, context: RoundContext): LeafOpening {
  const { oldLeaf, newLeaf } = opening;
  if (oldLeaf === undefined || newLeaf === undefined) return opening;
  const { first } = segmentSteps(context.terms, opening.segment);
  const codes = opening.codes.map((c: OpenedLeaf) => c.leaf);
  const leaf = applyLeaf(context.spec, oldLeaf.leaf, codes, context.stepsBefore + first);
  return { ...opening, newLeaf: { ...newLeaf, leaf } };
}
