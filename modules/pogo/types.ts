// SPDX-License-Identifier: Apache-2.0
// Names, limits and small conversions that the whole module shares.
import { formatAddress, parseAddress } from '../../core/address.ts';
import type { ReadContext } from '../../core/context.ts';
import type { Coin as ProtoCoin } from '../../proto/gen/cosmos.base.v1beta1.ts';
import type { Head } from '../../proto/gen/pogo.v1.ts';

export const MODULE = 'pogo';

export type RoleName = 'miner' | 'verifier';

/** Lengths and counts of what messages carry; hard limits, since they bound memory before any rule of the state applies. */
export const LIMITS = {
  title: 128,
  dataName: 64,
  endpoint: 256,
  moniker: 64,
  locations: 8,
  openings: 64,
  recordBytes: 1024,
  leafBytes: 16_384,
  path: 40,
  /** A segment's steps: one opening has to fit into a transaction. */
  checkpointEvery: 256,
  leafChallenges: 256,
  assignedSteps: 1000,
  evalSamples: 65_536,
  maxCommits: 64,
  /** Step digests of a round's reports: what the chain reads again at its end. */
  digests: 65_536,
  progressWindow: 100,
  window: 1_000_000,
  zMilli: 100_000,
  artifactBytes: 17_592_186_044_416n,
} as const;

/** Why a round ended. */
export const Outcome = {
  /** The head moved. */
  Finalized: 'finalized',
  NoCommits: 'no_commits',
  AllSlashed: 'all_slashed',
  /** No commit had two thirds of the committee behind one set of numbers. */
  NoQuorum: 'no_quorum',
  /** Verified, but the acceptance rule said no. */
  NoImprovement: 'no_improvement',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** The lesser of two; consensus code has no Math. */
export function lesser<T extends bigint | number>(a: T, b: T): T {
  if (b < a) return b;
  return a;
}

export const EMPTY: Uint8Array = new Uint8Array(0);

/** Amount of a coin that the state holds. */
export function amountOf(coin: ProtoCoin | undefined): bigint {
  return BigInt(coin?.amount ?? '0');
}

export function coinOf(denom: string, amount: bigint): ProtoCoin {
  return { denom, amount: amount.toString() };
}

/** Sum of a decimal text that the state holds and an amount. */
export function plus(text: string, amount: bigint): string {
  return (BigInt(text === '' ? '0' : text) + amount).toString();
}

export function bytesOf(ctx: Pick<ReadContext, 'chain'>, address: string, field = 'address'): Uint8Array {
  return parseAddress(address, ctx.chain.addressPrefix, field);
}

export function textOf(ctx: Pick<ReadContext, 'chain'>, address: Uint8Array): string {
  return formatAddress(address, ctx.chain.addressPrefix);
}

export const EMPTY_HEAD: Head = {
  round: 0n,
  stateRoot: EMPTY,
  code4Root: EMPTY,
  lossSum: 0n,
  lossSamples: 0,
  height: 0n,
  steps: 0n,
  miner: '',
};
