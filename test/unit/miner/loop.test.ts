// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { equalBytes } from '../../../core/bytes.ts';
import { ATTACK_NAMES } from '../../../miner/attacks/conduct.ts';
import { accuracyOf, createModelReader, exportModel } from '../../../miner/model.ts';
import { type Commit, CommitStatus, Fault, RoundPhase } from '../../../proto/gen/pogo.v1.ts';
import { layoutOf } from '../../../train/layout.ts';
import { stateTree } from '../../../train/round.ts';
import { fromSafetensors } from '../../../train/safetensors.ts';
import { thetaOf } from '../../../train/state.ts';
import { serveRpc } from './rpcserver.ts';
import { type Player, STATUS, type Stage, stage } from './stage.ts';

describe('daemons on a chain', () => {
  let on: Stage | undefined;
  afterEach(async () => {
    await on?.end();
    on = undefined;
  });

  const commitOf = (commits: readonly Commit[], player: Player): Commit | undefined => commits.find((c) => c.miner === player.address);

  it('train, answer, verify and move the head, round after round', async () => {
    on = await stage(4);
    const miner = await on.play(1, { kind: 'mine' });
    await on.play(2, { kind: 'verify' });
    await on.play(3, { kind: 'verify' });
    const losses: bigint[] = [];
    for (const number of [1n, 2n, 3n]) {
      const { job, round, commits } = await on.closed(number);
      assert.equal(round.outcome, 'finalized', `round ${number}: ${commits.map((c) => STATUS[c.status])}`);
      assert.equal(round.winner, miner.address);
      assert.ok((job.head?.round ?? 0n) >= number);
      const commit = commitOf(commits, miner);
      assert.deepEqual(commit?.answered, [0, 1, 2, 3]);
      losses.push(commit?.parentLoss ?? 0n, commit?.loss ?? 0n);
    }
    assert.ok((losses.at(-1) as bigint) < (losses[0] as bigint), `losses ${losses}`);
    assert.equal(miner.role.status().counts['slashed'], 0);
  });

  it('let a late miner take the head from the network and win with it', async () => {
    on = await stage(5);
    const first = await on.play(1, { kind: 'mine' });
    await on.play(2, { kind: 'verify' });
    await on.closed(1n);
    await first.stop();
    const late = await on.play(3, { kind: 'mine' });
    await on.until('a round that the late miner wins', async (job) => job.head?.miner === late.address);
  });

  it('go on after a restart with the commit that was signed, and train again when the disk was lost before it', async () => {
    on = await stage(4, { windows: { commit: 30, answer: 8, attest: 8, reveal: 5, dispute: 2 }, maxCommits: 2 });
    const miner = await on.play(1, { kind: 'mine' });
    await on.play(2, { kind: 'verify' });
    await on.until('a commit', async (_job, round) => (round?.miners.length ?? 0) > 0);
    const [before] = await on.chain.queries.commits(on.job, 1n);
    await miner.stop();
    rmSync(join(miner.folder, 'states'), { recursive: true });
    rmSync(join(miner.folder, 'artifacts'), { recursive: true });
    const again = await on.play(1, { kind: 'mine' }, miner.folder);
    await on.until('the answer phase', (_job, round) => (round?.phase ?? 0) >= RoundPhase.ROUND_PHASE_ANSWER);
    const [after] = await on.chain.queries.commits(on.job, 1n);
    assert.deepEqual(after?.artifact, before?.artifact, 'one commit stands');
    assert.equal(again.role.status().counts['trained'], 0, 'the journal kept it from training for the round again');
    // Nobody else has the artifact: the miner has lost it, and that is what the bond is for.
    const { commits } = await on.closed(1n);
    assert.deepEqual(
      commits.map((c) => [c.status, c.fault]),
      [[CommitStatus.COMMIT_STATUS_SLASHED, Fault.FAULT_UNANSWERED]],
    );
  });

  it('reveal after a restart what was committed before it', async () => {
    on = await stage(4, { windows: { commit: 12, answer: 8, attest: 20, reveal: 20, dispute: 2 } });
    await on.play(1, { kind: 'mine' });
    const verifier = await on.play(2, { kind: 'verify' });
    const other = await on.play(3, { kind: 'verify' });
    await on.until('the answer phase', (_job, round) => (round?.phase ?? 0) >= RoundPhase.ROUND_PHASE_ANSWER);
    await other.stop();
    await on.until('an attestation', async (_job, round) => {
      const miner = round?.miners[0];
      if (miner === undefined) return false;
      return (await on?.chain.queries.attestations(on.job, 1n, miner))?.some((a) => a.verifier === verifier.address) === true;
    });
    await verifier.stop();
    rmSync(join(verifier.folder, 'states'), { recursive: true });
    rmSync(join(verifier.folder, 'artifacts'), { recursive: true });
    await on.play(2, { kind: 'verify' }, verifier.folder);
    await on.play(3, { kind: 'verify' }, other.folder);
    const { round, commits } = await on.closed(1n);
    assert.equal(round.outcome, 'finalized');
    const all = await on.chain.queries.attestations(on.job, 1n, commits[0]?.miner ?? '');
    assert.deepEqual(
      all.map((a) => a.revealed),
      [true, true],
    );
  });

  it('give the model to whoever asks, checked against the chain and written as safetensors', async () => {
    on = await stage(3);
    const miner = await on.play(1, { kind: 'mine' });
    await on.play(2, { kind: 'verify' });
    await on.closed(1n);
    const { url, server } = await serveRpc(on.chain.rpc);
    const reader = await createModelReader({ nodes: [url], folder: join(miner.folder, 'reader'), backend: 'reference' });
    try {
      const model = await reader.head(on.job);
      assert.ok(model.head.round >= 1n);
      assert.deepEqual(stateTree(model.spec, model.state).root, model.head.stateRoot);
      const figures = await reader.evaluate(model, 'mnist/holdout');
      assert.equal(figures.samples, 5000);
      assert.ok(accuracyOf(figures) > 1500, `${accuracyOf(figures)} of 10,000`);
      const file = exportModel(model, 'pogo-test-1');
      assert.deepEqual(thetaOf(layoutOf(model.spec), fromSafetensors(model.spec, file)), thetaOf(layoutOf(model.spec), model.state));
      await assert.rejects(reader.head(77n), /the chain has no job 77/);
    } finally {
      await reader.close();
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
    }
  });

  describe('against an attack', () => {
    /** What becomes of each kind. */
    const OUTCOMES: Readonly<Record<string, readonly [status: CommitStatus, fault: Fault | undefined]>> = {
      'fake-loss': [CommitStatus.COMMIT_STATUS_REJECTED, undefined],
      'no-training': [CommitStatus.COMMIT_STATUS_REJECTED, undefined],
      'wrong-leaf': [CommitStatus.COMMIT_STATUS_SLASHED, Fault.FAULT_WRONG_LEAF],
      adaptive: [CommitStatus.COMMIT_STATUS_SLASHED, undefined],
      silent: [CommitStatus.COMMIT_STATUS_SLASHED, Fault.FAULT_UNANSWERED],
      copycat: [CommitStatus.COMMIT_STATUS_SLASHED, Fault.FAULT_FOREIGN_BINDING],
    };

    for (const [attack, [status, fault]] of Object.entries(OUTCOMES)) {
      it(`of kind ${attack} the false work never becomes the head and honest work goes on`, async () => {
        on = await stage(6, { maxCommits: 2, windows: { commit: 15, answer: 8, attest: 12, reveal: 6, dispute: 2 } });
        const honest = await on.play(1, { kind: 'mine' });
        const hostile = await on.play(2, { kind: 'mine', attack });
        await on.play(3, { kind: 'verify' });
        await on.play(4, { kind: 'verify' });
        await on.play(5, { kind: 'watch' });
        let seen: Commit | undefined;
        for (let number = 1n; number <= 4n && seen === undefined; number++) {
          const { round, commits } = await on.closed(number);
          seen = commitOf(commits, hostile);
          assert.notEqual(round.winner, hostile.address);
        }
        assert.equal(STATUS[seen?.status ?? 0], STATUS[status]);
        if (fault !== undefined) assert.equal(seen?.fault, fault);
        assert.equal(seen?.paid, '0');
        if (status === CommitStatus.COMMIT_STATUS_SLASHED) assert.ok(BigInt(seen?.slashed ?? 0) > 0n);
        const record = await on.chain.queries.miner(hostile.address);
        assert.equal(record?.roundsWon, 0n);
        await on.until('a round that the honest miner wins', (job) => job.head?.miner === honest.address);
      });
    }

    it('of kind stale the transaction is refused and honest work goes on', async () => {
      on = await stage(6, { maxCommits: 2 });
      const honest = await on.play(1, { kind: 'mine' });
      const hostile = await on.play(2, { kind: 'mine', attack: 'stale' });
      await on.play(3, { kind: 'verify' });
      await on.closed(3n);
      assert.ok((hostile.role.status().counts['trained'] ?? 0) > 0, 'it did train');
      for (const number of [1n, 2n, 3n]) {
        const { commits, round } = await on.closed(number);
        assert.equal(commitOf(commits, hostile), undefined);
        assert.equal(round.winner, honest.address);
      }
      const first = await on.closed(1n);
      const second = await on.closed(2n);
      assert.equal(equalBytes(first.round.parent?.stateRoot ?? new Uint8Array(0), second.round.parent?.stateRoot ?? new Uint8Array(0)), false);
    });

    it('is offered for every kind that is tested here', () => {
      assert.deepEqual([...ATTACK_NAMES].sort(), [...Object.keys(OUTCOMES), 'stale'].sort());
    });
  });
});
