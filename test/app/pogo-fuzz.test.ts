// SPDX-License-Identifier: Apache-2.0
// Many hands doing anything at any time: the mock consensus checks every module's invariants after each block; here it is
// checked besides that no message met an unforeseen exception, that no coin was made, and that no head is false.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../core/bytes.ts';
import { canonicalJson, type Json, type JsonObject } from '../../core/json.ts';
import { getSupply } from '../../modules/bank/index.ts';
import { modules } from '../../modules/index.ts';
import * as pb from '../../proto/gen/pogo.v1.ts';
import { CHAIN, message, type Signer } from '../helpers/fixture.ts';
import { MockComet } from '../helpers/mockcomet.ts';
import { finalState, NEGATIVE, open, rootsOf, type Work } from './pogo-work.ts';
import { coin, FUNDS, type VerifierKeys, World } from './pogo-world.ts';

const { RoundPhase } = pb;
type Next = (bound: number) => number;

function lehmer(seed: number): Next {
  let x = seed;
  return (bound) => {
    x = (x * 48_271) % 2_147_483_647;
    return x % bound;
  };
}

interface Play {
  readonly world: World;
  readonly next: Next;
  /** By round and miner. */
  readonly works: Map<string, Work>;
  readonly reports: Map<string, pb.Report>;
}

/** What a miner may do now: mostly its duty, at times something else. */
async function mine({ world, next, works }: Play, miner: Signer): Promise<Uint8Array[]> {
  const job = world.job();
  const round = job.round === 0n ? undefined : world.round();
  const key = `${job.round}/${miner.address}`;
  const luck = next(20);
  if (luck === 0) return [world.tx(miner, [message(pb.MsgUnbondMiner, { miner: miner.address, amount: coin(1 + next(30_000_000)) })])];
  if (luck === 1) return [world.tx(miner, [world.bondMiner(miner, BigInt(1 + next(20_000_000)))])];
  if (luck === 2) return [];
  if (round?.phase === RoundPhase.ROUND_PHASE_COMMIT) {
    const work = works.get(key) ?? (await world.train(miner));
    works.set(key, work);
    const victim = next(8) === 0 ? [...works.entries()].find(([k]) => k.startsWith(`${job.round}/`))?.[1] : undefined;
    return [world.commit(miner, rootsOf(victim ?? work), next(10) === 0 ? { parentRoot: new Uint8Array(32) } : {})];
  }
  const work = works.get(key);
  if (round?.phase === RoundPhase.ROUND_PHASE_ANSWER && work !== undefined && round.miners.includes(miner.address)) {
    const { challenges, open: left } = world.challenges(miner);
    const some = challenges.filter((c) => left.includes(c.index) && next(4) > 0);
    if (some.length > 0)
      return [
        world.answerWith(
          miner,
          some.map((c) => open(work, c.segment, next(12) === 0 ? (c.leaf + 1) % 4 : c.leaf)),
        ),
      ];
  }
  return [];
}

function verify({ world, next, works, reports }: Play, v: VerifierKeys): Uint8Array[] {
  const { address } = v.account;
  const luck = next(25);
  if (luck === 0) return [world.tx(v.account, [message(pb.MsgUnbondVerifier, { verifier: address, amount: coin(1 + next(25_000_000)) })])];
  if (luck === 1) return [world.tx(v.account, [world.bondVerifier(v, BigInt(1 + next(20_000_000)))])];
  if (luck < 4) return [];
  const job = world.job();
  const round = job.round === 0n ? undefined : world.round();
  if (round === undefined || round.challengeBeacon.length === 0) return [];
  return round.miners.flatMap((m) => {
    const miner = world.miners.find((s) => s.address === m) as Signer;
    const work = works.get(`${round.number}/${m}`);
    if (work === undefined) return [];
    const key = `${round.number}/${m}/${address}`;
    if (round.phase === RoundPhase.ROUND_PHASE_ATTEST) {
      const report = reports.get(key) ?? (next(12) === 0 ? NEGATIVE : world.report(v, miner, work));
      reports.set(key, report);
      return [world.attest(v, miner, report)];
    }
    const report = reports.get(key);
    return round.phase === RoundPhase.ROUND_PHASE_REVEAL && report !== undefined ? [world.reveal(v, miner, report)] : [];
  });
}

function own({ world, next }: Play): Uint8Array[] {
  const luck = next(60);
  const { owner } = world;
  if (luck === 0) return [world.tx(owner, [message(pb.MsgUpdateJob, { owner: owner.address, jobId: 1n, terms: world.terms })])];
  if (luck === 1) return [world.tx(owner, [message(pb.MsgFundJob, { sender: owner.address, jobId: 1n, amount: coin(1_000_000) })])];
  if (luck === 2) return [world.tx(owner, [world.createJob({}, 1_500_000n)])];
  return [];
}

/** A head must be honest work of its round, or the first model. */
function followHead({ world, works }: Play): void {
  const { head } = world.job();
  if (head === undefined || head.round === 0n) return;
  const work = works.get(`${head.round}/${head.miner}`);
  assert.ok(work, `head of round ${head.round} by ${head.miner}`);
  assert.equal(toHex(head.stateRoot), toHex(rootsOf(work).stateRoot));
  world.state = finalState(work);
}

async function block(play: Play): Promise<void> {
  const { world } = play;
  const txs = own(play);
  for (const miner of world.miners) txs.push(...(await mine(play, miner)));
  for (const v of world.verifiers) txs.push(...verify(play, v));
  await world.comet.deliver(txs);
  world.syncSequences();
  followHead(play);
}

for (const seed of [1, 7, 42, 1234]) {
  test(`a hundred and twenty blocks of many hands, seed ${seed}`, async () => {
    const world = new World({ miners: 3, verifiers: 4, params: { absent_out_blocks: 5, unbonding_blocks: 7 } });
    await world.start(50_000_000n);
    const play: Play = { world, next: lehmer(seed), works: new Map(), reports: new Map() };
    let supply = FUNDS * BigInt(world.accounts.length);
    for (let i = 0; i < 120; i++) {
      await block(play);
      const now = getSupply(world.comet.reader(), CHAIN.bondDenom);
      assert.ok(now <= supply, 'coins were made');
      supply = now;
    }
    assert.deepEqual(world.comet.internalErrors, []);
    assert.ok(world.job().finalizedRounds >= 1n, `finalised ${world.job().finalizedRounds} of ${world.job().round} rounds`);
    const appState = world.comet.app.exportGenesis().appState as JsonObject;
    const again = new MockComet({ chainId: CHAIN.chainId, appState, modules, initialHeight: world.comet.height + 1n });
    await again.advance(1);
    await world.comet.advance(1);
    const pogo = (comet: MockComet): string => canonicalJson((comet.app.exportGenesis().appState as JsonObject)['pogo'] as Json);
    assert.equal(pogo(again), pogo(world.comet));
  });
}
