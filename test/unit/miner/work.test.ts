// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ArtifactReader } from '../../../miner/artifact/reader.ts';
import { ArtifactStore } from '../../../miner/artifact/store.ts';
import { ArtifactWriter } from '../../../miner/artifact/writer.ts';
import { NO_CONTROL } from '../../../miner/work/bench.ts';
import { type CommitRoots, openingContext, type RoundContext, shapeOfRound } from '../../../miner/work/context.ts';
import { runTask } from '../../../miner/work/run.ts';
import type { EvaluateResult, TrainResult } from '../../../miner/work/tasks.ts';
import { startWorkbench } from '../../../miner/work/workbench.ts';
import { checkOpening, type OpeningResult } from '../../../modules/pogo/opening.ts';
import { Fault, type LeafOpening, Verdict } from '../../../proto/gen/pogo.v1.ts';
import { layoutOf } from '../../../train/layout.ts';
import { treeOf, treeOfLeaves } from '../../../train/merkle.ts';
import { MINER, openRound, SPEC, TERMS, train, VERIFIER, verify, verifyTask, type Workplace, workplace } from './fixture.ts';

const LEAVES = layoutOf(SPEC).leafCount;

describe('work', () => {
  let place: Workplace;
  let context: RoundContext;
  let honest: TrainResult;
  before(async () => {
    place = workplace();
    context = await openRound(place.bench);
    honest = await train(place.bench, context);
  });
  after(() => place.remove());

  async function open(result: TrainResult, segment: number, leaf: number): Promise<LeafOpening> {
    const task = { kind: 'open', context, artifactRoot: result.artifactRoot, leaves: [{ segment, leaf }] } as const;
    return ((await runTask(place.bench, task, NO_CONTROL)) as readonly LeafOpening[])[0] as LeafOpening;
  }

  async function decide(
    result: TrainResult,
    proof: { readonly segment: number; readonly leaf: number },
    commit: CommitRoots = result,
  ): Promise<OpeningResult> {
    return checkOpening(openingContext(context, commit), await open(result, proof.segment, proof.leaf));
  }

  it('of an honest round gets a positive report with losses and a digest of every executed step', async () => {
    const { report, detail, proof } = await verify(place.bench, verifyTask(context, honest));
    assert.equal(detail, '');
    assert.equal(proof, undefined);
    assert.equal(report.verdict, Verdict.VERDICT_POSITIVE);
    assert.deepEqual(
      report.digests.map((d) => d.step),
      [1, 2, 3, 4, 5, 6, 7],
    );
    assert.equal(report.samples, 64);
    assert.equal(report.diffSum, report.parentLoss - report.loss);
    assert.ok(report.diffSum > 0n, 'seven steps improve a random model');
    assert.ok(BigInt(report.diffSquareSum) * 64n >= report.diffSum ** 2n);
    const other = await verify(place.bench, verifyTask(context, honest, { verifier: MINER }));
    assert.equal(other.report.loss, report.loss);
    assert.notDeepEqual(other.report.digests[0]?.digest, report.digests[0]?.digest, 'a digest cannot be copied from another verifier');
  });

  it('gives openings of every leaf of every segment that the chain accepts', async () => {
    for (let segment = 0; segment < 3; segment++) {
      for (let leaf = 0; leaf < LEAVES; leaf++) assert.deepEqual(await decide(honest, { segment, leaf }), { kind: 'ok' });
    }
  });

  it('is the same artifact when the round is trained again', async () => {
    assert.deepEqual((await train(place.bench, context)).artifactRoot, honest.artifactRoot);
  });

  it('finds one false leaf and the opening that convicts it', async () => {
    for (let i = 0; i < 3; i++) {
      const result = await train(place.bench, context, 'wrong-leaf');
      const { report, proof } = await verify(place.bench, verifyTask(context, result, { steps: [] }));
      assert.equal(report.fault, Fault.FAULT_WRONG_LEAF);
      assert.equal(report.faultStep, 7);
      assert.ok(proof !== undefined);
      const decision = await decide(result, proof);
      assert.equal(decision.kind === 'fault' && decision.fault, Fault.FAULT_WRONG_LEAF);
    }
  });

  it('finds garbage states and convicts them', async () => {
    const result = await train(place.bench, context, 'adaptive');
    const { report, proof } = await verify(place.bench, verifyTask(context, result, { steps: [] }));
    assert.equal(report.fault, Fault.FAULT_WRONG_LEAF);
    assert.ok(proof !== undefined);
    const decision = await decide(result, proof);
    assert.equal(decision.kind === 'fault' && decision.fault, Fault.FAULT_WRONG_LEAF);
  });

  it('finds invented gradients only by executing a step again', async () => {
    const result = await train(place.bench, context, 'no-training');
    const blind = await verify(place.bench, verifyTask(context, result, { steps: [] }));
    assert.equal(blind.report.verdict, Verdict.VERDICT_POSITIVE, 'every leaf follows from the codes');
    const { report, proof } = await verify(place.bench, verifyTask(context, result, { steps: [4] }));
    assert.equal(report.fault, Fault.FAULT_WRONG_STEP);
    assert.equal(report.faultStep, 4);
    assert.equal(proof, undefined, 'no leaf shows it');
  });

  it('finds claimed losses that are not the losses', async () => {
    const lie = await verify(place.bench, verifyTask(context, honest, { claimedLoss: honest.loss / 2n }));
    assert.equal(lie.report.fault, Fault.FAULT_FALSE_LOSS);
    const other = await verify(place.bench, verifyTask(context, honest, { claimedParentLoss: honest.parentLoss + 1n }));
    assert.equal(other.report.fault, Fault.FAULT_FALSE_LOSS);
  });

  it("finds another miner's work and convicts it by any opening", async () => {
    const thief = { ...honest, miner: VERIFIER };
    const { report, proof } = await verify(place.bench, verifyTask(context, thief));
    assert.equal(report.fault, Fault.FAULT_FOREIGN_BINDING);
    assert.ok(proof !== undefined);
    const decision = await decide(honest, proof, thief);
    assert.equal(decision.kind === 'fault' && decision.fault, Fault.FAULT_FOREIGN_BINDING);
  });

  it('finds a 4-bit model that is not the quantisation, and invalid codes', async () => {
    const reader = ArtifactReader.open((place.bench.artifacts.get(honest.artifactRoot) as { file: string }).file, shapeOfRound(context));
    const write = (model4: Uint8Array, change: (step: number, codes: Uint8Array) => Uint8Array = (_step, codes) => codes): TrainResult => {
      const writer = new ArtifactWriter(place.bench.artifacts, shapeOfRound(context));
      for (let step = 1; step <= 7; step++) writer.step(change(step, reader.codes(step)), [3, 6, 7].includes(step) ? reader.state(step) : undefined);
      const stored = writer.finish(model4, reader.records());
      return { ...honest, artifactRoot: stored.root, artifactSize: stored.size };
    };
    const model4 = reader.model4();
    model4[528 * 2 + 40] = (model4[528 * 2 + 40] as number) ^ 0x11;
    const unavailable = await verify(place.bench, verifyTask(context, write(model4)));
    assert.equal(unavailable.report.fault, Fault.FAULT_UNAVAILABLE, 'the committed 4-bit root is the true one, but its leaves are not there');
    const committed = { ...write(model4), code4Root: treeOfLeaves(model4, 528).root };
    const { report, proof } = await verify(place.bench, verifyTask(context, committed));
    assert.deepEqual([report.fault, report.faultLeaf], [Fault.FAULT_WRONG_CODE4, 2]);
    const decision = await decide(committed, proof as { segment: number; leaf: number }, committed);
    assert.equal(decision.kind === 'fault' && decision.fault, Fault.FAULT_WRONG_CODE4);
    const swapped = write(reader.model4(), (step, codes) => (step === 5 ? reader.codes(4) : codes));
    const withheld = await verify(place.bench, verifyTask(context, swapped));
    assert.equal(withheld.report.fault, Fault.FAULT_UNAVAILABLE);
    assert.match(withheld.detail, /the codes of step 5 are not the committed ones/);
    reader.close();
  });

  it('calls an artifact that is short or of another trace unavailable, but blames nobody for one that was removed here', async () => {
    const gone = verifyTask(context, { ...honest, artifactRoot: new Uint8Array(32) });
    await assert.rejects(verify(place.bench, gone), { name: 'MissingArtifactError' });
    const other = await verify(place.bench, verifyTask(context, { ...honest, traceRoot: treeOf([new Uint8Array(1)]).root }));
    assert.equal(other.report.fault, Fault.FAULT_UNAVAILABLE);
    const longer = { ...context, terms: { ...TERMS, steps: 8 } };
    assert.equal((await verify(place.bench, verifyTask(longer, honest))).report.fault, Fault.FAULT_UNAVAILABLE);
  });

  it('runs in a thread with the same results, reports progress and can be called off', async () => {
    const second = workplace();
    const bench = await startWorkbench('auto', second.options);
    try {
      const { root } = await bench.run({ kind: 'init', spec: SPEC, seed: new Uint8Array(32).fill(3) });
      assert.deepEqual(root, context.parentRoot);
      const result = await bench.run({ kind: 'train', context, miner: MINER });
      assert.deepEqual(result.artifactRoot, honest.artifactRoot);
      assert.deepEqual([result.parentLoss, result.loss], [honest.parentLoss, honest.loss]);
      const figures: EvaluateResult = await bench.run({ kind: 'evaluate', spec: SPEC, stateRoot: result.stateRoot, dataset: 'mnist/holdout' });
      assert.equal(figures.samples, 5000);
      assert.ok(figures.correct > 0 && figures.correct < 5000);
      const long = { ...context, terms: { ...TERMS, steps: 1_000_000 } };
      const stop = new AbortController();
      let steps = 0;
      const cancelled = bench.run(
        { kind: 'train', context: long, miner: MINER },
        {
          signal: stop.signal,
          onProgress: (progress) => {
            steps = progress.step;
            stop.abort();
          },
        },
      );
      await assert.rejects(cancelled, { name: 'CancelledError' });
      assert.ok(steps > 0);
      const failing = bench.run({
        kind: 'train',
        context: { ...context, training: { ...context.training, root: new Uint8Array(32) } },
        miner: MINER,
      });
      await assert.rejects(failing, { name: 'DataError' });
      assert.equal(new ArtifactStore(second.options.artifacts).list().length, 1);
      assert.deepEqual(
        readFileSync((new ArtifactStore(second.options.artifacts).get(honest.artifactRoot) as { file: string }).file),
        readFileSync((place.bench.artifacts.get(honest.artifactRoot) as { file: string }).file),
      );
    } finally {
      await bench.close();
      second.remove();
    }
  });

  it('does not take a kept state that was damaged', async () => {
    const third = workplace();
    const round = await openRound(third.bench);
    const file = `${third.options.states}/${Buffer.from(round.parentRoot).toString('hex')}`;
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.from([1]), 0, 1, 1000);
    await assert.rejects(train(third.bench, round), { name: 'MissingStateError' });
    third.remove();
  });

  it('measures on the given samples, whatever the claim was measured on', async () => {
    const some = await verify(place.bench, verifyTask(context, honest, { samples: Uint32Array.of(1, 2, 2) }));
    assert.equal(some.report.samples, 3);
    const all = await verify(place.bench, verifyTask(context, honest));
    assert.ok(all.report.parentLoss > some.report.parentLoss);
  });
});
