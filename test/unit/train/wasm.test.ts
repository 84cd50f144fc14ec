// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mnistSource } from '../../../miner/data/mnist.ts';
import { FormatError, InvalidCodesError, InvalidStateError, InvalidStepError, SpecError } from '../../../train/errors.ts';
import { fromBits } from '../../../train/float32.ts';
import { initialState } from '../../../train/init.ts';
import { reference } from '../../../train/reference.ts';
import { gatherSamples } from '../../../train/round.ts';
import { sampleIndices } from '../../../train/samples.ts';
import { failedVectors, VECTOR_CASES, vectorSamples } from '../../../train/vectors.ts';
import { nativeBackend, wasmBackend } from '../../../train/wasm.ts';
import { firstDifference } from '../../../train/wasm-check.ts';
import { LIMIT } from '../../../train/wasm-context.ts';
import { wasm } from '../../../train/wasm-host.ts';
import { planMemory } from '../../../train/wasm-memory.ts';
import { compileKernels, type Kernels, KernelsUnavailableError, readKernel, trainVariants } from '../../../train/wasm-module.ts';
import { whyNoNative } from '../../../train/wasm-native.ts';
import { WasmTrainer } from '../../../train/wasm-trainer.ts';
import { demoSpec, mlpSpec } from '../../vectors/train/specs.ts';

test('the wasm backend meets the vectors of every kind of network', async () => {
  assert.deepEqual(await failedVectors(wasmBackend()), []);
});

for (const threads of [2, 3]) {
  test(`${threads} threads meet the same vectors`, async () => {
    assert.deepEqual(await failedVectors(wasmBackend({ threads })), []);
  });
}

test('native kernels, where set-up could compile them, meet the same vectors on one thread and on two', async (t) => {
  const why = whyNoNative();
  if (why !== undefined) {
    assert.throws(() => nativeBackend(), KernelsUnavailableError);
    t.skip(why);
    return;
  }
  for (const threads of [1, 2]) assert.deepEqual(await failedVectors(nativeBackend({ threads })), []);
});

test('the largest magnitudes that a scale of 2^50 holds are 127 and 8191 of its units', () => {
  assert.equal(fromBits(LIMIT[8]), 127 * 2 ** 50);
  assert.equal(fromBits(LIMIT[14]), 8191 * 2 ** 50);
});

test('refusals on several threads are those of one, and the trainer works on after the next load', () => {
  const spec = mlpSpec([20, 64, 32], 16);
  const [two, one] = [wasmBackend({ threads: 2 }).create(spec), wasmBackend().create(spec)];
  const state = initialState(spec, new Uint8Array(32));
  const huge = new Uint8Array(state);
  new DataView(huge.buffer).setFloat32(0, 2 ** 120, true);
  const samples = new Uint8Array(16 * 21).fill(5);
  for (const trainer of [two, one]) {
    trainer.load(huge);
    assert.throws(() => trainer.step(samples, 1), InvalidStepError);
    trainer.load(state);
  }
  assert.deepEqual(two.step(samples, 1), one.step(samples, 1));
  assert.throws(() => two.applyCodes(new Uint8Array(two.layout.codeBytes), 1), InvalidCodesError);
  two.close();
});

for (const variant of trainVariants()) {
  test(`the ${variant} kernels agree with the reference operation by operation`, () => {
    assert.equal(firstDifference(compileKernels(variant)), undefined);
  });
}

/** The kernels with every occurrence of a binary32 constant of one of them replaced. */
function planted(name: keyof Kernels, from: number, to: number): ReturnType<typeof compileKernels> {
  const bytes = readKernel(name);
  const view = new DataView(bytes.buffer);
  let replaced = 0;
  for (let i = 0; i + 4 <= bytes.length; i++) {
    if (view.getUint32(i, true) !== from) continue;
    view.setUint32(i, to, true);
    replaced++;
  }
  assert.ok(replaced > 0, 'the constant is in the kernel');
  return { ...compileKernels('plain'), [name]: new wasm.Module(bytes) };
}

test('a kernel that is wrong in one bit is found and its operation named', () => {
  assert.match(firstDifference(planted('pack', 0x4b400000, 0x4b400001)) ?? '', /^linear of mlp/);
  assert.match(firstDifference(planted('loss', 0x42800000, 0x42820000)) ?? '', /^crossEntropy of mlp/);
  assert.match(firstDifference(planted('norm', 0x3727c5ac, 0x38d1b717)) ?? '', /^norm of gpt/);
});

test('500 steps of the default network on MNIST give the weights of the reference', () => {
  const spec = demoSpec();
  const source = mnistSource('mnist/train');
  assert.ok(source !== undefined);
  const bytes = source.load();
  const data = { size: bytes.length / 785, sample: (i: number) => bytes.subarray(i * 785, (i + 1) * 785) };
  const trainers = [wasmBackend().create(spec), reference.create(spec)] as const;
  for (const trainer of trainers) trainer.load(initialState(spec, new Uint8Array(32).fill(3)));
  const seed = new Uint8Array(32).fill(4);
  for (let step = 1; step <= 500; step++) {
    const samples = gatherSamples(spec, data, sampleIndices(seed, step, spec.batchSize, data.size));
    const [mine, theirs] = [trainers[0].step(samples, step), trainers[1].step(samples, step)];
    assert.equal(mine.loss, theirs.loss, `loss of step ${step}`);
    if (step % 50 === 0) assert.deepEqual(trainers[0].state(), trainers[1].state(), `state after step ${step}`);
  }
  const some = bytes.subarray(0, 785 * 1000);
  for (const form of ['full', 'four'] as const) assert.deepEqual(trainers[0].evaluate(some, form), trainers[1].evaluate(some, form));
});

test('it refuses what the reference refuses', () => {
  const spec = mlpSpec([5, 4, 3], 2);
  const trainer = wasmBackend().create(spec);
  const state = initialState(spec, new Uint8Array(32));
  trainer.load(state);
  assert.throws(() => trainer.step(new Uint8Array(11), 1), FormatError);
  assert.throws(() => trainer.step(new Uint8Array(12).fill(3), 1), FormatError, 'a label of 3 among 3 classes');
  assert.throws(() => trainer.evaluate(new Uint8Array(5), 'full'), FormatError);
  assert.throws(() => trainer.load(state.subarray(1)), InvalidStateError);
  assert.throws(() => trainer.applyCodes(new Uint8Array(7), 1), InvalidCodesError);
  const codes = trainer.gradient(new Uint8Array(12)).codes;
  for (const [at, byte] of [
    [0, 69],
    [0, 181],
    [1, 8],
    [1, 0x80],
  ] as const) {
    const wrong = new Uint8Array(codes);
    wrong[at] = byte;
    assert.throws(() => trainer.applyCodes(wrong, 1), InvalidCodesError, `byte ${at} = ${byte}`);
  }
  const lonely = new Uint8Array(codes.length);
  for (let block = 0; block < codes.length; block += 33) lonely[block] = 70;
  lonely[0] = 71;
  assert.throws(() => trainer.applyCodes(lonely, 1), InvalidCodesError);
});

test('a state that grows beyond the finite numbers makes the step invalid', () => {
  const spec = mlpSpec([2, 2], 1);
  for (const backend of [wasmBackend(), reference]) {
    const trainer = backend.create(spec);
    const state = initialState(spec, new Uint8Array(32));
    new DataView(state.buffer).setFloat32(0, 2 ** 120, true);
    trainer.load(state);
    assert.throws(() => trainer.step(new Uint8Array(3).fill(1), 1), InvalidStepError, backend.name);
  }
});

test('a model that does not fit into 4 GiB is an error that says so', () => {
  const spec = mlpSpec([65_536, 4000, 2], 3000);
  assert.throws(
    () => planMemory(spec),
    (error) => error instanceof SpecError && /MiB of memory/.test(error.message),
  );
  assert.throws(() => new WasmTrainer(spec, compileKernels('plain')), SpecError);
});

test('gradient leaves the state as it was, and steps follow from codes alone', () => {
  for (const c of VECTOR_CASES.filter(({ name }) => ['odd', 'cnn', 'gpt'].includes(name))) {
    const [a, b] = [wasmBackend().create(c.spec), wasmBackend().create(c.spec)];
    const state = initialState(c.spec, new Uint8Array(32).fill(1));
    const samples = vectorSamples(c, c.spec.batchSize);
    a.load(state);
    b.load(state);
    const { codes } = a.gradient(samples);
    assert.deepEqual(a.state(), state);
    assert.deepEqual(b.step(samples, 1).codes, codes);
    a.applyCodes(codes, 1);
    assert.deepEqual(a.state(), b.state());
  }
});
