// SPDX-License-Identifier: Apache-2.0
// Miner and verifier on different backends come to the same verdict; one wrong bit in a backend is found, by the
// backend's own check before it is used and by every verifier after.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { examine } from '../../../miner/work/backend-report.ts';
import { agreeing, BACKENDS, selectBackend } from '../../../miner/work/backends.ts';
import { Bench } from '../../../miner/work/bench.ts';
import type { RoundContext } from '../../../miner/work/context.ts';
import { fastestOf } from '../../../miner/work/fastest.ts';
import { Fault, Verdict } from '../../../proto/gen/pogo.v1.ts';
import type { Backend, GradientResult } from '../../../train/backend.ts';
import { checkedDelegate, delegate, firstDifference, type ProductEngine } from '../../../train/delegate.ts';
import { BackendUnavailableError } from '../../../train/errors.ts';
import { reference } from '../../../train/reference.ts';
import type { ModelKind, TrainSpec } from '../../../train/spec.ts';
import { failedVectors, VECTOR_CASES } from '../../../train/vectors.ts';
import { wasmBackend } from '../../../train/wasm.ts';
import { tryTfjs, tryWebgpu, wrongBit } from '../../helpers/engines.ts';
import { openRound, train, verify, verifyTask, type Workplace, workplace } from './fixture.ts';

const tfjs = await tryTfjs();
const webgpu = await tryWebgpu();
const wasm = wasmBackend();

describe('a round on two backends', () => {
  let place: Workplace;
  let context: RoundContext;
  before(async () => {
    place = workplace();
    context = await openRound(place.bench);
  });
  after(() => {
    place.remove();
    if (typeof webgpu !== 'string') webgpu.close();
  });
  const on = (engine: ProductEngine | Backend | string): Backend => {
    if (typeof engine === 'string') return reference;
    return 'compute' in engine ? delegate(engine) : engine;
  };

  for (const [mining, verifying, skip] of [
    [wasm, reference, false],
    [on(tfjs), wasm, typeof tfjs === 'string' && tfjs],
    [wasm, on(tfjs), typeof tfjs === 'string' && tfjs],
    [on(webgpu), wasm, typeof webgpu === 'string' && webgpu],
    [on(tfjs), on(webgpu), (typeof tfjs === 'string' && tfjs) || (typeof webgpu === 'string' && webgpu)],
  ] as const) {
    it(`trained on ${mining.name} is right for a verifier on ${verifying.name}`, { skip }, async () => {
      const result = await train(new Bench(mining, place.options), context);
      const { report, detail } = await verify(new Bench(verifying, place.options), verifyTask(context, result));
      assert.equal(detail, '');
      assert.equal(report.verdict, Verdict.VERDICT_POSITIVE);
      assert.equal(report.digests.length, context.terms.steps);
    });
  }

  it('with one wrong bit in one product is rejected at that step', async () => {
    // A step of this network has five products, the second one gives the logits. A logit that is off by one unit in the last place
    // changes the loss or a code only by luck, so a sign is flipped.
    const broken = delegate(wrongBit('broken', 5 * 2 + 1, { bit: 31 }));
    const result = await train(new Bench(broken, place.options), context);
    const { report } = await verify(new Bench(wasm, place.options), verifyTask(context, result));
    assert.equal(report.verdict, Verdict.VERDICT_NEGATIVE);
    assert.equal(report.fault, Fault.FAULT_WRONG_STEP);
    assert.equal(report.faultStep, 3);
  });
});

describe('backends', () => {
  it('that are missing or differ are refused by name, with the reason', async () => {
    for (const name of BACKENDS) {
      if (name === 'tfjs' || name === 'webgpu') continue;
      const backend = await selectBackend(name).catch((error: Error) => error);
      if (backend instanceof Error) assert.match(backend.message, new RegExp(`^${name}: `));
      else assert.deepEqual(await failedVectors(backend), [], name);
    }
  });

  it('with a wrong bit are reported as not available, with the vectors that failed and the operation', async () => {
    const always: ProductEngine = { name: 'broken', compute: (products) => wrongBit('once', 0, { bit: 31 }).compute(products) };
    const { available, why_not, vectors_passed, vectors_failed, steps_per_second } = await examine(delegate(always), await firstDifference(always));
    assert.deepEqual([available, why_not, steps_per_second], [false, 'it differs from the reference: linear of smallest', 0]);
    assert.ok(vectors_failed > 0);
    assert.equal(vectors_passed + vectors_failed, VECTOR_CASES.length);
    const good = await examine(reference, undefined);
    assert.deepEqual([good.available, good.why_not, good.vectors_failed], [true, '', 0]);
    assert.ok(good.steps_per_second > 0);
  });

  it('that differ are left out of the automatic choice, which names them and what is wrong with them', async () => {
    const good: Backend = { ...reference, name: 'good' };
    const wrong = (): Promise<Backend> => checkedDelegate(wrongBit('wrong', 0, { bit: 31 }));
    const missing = (): never => {
      throw new BackendUnavailableError('missing: is not here');
    };
    assert.equal(await agreeing([missing, () => good]), good, 'what is missing is no news');
    const { name, kinds } = await agreeing([wrong, missing, () => good]);
    assert.equal(name, 'good (wrong: differs from the reference; it must not be used (linear of smallest))');
    assert.deepEqual(kinds, good.kinds);
    assert.match((await agreeing([wrong, missing])).name, /^reference \(slow; wrong: differs .*; missing: is not here\)$/);
  });

  it('are chosen by the clock for each model, and a failing one is passed over', async () => {
    const used: string[] = [];
    const timed = (name: string, wait: (kind: ModelKind) => number): Backend => ({
      ...reference,
      name,
      create: (spec) => {
        used.push(name);
        const trainer = reference.create(spec);
        const gradient = async (samples: Uint8Array): Promise<GradientResult> => {
          await sleep(wait(spec.model.kind));
          return trainer.gradient(samples);
        };
        return {
          spec,
          layout: trainer.layout,
          gradient,
          load: (s) => trainer.load(s),
          state: () => trainer.state(),
          close: () => trainer.close(),
          step: (s, n) => trainer.step(s, n),
          applyCodes: (c, n) => trainer.applyCodes(c, n),
          evaluate: (s, form) => trainer.evaluate(s, form),
        };
      },
    });
    const gpu = timed('gpu', (kind) => (kind === 'gpt' ? 0 : 300));
    const cpu = timed('cpu', (kind) => (kind === 'gpt' ? 300 : 0));
    const lost: Backend = { ...reference, name: 'lost', create: () => Promise.reject(new Error('the device was lost')) };
    const chosen = fastestOf([lost, gpu, cpu]) as Backend;
    assert.equal(chosen.name, 'fastest of lost, gpu, cpu');
    const spec = (name: string): TrainSpec => (VECTOR_CASES.find((c) => c.name === name) as (typeof VECTOR_CASES)[number]).spec;
    await chosen.create(spec('odd'));
    assert.deepEqual(used.splice(0), ['gpu', 'cpu', 'cpu']);
    await chosen.create(spec('odd'));
    assert.deepEqual(used.splice(0), ['cpu'], 'timed once for each model');
    await chosen.create(spec('gpt'));
    assert.deepEqual(used.splice(0), ['gpu', 'cpu', 'gpu']);
    await assert.rejects(async () => (fastestOf([lost, lost]) as Backend).create(spec('odd')), /the device was lost/);
    assert.equal(fastestOf([cpu]), cpu);
    assert.equal(fastestOf([]), undefined);
  });
});
