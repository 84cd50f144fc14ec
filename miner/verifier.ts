// SPDX-License-Identifier: Apache-2.0
// The verifier: checks every commit of the rounds it is drawn for, reports by commit and reveal, and convicts where one
// leaf is enough. The journal holds each report with its salt before its hash is sent.
import type { Logger } from 'pino';
import { toAny } from '../client/signing.ts';
import { decode, encode } from '../core/codec.ts';
import { attestationHash } from '../modules/pogo/attestation.ts';
import { assignedSteps, drawMessage, evalIndices } from '../modules/pogo/seeds.ts';
import {
  type Commit,
  CommitStatus,
  MsgBondVerifier,
  MsgCommitAttestation,
  MsgRevealAttestation,
  type Report,
  type Round,
  RoundPhase,
  Verdict,
} from '../proto/gen/pogo.v1.ts';
import { UnavailableError } from './artifact/fetch.ts';
import { type BlsKey, possessionProof } from './bls.ts';
import { type Chain, RefusedError } from './chain.ts';
import { Accuser, newSalt } from './fraud.ts';
import { convict, faultName, inspect, unavailable } from './inspect.ts';
import type { Ledger } from './ledger.ts';
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
import { present } from './work/context.ts';
import type { Progress, VerifyResult } from './work/tasks.ts';

export interface VerifierOptions extends RoleOptions {
  readonly ledger: Ledger;
  readonly blsKey: BlsKey;
}

/** Part of the minimum that is bonded beyond it, for small slashes such as that of an absence. */
const RESERVE = 10n;
/** Blocks before the end of the attestation window at which an artifact that nobody has is reported as unavailable. */
const PATIENCE_BLOCKS = 3n;

export class Verifier implements Role {
  readonly #options: VerifierOptions;
  readonly #chain: Chain;
  readonly #ledger: Ledger;
  readonly #log: Logger;
  readonly #accuser: Accuser;
  readonly #activities: Activities;
  readonly #sendings: Sendings = new Sendings();
  readonly #counts: Counts = new Counts('positive', 'negative', 'revealed', 'convicted');
  #height = 0n;
  #activity = 'starting';

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#chain = options.chain;
    this.#ledger = options.ledger;
    this.#log = options.log;
    this.#accuser = new Accuser(options.chain, options.ledger, options.log);
    this.#activities = new Activities(options.log);
  }

  /** A verifier only has what was public when it came. */
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
    await this.#bond();
    const open = await openRounds(this.#chain, this.#options.jobs);
    const live = new Set(open.filter(({ round }) => round.phase !== RoundPhase.ROUND_PHASE_CLOSED).map(({ key }) => key));
    this.#activities.cancel((key) => !key.startsWith('verify ') || live.has(key.slice(7, key.lastIndexOf('/'))));
    for (const round of open) await this.#visit(round);
    if (open.length === 0) this.#activity = 'no open round';
  }

  async #bond(): Promise<void> {
    const { bond, endpoint, moniker, blsKey } = this.#options;
    const { bondDenom, minVerifierBond } = await this.#chain.params();
    const { address } = this.#chain;
    const record = await this.#chain.verifier(address);
    const least = BigInt(minVerifierBond);
    const missing = missingBond(BigInt(record?.bond?.amount ?? 0), least, least / RESERVE, bond);
    if (missing === 0n) return;
    const amount = { denom: bondDenom, amount: missing.toString() };
    const proof = possessionProof(blsKey, this.#chain.bytesOf(address));
    const message = { verifier: address, amount, endpoint, moniker, blsKey: blsKey.publicKey, blsProof: proof };
    await this.#send('bond', async () => {
      await this.#chain.submit([toAny(MsgBondVerifier, message)]);
      this.#log.info({ amount: amount.amount }, 'bond sent');
    });
  }

  async #visit(open: OpenRound): Promise<void> {
    const { job, round } = open;
    const mine = round.committee.some((draw) => draw.verifier === this.#chain.address);
    this.#activity = `job ${job.id} round ${round.number}: ${mine ? 'waiting' : 'not drawn'}`;
    if (round.phase === RoundPhase.ROUND_PHASE_COMMIT || round.phase === RoundPhase.ROUND_PHASE_CLOSED) {
      // The head may be needed in a moment, and this is the time to get it.
      const head = present(round.phase === RoundPhase.ROUND_PHASE_CLOSED ? job.head : round.parent, 'head');
      if (!this.#options.library.states.has(head.stateRoot)) {
        this.#activities.start(`head ${job.id}`, (signal) => this.#options.library.bringState(job, head, signal));
      }
      return;
    }
    if (!mine || round.challengeBeacon.length === 0) return;
    const commits = await this.#chain.commits(job.id, round.number);
    for (const commit of commits) {
      if (commit.miner === this.#chain.address || commit.status !== CommitStatus.COMMIT_STATUS_PENDING) continue;
      await this.#judge(open, commit);
    }
  }

  async #judge(open: OpenRound, commit: Commit): Promise<void> {
    const { round } = open;
    const key = `${open.key}/${commit.miner}`;
    const reveal = this.#signed(key);
    if (reveal === undefined) {
      if (round.phase === RoundPhase.ROUND_PHASE_ANSWER || round.phase === RoundPhase.ROUND_PHASE_ATTEST) {
        this.#activities.start(`verify ${key}`, (signal) => this.#verify(open, commit, signal));
      }
      return;
    }
    if (round.phase === RoundPhase.ROUND_PHASE_ATTEST) await this.#commit(round, commit, reveal, key);
    if (round.phase === RoundPhase.ROUND_PHASE_REVEAL) await this.#reveal(round, commit, reveal, key);
  }

  async #verify(open: OpenRound, commit: Commit, signal: AbortSignal): Promise<void> {
    const { job, round } = open;
    const key = `${open.key}/${commit.miner}`;
    const terms = present(round.terms, 'round.terms');
    const id = { job: job.id, round: round.number };
    const drawSignature = this.#options.blsKey.sign(drawMessage(this.#chain.chainId, round.challengeBeacon, id));
    const steps = assignedSteps(drawSignature, this.#chain.bytesOf(commit.miner), terms);
    const samples = evalIndices(round.challengeBeacon, id, terms.evalSamples, Number(present(job.evaluation, 'job.evaluation').size));
    const onProgress = ({ step }: Progress): void => {
      this.#activity = `job ${job.id} round ${round.number}: replaying step ${step} of ${terms.steps} of ${commit.miner}`;
    };
    let result: VerifyResult;
    try {
      result = await inspect(this.#options, open, commit, { steps, samples, onProgress }, signal);
    } catch (error) {
      if (!(error instanceof UnavailableError) || !this.#isLate(round)) throw error;
      result = unavailable(error);
    }
    this.#record(key, commit, result.report, drawSignature);
    const positive = result.report.verdict === Verdict.VERDICT_POSITIVE;
    this.#counts.add(positive ? 'positive' : 'negative');
    if (positive) this.#log.info({ commit: key, loss: result.report.loss.toString() }, 'verified');
    else this.#log.warn({ commit: key, fault: faultName(result.report.fault), detail: result.detail }, 'fault found');
    if (await convict(this.#options, this.#accuser, open, commit, result)) this.#counts.add('convicted');
  }

  /** In the attestation window's last blocks, or with an earlier phase's height unknown, patience is over. */
  #isLate(round: Round): boolean {
    return round.phase === RoundPhase.ROUND_PHASE_ATTEST && this.#height + PATIENCE_BLOCKS >= round.phaseEnd;
  }

  #record(key: string, commit: Commit, report: Report, drawSignature: Uint8Array): void {
    const salt = newSalt();
    const base = { verifier: this.#chain.address, jobId: commit.jobId, round: commit.round, miner: commit.miner };
    const message = { ...base, salt, report, drawSignature };
    this.#ledger.record({ kind: 'attestation', key, content: encode(MsgRevealAttestation, message), secret: salt });
  }

  #signed(key: string): MsgRevealAttestation | undefined {
    const entry = this.#ledger.get('attestation', key);
    return entry === undefined ? undefined : decode(MsgRevealAttestation, entry.content);
  }

  async #commit(round: Round, commit: Commit, reveal: MsgRevealAttestation, key: string): Promise<void> {
    if ((await this.#onChain(commit)) !== undefined) return;
    const { chainId, address } = this.#chain;
    const id = { chainId, job: commit.jobId, round: commit.round, miner: this.#chain.bytesOf(commit.miner) };
    const hash = attestationHash(id, this.#chain.bytesOf(address), reveal.salt, present(reveal.report, 'report'));
    const message = { verifier: address, jobId: commit.jobId, round: commit.round, miner: commit.miner, hash };
    await this.#send(`attest ${key}`, async () => {
      await this.#chain.submit([toAny(MsgCommitAttestation, message)], { timeoutHeight: deadline(round, this.#height) });
      this.#log.info({ commit: key }, 'attestation sent');
    });
  }

  async #reveal(round: Round, commit: Commit, reveal: MsgRevealAttestation, key: string): Promise<void> {
    const standing = await this.#onChain(commit);
    if (standing === undefined || standing.revealed) return;
    await this.#send(`reveal ${key}`, async () => {
      await this.#chain.submit([toAny(MsgRevealAttestation, reveal)], { timeoutHeight: deadline(round, this.#height) });
      this.#counts.add('revealed');
      this.#log.info({ commit: key }, 'reveal sent');
    });
  }

  async #onChain(commit: Commit): Promise<{ readonly revealed: boolean } | undefined> {
    const all = await this.#chain.attestations(commit.jobId, commit.round, commit.miner);
    return all.find((a) => a.verifier === this.#chain.address);
  }

  async #send(what: string, send: () => Promise<void>): Promise<void> {
    try {
      await this.#sendings.send(what, this.#height, send);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#log.warn({ what, error: error.message }, 'refused');
    }
  }
}
