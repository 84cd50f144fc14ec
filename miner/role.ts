// SPDX-License-Identifier: Apache-2.0
// What miner, verifier and watcher have in common: they visit the open rounds at each new height and keep at most one
// piece of work per round going on beside that.
import type { Logger } from 'pino';
import type { Job, Round } from '../proto/gen/pogo.v1.ts';
import { JobStatus } from '../proto/gen/pogo.v1.ts';
import type { Chain } from './chain.ts';
import type { Library } from './library.ts';
import { CancelledError } from './work/bench.ts';
import type { Workbench } from './work/workbench.ts';

export interface RoleOptions {
  readonly chain: Chain;
  readonly workbench: Workbench;
  readonly library: Library;
  readonly log: Logger;
  /** Jobs to take part in; all when empty. */
  readonly jobs: readonly bigint[];
  /** Public HTTP address, told to the chain; empty for none. */
  readonly endpoint: string;
  readonly moniker: string;
  /** Least bond to hold, in the chain's bond denomination. */
  readonly bond: bigint;
}

/** What the status line and /status show. */
export interface RoleStatus {
  readonly height: string;
  readonly activity: string;
  readonly counts: Readonly<Record<string, number>>;
}

export interface Role {
  /** Called once per new height, never twice at a time. */
  tick(height: bigint): Promise<void>;
  /** Whether others may have the artifact of that root (hex). */
  isReleased(root: string): boolean;
  status(): RoleStatus;
  /** Ends work that goes on beside. */
  stop(): Promise<void>;
}

/** A round that is open now, with its job. */
export interface OpenRound {
  readonly job: Job;
  readonly round: Round;
  readonly key: string;
}

/** Current rounds of the jobs that are taken part in. */
export async function openRounds(chain: Chain, filter: readonly bigint[]): Promise<OpenRound[]> {
  const jobs = (await chain.jobs()).filter((job) => job.status !== JobStatus.JOB_STATUS_CLOSED && (filter.length === 0 || filter.includes(job.id)));
  const rounds = await Promise.all(jobs.map((job) => (job.round === 0n ? undefined : chain.round(job.id, job.round))));
  return jobs.flatMap((job, i) => {
    const round = rounds[i];
    return round === undefined ? [] : [{ job, round, key: `${job.id}/${round.number}` }];
  });
}

/** Work that goes on beside the visits: at most one piece per key. After a failure the key is free again, a little later each time. */
export class Activities {
  readonly #log: Logger;
  readonly #running: Map<string, { readonly stop: AbortController; readonly done: Promise<void> }> = new Map();
  readonly #failures: Map<string, { readonly count: number; readonly until: number }> = new Map();

  constructor(log: Logger) {
    this.#log = log;
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }

  start(key: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.has(key) || performance.now() < (this.#failures.get(key)?.until ?? 0)) return;
    const stop = new AbortController();
    const done = work(stop.signal)
      .then(() => void this.#failures.delete(key))
      .catch((error: unknown) => {
        if (error instanceof CancelledError || stop.signal.aborted) this.#log.info({ work: key }, 'called off');
        else this.#failed(key, error as Error);
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, { stop, done });
  }

  /** Calls off what `keep` does not name. */
  cancel(keep: (key: string) => boolean = () => false): void {
    for (const [key, { stop }] of this.#running) if (!keep(key)) stop.abort();
    for (const key of this.#failures.keys()) if (!keep(key)) this.#failures.delete(key);
  }

  /** Resolves when nothing goes on any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #failed(key: string, error: Error): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LAST_PAUSE_MS);
    this.#failures.set(key, { count, until: performance.now() + pause });
    this.#log.warn({ work: key, error: error.message, attempt: count }, 'failed; will be tried again');
  }
}

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 30_000;

/** Blocks after which something that was sent and did not arrive is sent again. */
const RESEND_BLOCKS = 4n;
/** Blocks after which it is forgotten that something was sent. */
const FORGET_BLOCKS = 2000n;

/** Sends each thing once, and again only when it had time to arrive. */
export class Sendings {
  readonly #sent: Map<string, bigint> = new Map();

  /** Whether `what` was not sent within the last blocks. */
  isDue(what: string, height: bigint): boolean {
    const sent = this.#sent.get(what);
    return sent === undefined || height >= sent + RESEND_BLOCKS;
  }

  mark(what: string, height: bigint): void {
    this.#sent.delete(what);
    this.#sent.set(what, height);
    for (const [key, sent] of this.#sent) {
      if (sent + FORGET_BLOCKS >= height) break;
      this.#sent.delete(key);
    }
  }

  async send(what: string, height: bigint, send: () => Promise<void>): Promise<void> {
    if (!this.isDue(what, height)) return;
    this.mark(what, height);
    await send();
  }
}

/** What a role has done, by name. */
export class Counts {
  readonly #counts: Record<string, number>;

  constructor(...names: readonly string[]) {
    this.#counts = Object.fromEntries(names.map((name) => [name, 0]));
  }

  add(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
  }

  all(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }
}

/** Last height by which a message of the phase must be in a block; a few blocks at most, so that a lost one is sent again. */
export function deadline(round: Round, height: bigint): bigint {
  const soon = height + 10n;
  return round.phaseEnd > 0n && round.phaseEnd < soon ? round.phaseEnd : soon;
}

/**
 * What to bond now: up to the configured bond, or to the minimum with a reserve, once half of the reserve is used up.
 * A bond that falls below the minimum counts as a new one when it is filled up, and misses the round that is open.
 */
export function missingBond(has: bigint, least: bigint, reserve: bigint, configured: bigint): bigint {
  if (has >= least + reserve / 2n) return 0n;
  const wanted = configured > least + reserve ? configured : least + reserve;
  return wanted - has;
}
