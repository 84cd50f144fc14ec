// SPDX-License-Identifier: Apache-2.0
// Everything a transition may see. There is no ambient anything: no clock, no configuration, no randomness.
import type { Crypto } from './crypto.ts';
import type { Event } from './events.ts';
import type { GasMeter } from './gas.ts';
import type { ReadStore, WriteStore } from './store.ts';

export const Mode = { Genesis: 'genesis', Check: 'check', Recheck: 'recheck', Simulate: 'simulate', Deliver: 'deliver', Query: 'query' } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

/** Fixed at genesis and kept in the state (modules/chain). */
export interface ChainConfig {
  readonly chainId: string;
  readonly addressPrefix: string;
  readonly bondDenom: string;
}

/** A validator's part in the previous height's commit; `signed` is CometBFT's block_id_flag other than absent (1). */
export interface CommitVote {
  readonly address: Uint8Array;
  readonly power: bigint;
  readonly signed: boolean;
}

/** Evidence that CometBFT verified. */
export interface Misbehavior {
  readonly kind: 'duplicate_vote' | 'light_client_attack';
  readonly address: Uint8Array;
  readonly power: bigint;
  readonly height: bigint;
  readonly time: bigint;
}

export interface BlockInfo {
  readonly height: bigint;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** Hash of the block; empty in genesis, check and simulate modes. */
  readonly hash: Uint8Array;
  /** Consensus address of the proposer. */
  readonly proposer: Uint8Array;
  readonly lastCommit: readonly CommitVote[];
  readonly misbehavior: readonly Misbehavior[];
}

/** What queries get. */
export interface ReadContext {
  readonly mode: Mode;
  readonly chain: ChainConfig;
  readonly block: BlockInfo;
  readonly gas: GasMeter;
  readonly crypto: Crypto;
  /** A sub-store by name; throws when no module declared it. */
  store(name: string): ReadStore;
}

/** What transitions get. */
export interface Context extends ReadContext {
  store(name: string): WriteStore;
  /** Events in order of emission; dropped with the overlay that they belong to. */
  emit(event: Event): void;
}
