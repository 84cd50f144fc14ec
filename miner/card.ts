// SPDX-License-Identifier: Apache-2.0
// A model card: what a model file is, where it is from and how good it was, as JSON beside it.

import type { Queries } from '../client/index.ts';
import { toHex } from '../core/bytes.ts';
import type { Commit, DataSet } from '../proto/gen/pogo.v1.ts';
import { kernelText } from '../train/kernel.ts';
import { layoutOf } from '../train/layout.ts';
import type { Vocabulary } from './data/vocabulary.ts';
import type { Model } from './model.ts';
import { present } from './work/context.ts';

export interface CardRound {
  readonly round: number;
  readonly miner: string;
  /** Finalised steps after it. */
  readonly steps: number;
  /** Mean losses on the samples that the beacon chose, nats. */
  readonly parent_loss: number;
  readonly loss: number;
  readonly samples: number;
  readonly state_root: string;
}

interface CardSet {
  readonly name: string;
  readonly root: string;
  readonly size: number;
}

export interface ModelCard {
  readonly format: 'pogo-model-card/1';
  readonly chain_id: string;
  readonly job: number;
  readonly title: string;
  readonly round: number;
  readonly steps: number;
  readonly height: number;
  readonly state_root: string;
  readonly kernel_id: string;
  /** What the kernel id hashes. */
  readonly kernel: readonly string[];
  readonly parameters: number;
  readonly network: object;
  readonly training: CardSet;
  readonly evaluation: CardSet;
  readonly vocabulary: { readonly kind: string; readonly size: number; readonly characters?: string } | null;
  /** Finalised rounds that the chain still keeps. */
  readonly rounds: readonly CardRound[];
}

const UNIT = 65_536;

/** Asks the chain for the rounds that led to the model. */
export async function cardOf(
  model: Model,
  chainId: string,
  queries: Pick<Queries, 'round' | 'commits'>,
  vocabulary?: Vocabulary,
): Promise<ModelCard> {
  const { job, head, spec } = model;
  return {
    format: 'pogo-model-card/1',
    chain_id: chainId,
    job: Number(job.id),
    title: job.title,
    round: Number(head.round),
    steps: Number(head.steps),
    height: Number(head.height),
    state_root: toHex(head.stateRoot),
    kernel_id: toHex(job.kernelId),
    kernel: kernelText(spec).trimEnd().split('\n'),
    parameters: layoutOf(spec).count,
    network: spec.model,
    training: setOf(present(job.training, 'job.training')),
    evaluation: setOf(present(job.evaluation, 'job.evaluation')),
    vocabulary: vocabulary === undefined ? null : describe(vocabulary),
    rounds: await roundsOf(model, queries),
  };
}

function setOf({ name, root, size }: DataSet): CardSet {
  return { name, root: toHex(root), size: Number(size) };
}

function describe(vocabulary: Vocabulary): NonNullable<ModelCard['vocabulary']> {
  const { kind, size } = vocabulary;
  if (kind !== 'character') return { kind, size };
  return { kind, size, characters: vocabulary.decode(Array.from({ length: size }, (_, i) => i)) };
}

async function roundsOf({ job, head }: Model, queries: Pick<Queries, 'round' | 'commits'>): Promise<CardRound[]> {
  const rounds: CardRound[] = [];
  for (let number = head.round; number >= 1n; number--) {
    const round = await queries.round(job.id, number);
    if (round === undefined) break;
    const won = (await queries.commits(job.id, number)).find((c) => c.miner === round.winner && round.winner !== '');
    if (won !== undefined) rounds.unshift(rowOf(number, Number(round.parent?.steps ?? 0n), won));
  }
  return rounds;
}

function rowOf(round: bigint, before: number, won: Commit): CardRound {
  const mean = (sum: bigint): number => Math.round((Number(sum) / UNIT / won.samples) * 1e6) / 1e6;
  return {
    round: Number(round),
    miner: won.miner,
    steps: before + won.steps,
    parent_loss: mean(won.parentLoss),
    loss: mean(won.loss),
    samples: won.samples,
    state_root: toHex(won.stateRoot),
  };
}
