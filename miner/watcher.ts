// SPDX-License-Identifier: Apache-2.0
// The watcher: bonds nothing, is drawn for nothing, executes everything again that it can afford, and convicts. One
// honest one is enough to catch any false leaf.
import type { Logger } from 'pino';
import { evalIndices } from '../modules/pogo/seeds.ts';
import { type Commit, CommitStatus, RoundPhase, Verdict } from '../proto/gen/pogo.v1.ts';
import { Accuser } from './fraud.ts';
import { convict, faultName, inspect } from './inspect.ts';
import type { Ledger } from './ledger.ts';
import { Activities, Counts, type OpenRound, openRounds, type Role, type RoleOptions, type RoleStatus } from './role.ts';
import { present } from './work/context.ts';
import type { Progress } from './work/tasks.ts';

export interface WatcherOptions extends RoleOptions {
  readonly ledger: Ledger;
  /** Most steps of a commit to execute again; all of them when undefined. */
  readonly budget?: number;
}

export class Watcher implements Role {
  readonly #options: WatcherOptions;
  readonly #log: Logger;
  readonly #accuser: Accuser;
  readonly #activities: Activities;
  /** Commits that were looked at. */
  readonly #done: Set<string> = new Set();
  readonly #counts: Counts = new Counts('clean', 'faults', 'convicted');
  #height = 0n;
  #activity = 'starting';

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#accuser = new Accuser(options.chain, options.ledger, options.log);
    this.#activities = new Activities(options.log);
  }

  isReleased(): boolean {
    return true;
  }

  status(): RoleStatus {
    return { height: this.#height.toString(), activity: this.#activity, counts: this.#counts.all() };
  }

  async stop(): Promise<void> {
    this.#activities.cancel();
    await this.#activities.settled();
  }

  async tick(height: bigint): Promise<void> {
    this.#height = height;
    const { chain, jobs } = this.#options;
    const rounds = await openRounds(chain, jobs);
    const open = rounds.filter(({ round }) => round.phase > RoundPhase.ROUND_PHASE_COMMIT && round.phase < RoundPhase.ROUND_PHASE_CLOSED);
    const keys = new Set(open.map(({ key }) => key));
    this.#activities.cancel((key) => keys.has(key.slice(6, key.lastIndexOf('/'))));
    this.#activity = open.length === 0 ? 'waiting for commits' : this.#activity;
    for (const round of open) {
      for (const commit of await chain.commits(round.job.id, round.round.number)) this.#look(round, commit);
    }
  }

  #look(open: OpenRound, commit: Commit): void {
    const key = `${open.key}/${commit.miner}`;
    if (commit.status !== CommitStatus.COMMIT_STATUS_PENDING || this.#done.has(key) || commit.miner === this.#options.chain.address) return;
    this.#activities.start(`watch ${key}`, (signal) => this.#check(open, commit, key, signal));
  }

  async #check(open: OpenRound, commit: Commit, key: string, signal: AbortSignal): Promise<void> {
    const { round, job } = open;
    const terms = present(round.terms, 'round.terms');
    const steps = Array.from({ length: Math.min(this.#options.budget ?? terms.steps, terms.steps) }, (_, i) => i + 1);
    const onProgress = ({ step }: Progress): void => {
      this.#activity = `job ${job.id} round ${round.number}: step ${step} of ${terms.steps} of ${commit.miner}`;
    };
    const id = { job: job.id, round: round.number };
    const size = Number(present(job.evaluation, 'job.evaluation').size);
    const samples = round.challengeBeacon.length === 0 ? new Uint32Array(0) : evalIndices(round.challengeBeacon, id, terms.evalSamples, size);
    const result = await inspect(this.#options, open, commit, { steps, samples, onProgress }, signal);
    this.#done.add(key);
    if (result.report.verdict === Verdict.VERDICT_POSITIVE) {
      this.#counts.add('clean');
      this.#log.info({ commit: key }, 'clean');
      return;
    }
    this.#counts.add('faults');
    this.#log.warn({ commit: key, fault: faultName(result.report.fault), detail: result.detail }, 'fault found');
    if (await convict(this.#options, this.#accuser, open, commit, result)) this.#counts.add('convicted');
  }
}
