// SPDX-License-Identifier: Apache-2.0
// The miner as a state machine. What is on chain and in the journal decides what comes next, never what this process
// remembers, so a restart continues where it was. Each phase of a round has its function.
import type { Logger } from 'pino';
import { toAny } from '../client/signing.ts';
import { equalBytes, toHex } from '../core/bytes.ts';
import { decode, encode } from '../core/codec.ts';
import { type Commit, CommitStatus, Fault, MsgAnswerChallenges, MsgBondMiner, MsgCommitUpdate, RoundPhase } from '../proto/gen/pogo.v1.ts';
import { splitAnswers } from './answers.ts';
import { type Conduct, HONEST } from './attacks/conduct.ts';
import { type Chain, RefusedError } from './chain.ts';
import { commitMessage, takenOver } from './commit.ts';
import type { Ledger } from './ledger.ts';
import { nameOf } from './names.ts';
import {
  Activities,
  Counts,
  deadline,
  missingBond,
  type OpenRound,
  openRounds,
  type Role,
  type RoleOptions,
  type RoleStatus,
  Sendings,
} from './role.ts';
import { contextOf, present, type RoundContext } from './work/context.ts';
import type { Progress } from './work/tasks.ts';

export interface MinerOptions extends RoleOptions {
  readonly ledger: Ledger;
  readonly conduct?: Conduct;
}

/** Fees of commits that did not win which the bond shall cover beyond its minimum. */
const RESERVED_FEES = 20n;

export class Miner implements Role {
  readonly #options: MinerOptions;
  readonly #chain: Chain;
  readonly #log: Logger;
  readonly #conduct: Conduct;
  readonly #activities: Activities;
  /** Artifacts of rounds whose commit window is open, by hex root. */
  readonly #held: Set<string> = new Set();
  /** Rounds that are over for us, with the reason. */
  readonly #passed: Map<string, string> = new Map();
  readonly #sendings: Sendings = new Sendings();
  readonly #counts: Counts = new Counts('trained', 'committed', 'won', 'slashed');
  readonly #settled: Set<string> = new Set();
  #height = 0n;
  #activity = 'starting';
  #visited = false;

  constructor(options: MinerOptions) {
    this.#options = options;
    this.#chain = options.chain;
    this.#log = options.log;
    this.#conduct = options.conduct ?? HONEST;
    this.#activities = new Activities(options.log);
  }

  isReleased(root: string): boolean {
    return this.#visited && this.#conduct.serves !== false && !this.#held.has(root);
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
    const open = await openRounds(this.#chain, this.#options.jobs);
    this.#hold(open);
    const committing = new Set(open.filter(({ round }) => round.phase === RoundPhase.ROUND_PHASE_COMMIT).map(({ key }) => `train ${key}`));
    this.#activities.cancel((key) => !key.startsWith('train ') || committing.has(key));
    const bondedHeight = await this.#bond();
    for (const round of open) if (bondedHeight !== undefined) await this.#visit(round, bondedHeight);
    if (open.length === 0) this.#activity = 'no open round';
  }

  /** Nothing of a round is given away while others can still commit. */
  #hold(open: readonly OpenRound[]): void {
    this.#held.clear();
    for (const { round, key } of open) {
      const commit = round.phase === RoundPhase.ROUND_PHASE_COMMIT ? this.#signed(key) : undefined;
      if (commit !== undefined) this.#held.add(toHex(present(commit.artifact, 'artifact').root));
    }
    this.#visited = true;
  }

  /** Height since which the bond suffices; undefined while it does not. Fees are paid from the bond, so some more is held. */
  async #bond(): Promise<bigint | undefined> {
    const { endpoint, moniker } = this.#options;
    const { bondDenom, minMinerBond, verificationFee } = await this.#chain.params();
    const record = await this.#chain.miner(this.#chain.address);
    const has = BigInt(record?.bond?.amount ?? 0);
    const least = BigInt(minMinerBond);
    if (has < least && BigInt(record?.slashed ?? 0) > 0n) {
      this.#activity = 'slashed; the bond is gone';
      return undefined;
    }
    const missing = missingBond(has, least, RESERVED_FEES * BigInt(verificationFee), this.#options.bond);
    if (missing > 0n) {
      await this.#sendings.send('bond', this.#height, async () => {
        const amount = { denom: bondDenom, amount: missing.toString() };
        await this.#chain.submit([toAny(MsgBondMiner, { miner: this.#chain.address, amount, endpoint, moniker })]);
        this.#log.info({ amount: amount.amount }, 'bond sent');
      });
    }
    if (has < least) this.#activity = 'bonding';
    return has < least ? undefined : record?.bondedHeight;
  }

  async #visit(open: OpenRound, bondedHeight: bigint): Promise<void> {
    switch (open.round.phase) {
      case RoundPhase.ROUND_PHASE_COMMIT:
        return await this.#commitPhase(open, bondedHeight);
      case RoundPhase.ROUND_PHASE_ANSWER:
        return await this.#answerPhase(open);
      case RoundPhase.ROUND_PHASE_CLOSED:
        return await this.#closedPhase(open);
      default:
        this.#activity = `job ${open.job.id} round ${open.round.number}: waiting for the verifiers`;
    }
  }

  async #commitPhase(open: OpenRound, bondedHeight: bigint): Promise<void> {
    const { key, round } = open;
    if (round.miners.includes(this.#chain.address)) {
      this.#activity = `job ${open.job.id} round ${round.number}: committed`;
      return;
    }
    if (this.#passed.has(key)) return;
    if (bondedHeight >= round.openedHeight) {
      this.#activity = `job ${open.job.id} round ${round.number}: bonded too late for it`;
      return;
    }
    const signed = this.#signed(key);
    if (signed !== undefined) await this.#sendCommit(open, signed);
    else this.#activities.start(`train ${key}`, (signal) => this.#work(open, signal));
  }

  /** Training, or whatever the conduct does in its place; ends with a commit in the journal. */
  async #work(open: OpenRound, signal: AbortSignal): Promise<void> {
    const { job, round, key } = open;
    const context = await this.#contextOf(open);
    if (context === undefined) return;
    let message: MsgCommitUpdate | undefined;
    if (this.#conduct.steal !== undefined) message = await this.#steal(open);
    else {
      await this.#options.library.bringState(job, present(round.parent, 'round.parent'), signal);
      const onProgress = ({ step, steps }: Progress): void => {
        this.#activity = `job ${job.id} round ${round.number}: step ${step} of ${steps}`;
      };
      const miner = this.#chain.bytesOf(this.#chain.address);
      const attack = this.#conduct.trainer === undefined ? {} : { attack: this.#conduct.trainer };
      const result = await this.#options.workbench.run({ kind: 'train', context, miner, ...attack }, { signal, onProgress });
      this.#counts.add('trained');
      this.#log.info({ job: job.id.toString(), round: round.number.toString(), steps_per_second: Math.round(result.stepsPerSecond) }, 'trained');
      message = commitMessage(context, result, this.#chain.address, this.#options.endpoint);
    }
    if (message === undefined) return;
    const final = this.#conduct.commit?.(message) ?? message;
    this.#held.add(toHex(present(final.artifact, 'artifact').root));
    this.#options.ledger.record({ kind: 'commit', key, content: encode(MsgCommitUpdate, final), secret: new Uint8Array(0) });
    await this.#sendCommit(open, final);
  }

  async #contextOf({ job, round, key }: OpenRound): Promise<RoundContext | undefined> {
    const context = contextOf(this.#chain.chainId, job, round);
    if (this.#conduct.context === undefined) return context;
    const before = round.number > 1n ? await this.#chain.round(job.id, round.number - 1n) : undefined;
    const earlier = before === undefined ? undefined : contextOf(this.#chain.chainId, job, before);
    const chosen = this.#conduct.context(context, earlier !== undefined && equalBytes(earlier.parentRoot, context.parentRoot) ? undefined : earlier);
    if (chosen === undefined) this.#passed.set(key, 'nothing to work on');
    else await this.#options.library.bringState(job, present((before ?? round).parent, 'round.parent'));
    return chosen;
  }

  async #steal({ job, round }: OpenRound): Promise<MsgCommitUpdate | undefined> {
    const others = (await this.#chain.commits(job.id, round.number)).filter((c) => c.miner !== this.#chain.address);
    const victim = this.#conduct.steal?.(others);
    return victim === undefined ? undefined : takenOver(victim, this.#chain.address);
  }

  #signed(key: string): MsgCommitUpdate | undefined {
    const entry = this.#options.ledger.get('commit', key);
    return entry === undefined ? undefined : decode(MsgCommitUpdate, entry.content);
  }

  async #sendCommit({ round, key }: OpenRound, message: MsgCommitUpdate): Promise<void> {
    await this.#sendings.send(`commit ${key}`, this.#height, async () => {
      try {
        const gas = this.#conduct.commitGas === undefined ? {} : { gas: this.#conduct.commitGas };
        const options = { timeoutHeight: deadline(round, this.#height), ...gas };
        if (gas.gas === undefined) await this.#chain.submit([toAny(MsgCommitUpdate, message)], options);
        else await this.#chain.deliver([toAny(MsgCommitUpdate, message)], options);
        this.#counts.add('committed');
        this.#log.info({ round: key, loss: message.claimedLoss.toString() }, 'commit sent');
      } catch (error) {
        // A rule of the round is final; anything else, such as a fee, may be different at the next attempt.
        if (!(error instanceof RefusedError)) throw error;
        if (error.codespace === 'pogo') this.#passed.set(key, error.message);
        this.#log.warn({ round: key, error: error.message }, 'commit refused');
      }
    });
  }

  async #answerPhase(open: OpenRound): Promise<void> {
    const { job, round, key } = open;
    const commit = await this.#own(open);
    if (commit === undefined || commit.status !== CommitStatus.COMMIT_STATUS_PENDING) return;
    const challenges = await this.#chain.challenges(job.id, round.number, this.#chain.address);
    const missing = challenges.filter((c) => !commit.answered.includes(c.index) && this.#sendings.isDue(`answer ${key}/${c.index}`, this.#height));
    this.#activity = `job ${job.id} round ${round.number}: ${commit.answered.length} of ${challenges.length} challenges answered`;
    if (missing.length === 0) return;
    this.#activities.start(`answer ${key}`, async (signal) => {
      const artifact = present(commit.artifact, 'commit.artifact');
      const context = contextOf(this.#chain.chainId, job, round);
      // Kept since the training, unless the disk was lost or the work was never ours.
      await this.#options.library.bringArtifact(job, round, artifact, commit.miner, signal);
      await this.#options.library.bringState(job, present(round.parent, 'round.parent'), signal);
      const leaves = missing.map(({ segment, leaf }) => ({ segment, leaf }));
      const openings = await this.#options.workbench.run({ kind: 'open', context, artifactRoot: artifact.root, leaves }, { signal });
      const answers = this.#conduct.answer?.(openings, context) ?? openings;
      const mark = (): void => {
        for (const { index } of missing) this.#sendings.mark(`answer ${key}/${index}`, this.#height);
      };
      mark();
      await this.#sendAnswers(open, splitAnswers(answers));
      // Sending several takes some blocks; from here on they have as long to arrive as any other.
      mark();
    });
  }

  async #sendAnswers({ job, round, key }: OpenRound, groups: readonly (readonly MsgAnswerChallenges['openings'][number][])[]): Promise<void> {
    const base = { miner: this.#chain.address, jobId: job.id, round: round.number };
    for (const openings of groups) {
      try {
        await this.#chain.submit([toAny(MsgAnswerChallenges, { ...base, openings })], { timeoutHeight: deadline(round, this.#height) });
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        this.#log.warn({ round: key, error: error.message }, 'answer refused');
      }
    }
    this.#log.info({ round: key, transactions: groups.length }, 'answers sent');
  }

  async #closedPhase(open: OpenRound): Promise<void> {
    const { job, key } = open;
    this.#activity = `job ${job.id}: waiting for round ${open.round.number + 1n}`;
    if (!this.#settled.has(key)) {
      this.#settled.add(key);
      const commit = await this.#own(open);
      if (commit?.status === CommitStatus.COMMIT_STATUS_WON) this.#counts.add('won');
      if (commit?.status === CommitStatus.COMMIT_STATUS_SLASHED) this.#counts.add('slashed');
      if (commit !== undefined)
        this.#log.info(
          { round: key, status: nameOf(CommitStatus, commit.status), fault: nameOf(Fault, commit.fault), paid: commit.paid },
          'round closed',
        );
    }
    // The pause between rounds is the time to get the new head.
    const head = present(job.head, 'job.head');
    if (!this.#options.library.states.has(head.stateRoot)) {
      this.#activities.start(`head ${job.id}`, (signal) => this.#options.library.bringState(job, head, signal));
    }
  }

  async #own({ job, round }: OpenRound): Promise<Commit | undefined> {
    return (await this.#chain.commits(job.id, round.number)).find((c) => c.miner === this.#chain.address);
  }
}
