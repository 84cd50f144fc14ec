// SPDX-License-Identifier: Apache-2.0
// A chain with an owner, miners and verifiers who play rounds by signed transactions alone.
import assert from 'node:assert/strict';
import { SecretKey } from '@chainsafe/blst';
import type { Json, JsonObject } from '../../core/json.ts';
import { getAccount } from '../../modules/auth/index.ts';
import { modules } from '../../modules/index.ts';
import { attestationHash, possessionMessage } from '../../modules/pogo/attestation.ts';
import { assignedSteps, drawMessage, evalIndices } from '../../modules/pogo/seeds.ts';
import { specToProto } from '../../modules/pogo/spec.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import type { ExecTxResult } from '../../proto/gen/tendermint.abci.ts';
import { kernelId } from '../../train/kernel.ts';
import { stateTree } from '../../train/round.ts';
import { CHAIN, genesisOf, message, query, type Signer, type SignOptions, sign, signer } from '../helpers/fixture.ts';
import { type MockBlock, MockComet } from '../helpers/mockcomet.ts';
import {
  EVALUATION,
  finalState,
  INIT_SEED,
  INIT_STATE,
  open,
  type Roots,
  reportOf,
  rootsOf,
  SPEC,
  TRAINING,
  train,
  type Work,
  type WorkInput,
} from './pogo-work.ts';

export const FUNDS = 1_000_000_000_000n;
export const BOND = 20_000_000n;
export const coin = (amount: bigint | number): { denom: string; amount: string } => ({ denom: CHAIN.bondDenom, amount: amount.toString() });

export const TERMS: pb.RoundTerms = {
  steps: 6,
  checkpointEvery: 2,
  leafChallenges: 4,
  assignedSteps: 2,
  evalSamples: 40,
  maxCommits: 4,
  minImprovement: 0n,
  zMilli: 2000,
  progressWindow: 10,
  windows: { commit: 3, answer: 3, attest: 3, reveal: 3, dispute: 3 },
  reward: coin(1_000_000),
  verifierBps: 2000,
  runnerUpBps: 1000,
};

export interface VerifierKeys {
  readonly account: Signer;
  readonly bls: SecretKey;
}

export interface WorldOptions {
  readonly miners?: number;
  readonly verifiers?: number;
  readonly terms?: Partial<pb.RoundTerms>;
  readonly params?: Readonly<Record<string, Json>>;
  readonly escrow?: bigint;
}

export const blsKey = (name: string): SecretKey => SecretKey.fromKeygen(new Uint8Array(32).fill(name.charCodeAt(name.length - 1)));
const bytes = (b: Uint8Array): Uint8Array => new Uint8Array(b);

export class World {
  readonly comet: MockComet;
  readonly accounts: readonly Signer[];
  readonly owner: Signer;
  readonly watcher: Signer;
  readonly miners: readonly Signer[];
  readonly verifiers: readonly VerifierKeys[];
  readonly terms: pb.RoundTerms;
  /** State of the head, as everybody who follows the rounds has it. */
  state: Uint8Array = INIT_STATE;

  constructor(options: WorldOptions = {}) {
    const names = [
      'owner',
      'watcher',
      ...Array.from({ length: options.miners ?? 2 }, (_, i) => `miner ${i}`),
      ...Array.from({ length: options.verifiers ?? 3 }, (_, i) => `verifier ${i}`),
    ];
    const accounts = names.map((name, i) => signer(name, BigInt(i)));
    const appState = genesisOf(accounts, FUNDS);
    const own = appState['pogo'] as JsonObject;
    const params = { ...(own['params'] as JsonObject), unbonding_blocks: 20, ...options.params };
    this.comet = new MockComet({ chainId: CHAIN.chainId, appState: { ...appState, pogo: { ...own, params } }, modules });
    this.accounts = accounts;
    this.owner = accounts[0] as Signer;
    this.watcher = accounts[1] as Signer;
    this.miners = accounts.filter((_, i) => names[i]?.startsWith('miner'));
    this.verifiers = accounts.filter((_, i) => names[i]?.startsWith('verifier')).map((account, i) => ({ account, bls: blsKey(`${i}`) }));
    this.terms = { ...TERMS, ...options.terms };
  }

  tx(from: Signer, messages: readonly Any[], options: SignOptions = {}): Uint8Array {
    return sign(from, messages, { gas: 20_000_000n, fee: 0n, ...options });
  }

  /** A block of these transactions, all of which must succeed. */
  async deliver(...txs: readonly Uint8Array[]): Promise<MockBlock> {
    const block = await this.comet.deliver(txs);
    for (const [i, r] of block.txResults.entries()) assert.equal(r.code, 0, `tx ${i}: ${r.log}`);
    return block;
  }

  /** A block of one transaction that must fail with that code of codespace pogo, and say so. */
  async refused(tx: Uint8Array, code: number, log: RegExp, codespace = 'pogo'): Promise<ExecTxResult> {
    const block = await this.comet.deliver([tx]);
    const [result] = block.txResults as [ExecTxResult];
    this.syncSequences();
    assert.deepEqual([result.codespace, result.code], [codespace, code], result.log);
    assert.match(result.log, log);
    return result;
  }

  /** Sequences as the chain has them: what fails before the ante leaves them alone. */
  syncSequences(): void {
    for (const account of this.accounts) account.sequence = getAccount(this.comet.reader(), account.bytes)?.sequence ?? 0n;
  }

  createJob(terms: Partial<pb.RoundTerms> = {}, escrow = 10_000_000n): Any {
    return message(pb.MsgCreateJob, {
      owner: this.owner.address,
      title: 'halves',
      mode: pb.Mode.MODE_RACE,
      spec: specToProto(SPEC),
      kernelId: kernelId(SPEC),
      training: { name: 'halves/train', root: TRAINING.root, size: BigInt(TRAINING.size), sampleBytes: 5 },
      evaluation: { name: 'halves/held-out', root: EVALUATION.root, size: BigInt(EVALUATION.size), sampleBytes: 5 },
      initSeed: INIT_SEED,
      initStateRoot: stateTree(SPEC, INIT_STATE).root,
      terms: { ...this.terms, ...terms },
      escrow: coin(escrow),
    });
  }

  bondMiner(miner: Signer, amount: bigint = BOND): Any {
    return message(pb.MsgBondMiner, { miner: miner.address, amount: coin(amount), endpoint: '', moniker: 'm' });
  }

  bondVerifier({ account, bls }: VerifierKeys, amount: bigint = BOND): Any {
    const key = bytes(bls.toPublicKey().toBytes());
    const blsProof = bytes(bls.sign(possessionMessage(key, account.bytes)).toBytes());
    return message(pb.MsgBondVerifier, { verifier: account.address, amount: coin(amount), blsKey: key, blsProof, endpoint: '', moniker: 'v' });
  }

  /** Bonds everybody and posts job 1. */
  async start(escrow = 10_000_000n): Promise<void> {
    await this.deliver(
      ...this.miners.map((m) => this.tx(m, [this.bondMiner(m)])),
      ...this.verifiers.map((v) => this.tx(v.account, [this.bondVerifier(v)])),
    );
    await this.deliver(this.tx(this.owner, [this.createJob({}, escrow)]));
  }

  job(id = 1n): pb.Job {
    const { job } = query(this.comet, '/pogo.v1.Query/Job', pb.QueryJobRequest, pb.QueryJobResponse, { jobId: id });
    assert.ok(job);
    return job;
  }

  round(number = 0n, jobId = 1n): pb.Round {
    const { round } = query(this.comet, '/pogo.v1.Query/Round', pb.QueryRoundRequest, pb.QueryRoundResponse, { jobId, round: number });
    assert.ok(round);
    return round;
  }

  commits(round = 0n, jobId = 1n): readonly pb.Commit[] {
    return query(this.comet, '/pogo.v1.Query/Commits', pb.QueryCommitsRequest, pb.QueryCommitsResponse, { jobId, round }).commits;
  }

  commitOf(miner: Signer, round = 0n): pb.Commit {
    const found = this.commits(round).find((c) => c.miner === miner.address);
    assert.ok(found);
    return found;
  }

  challenges(miner: Signer): pb.QueryChallengesResponse {
    return query(this.comet, '/pogo.v1.Query/Challenges', pb.QueryChallengesRequest, pb.QueryChallengesResponse, {
      jobId: 1n,
      round: 0n,
      miner: miner.address,
    });
  }

  miner(account: Signer): pb.Miner {
    const { miner } = query(this.comet, '/pogo.v1.Query/Miner', pb.QueryMinerRequest, pb.QueryMinerResponse, { address: account.address });
    assert.ok(miner);
    return miner;
  }

  verifier(account: Signer): pb.Verifier {
    const { verifier } = query(this.comet, '/pogo.v1.Query/Verifier', pb.QueryVerifierRequest, pb.QueryVerifierResponse, {
      address: account.address,
    });
    assert.ok(verifier);
    return verifier;
  }

  /** Empty blocks until the round is in that phase. */
  async until(phase: pb.RoundPhase, limit = 30): Promise<pb.Round> {
    for (let i = 0; i < limit; i++) {
      const round = this.round();
      if (round.phase === phase) return round;
      await this.comet.advance(1);
    }
    assert.fail(`no phase ${phase} within ${limit} blocks; the round is in phase ${this.round().phase}, the job waits for "${this.job().waiting}"`);
  }

  /** Empty blocks until round `number` takes commits. */
  async untilRound(number: bigint, limit = 30): Promise<pb.Round> {
    for (let i = 0; i < limit && this.job().round < number; i++) await this.comet.advance(1);
    assert.equal(this.job().round, number, this.job().waiting);
    return this.until(pb.RoundPhase.ROUND_PHASE_COMMIT);
  }

  input(miner: Signer): WorkInput {
    const round = this.round();
    return {
      binding: { chainId: CHAIN.chainId, job: 1n, round: round.number, miner: miner.bytes },
      roundSeed: round.seed,
      parentState: this.state,
      stepsBefore: Number(round.parent?.steps),
      terms: round.terms as pb.RoundTerms,
    };
  }

  train(miner: Signer): Promise<Work> {
    return train(this.input(miner));
  }

  commit(miner: Signer, roots: Roots, changes: Partial<pb.MsgCommitUpdate> = {}): Uint8Array {
    const round = this.round();
    const artifact = { root: new Uint8Array(32).fill(1), size: 1000n, locations: ['http://127.0.0.1:9999/a'] };
    const fields = {
      ...roots,
      parentRoot: round.parent?.stateRoot ?? new Uint8Array(0),
      claimedParentLoss: 10n,
      claimedLoss: 5n,
      steps: 6,
      artifact,
    };
    return this.tx(miner, [message(pb.MsgCommitUpdate, { miner: miner.address, jobId: 1n, round: round.number, ...fields, ...changes })]);
  }

  /** Answers to all open challenges, in one transaction. */
  answer(miner: Signer, work: Work): Uint8Array {
    const { challenges, open: left } = this.challenges(miner);
    const openings = challenges.filter((c) => left.includes(c.index)).map((c) => open(work, c.segment, c.leaf));
    return this.answerWith(miner, openings);
  }

  answerWith(miner: Signer, openings: readonly pb.LeafOpening[]): Uint8Array {
    return this.tx(miner, [message(pb.MsgAnswerChallenges, { miner: miner.address, jobId: 1n, round: this.job().round, openings })]);
  }

  drawSignature({ bls }: VerifierKeys): Uint8Array {
    const round = this.round();
    return bytes(bls.sign(drawMessage(CHAIN.chainId, round.challengeBeacon, { job: 1n, round: round.number })).toBytes());
  }

  report(verifier: VerifierKeys, miner: Signer, work: Work): pb.Report {
    const round = this.round();
    const indices = evalIndices(round.challengeBeacon, { job: 1n, round: round.number }, TERMS.evalSamples, EVALUATION.size);
    return reportOf(work, indices, assignedSteps(this.drawSignature(verifier), miner.bytes, this.terms), verifier.account.bytes);
  }

  attest(verifier: VerifierKeys, miner: Signer, report: pb.Report, salt: Uint8Array = new Uint8Array(32).fill(7)): Uint8Array {
    const { account } = verifier;
    const id = { chainId: CHAIN.chainId, job: 1n, round: this.job().round, miner: miner.bytes };
    const hash = attestationHash(id, account.bytes, salt, report);
    return this.tx(account, [
      message(pb.MsgCommitAttestation, { verifier: account.address, jobId: 1n, round: id.round, miner: miner.address, hash }),
    ]);
  }

  reveal(verifier: VerifierKeys, miner: Signer, report: pb.Report, salt: Uint8Array = new Uint8Array(32).fill(7)): Uint8Array {
    const { account } = verifier;
    const fields = {
      verifier: account.address,
      jobId: 1n,
      round: this.job().round,
      miner: miner.address,
      salt,
      report,
      drawSignature: this.drawSignature(verifier),
    };
    return this.tx(account, [message(pb.MsgRevealAttestation, fields)]);
  }

  /** All of them attest and reveal true reports; ends in the dispute phase. */
  async verify(works: readonly (readonly [Signer, Work])[], verifiers: readonly VerifierKeys[] = this.verifiers): Promise<void> {
    await this.until(pb.RoundPhase.ROUND_PHASE_ATTEST);
    const all = verifiers.flatMap((v) => works.map(([miner, work]) => ({ v, miner, report: this.report(v, miner, work) })));
    await this.deliver(...all.map(({ v, miner, report }) => this.attest(v, miner, report)));
    await this.until(pb.RoundPhase.ROUND_PHASE_REVEAL);
    await this.deliver(...all.map(({ v, miner, report }) => this.reveal(v, miner, report)));
    await this.until(pb.RoundPhase.ROUND_PHASE_DISPUTE);
  }

  /** An honest round of these miners from the commit window to its end. */
  async play(miners: readonly Signer[] = [this.miners[0] as Signer], verifiers: readonly VerifierKeys[] = this.verifiers): Promise<readonly Work[]> {
    const works = await Promise.all(miners.map((m) => this.train(m)));
    await this.deliver(...miners.map((m, i) => this.commit(m, rootsOf(works[i] as Work))));
    await this.until(pb.RoundPhase.ROUND_PHASE_ANSWER);
    await this.deliver(...miners.map((m, i) => this.answer(m, works[i] as Work)));
    await this.verify(
      miners.map((m, i) => [m, works[i] as Work] as const),
      verifiers,
    );
    const { winner } = await this.until(pb.RoundPhase.ROUND_PHASE_CLOSED);
    const won = works[miners.findIndex((m) => m.address === winner)];
    if (won !== undefined) this.state = finalState(won);
    return works;
  }
}
