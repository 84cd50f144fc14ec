// SPDX-License-Identifier: Apache-2.0
// WebGPU itself runs where a driver is found, a software one included; what happens without one runs everywhere.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { BackendUnavailableError, InvalidStateError, InvalidStepError } from '../../../train/errors.ts';
import { initialState } from '../../../train/init.ts';
import { reference } from '../../../train/reference.ts';
import { failedParts, failedVectors, VECTOR_CASES } from '../../../train/vectors.ts';
import { type WebgpuBackend, webgpuBackend } from '../../../train/webgpu.ts';
import { firstWebgpuDifference } from '../../../train/webgpu-check.ts';
import type { Gpu, GpuAdapter } from '../../../train/webgpu-host.ts';
import { recordNetwork } from '../../../train/webgpu-network.ts';
import { LARGE, MEDIUM, productKernel, SMALL, TINY } from '../../../train/webgpu-product.ts';
import { shaderText } from '../../../train/webgpu-shader.ts';
import { tryWebgpu } from '../../helpers/engines.ts';
import { mlpSpec } from '../../vectors/train/specs.ts';

const tried = await tryWebgpu();
const skip = typeof tried === 'string' ? tried : false;
const backend = tried as WebgpuBackend;
after(() => {
  if (typeof tried !== 'string') tried.close();
});

test('WebGPU agrees with the reference in every operation and meets the vectors of every kind of network', { skip, timeout: 600_000 }, async () => {
  assert.equal(await firstWebgpuDifference(backend), undefined);
  assert.deepEqual(await failedVectors(backend), []);
});

test('workgroups as large as on a card meet vectors too, without the dot product of the language', { skip, timeout: 600_000 }, async () => {
  const card = (await tryWebgpu({ software: false, emulate: true })) as WebgpuBackend;
  for (const c of VECTOR_CASES.filter(({ name }) => ['primes', 'cnn-strided', 'gpt-tied'].includes(name))) {
    const trainer = await card.create(c.spec);
    assert.deepEqual(await failedParts(trainer, c), []);
    await trainer.close();
  }
  card.close();
});

test('an operation that errs is named', { skip, timeout: 600_000 }, async () => {
  const wrong = (await tryWebgpu()) as WebgpuBackend;
  const { compile } = wrong.opened;
  // A device whose kernels of one kind err in one bit of what they keep.
  wrong.opened.compile = (kernel) => {
    const code = kernel.name === 'bias' ? kernel.code.replace('kept(add(x[i]', 'kept(1u ^ add(x[i]') : kernel.code;
    return compile.call(wrong.opened, { ...kernel, code });
  };
  assert.equal(await firstWebgpuDifference(wrong), 'bias of mlp');
  wrong.close();
});

test('what the reference refuses is refused: batches, states, codes and invalid steps', { skip }, async () => {
  const spec = mlpSpec([5, 4, 3], 2);
  const trainer = await backend.create(spec);
  const state = initialState(spec, new Uint8Array(32));
  const samples = new Uint8Array(12).fill(1);
  await trainer.load(state);
  await assert.rejects(trainer.step(samples.subarray(1), 1), /samples: 11 bytes, expected 12/);
  await assert.rejects(trainer.evaluate(samples.subarray(1), 'full'), /no whole number of samples/);
  await assert.rejects(trainer.step(new Uint8Array(12).fill(3), 1), /label: 3 in sample 0 of the batch is not below 3/);
  await assert.rejects(trainer.load(state.subarray(1)), /InvalidStateError/);
  await assert.rejects(trainer.applyCodes(new Uint8Array(trainer.layout.codeBytes), 1), /InvalidCodesError/);
  const twin = reference.create(spec);
  for (const value of [2 ** 120, 2 ** 60]) {
    new DataView(state.buffer).setFloat32(0, value, true);
    twin.load(state);
    await trainer.load(state);
    assert.throws(() => twin.step(samples, 1), InvalidStepError);
    await assert.rejects(trainer.step(samples, 1), (error) => error instanceof InvalidStepError && /^linear: /.test(error.message));
    await trainer.load(state);
    await assert.rejects(trainer.evaluate(samples, 'full'), InvalidStepError);
    await assert.rejects(trainer.evaluate(samples, 'four'), InvalidStateError);
  }
  await trainer.close();
});

test('samples are evaluated alike in any company', { skip }, async () => {
  const spec = mlpSpec([5, 4, 3], 4);
  const trainer = await backend.create(spec);
  const state = initialState(spec, new Uint8Array(32).fill(3));
  const samples = Uint8Array.from({ length: 6 * 9 }, (_, i) => (i % 6 === 5 ? i % 3 : (i * 37) % 256));
  await trainer.load(state);
  const twin = reference.create(spec);
  twin.load(state);
  for (const count of [0, 1, 3, 4, 5, 9]) {
    for (const form of ['full', 'four'] as const) {
      assert.deepEqual(await trainer.evaluate(samples.subarray(0, 6 * count), form), twin.evaluate(samples.subarray(0, 6 * count), form));
    }
  }
  await trainer.close();
});

test('a closed or lost device is an error, never a result', { skip }, async () => {
  const other = (await tryWebgpu()) as WebgpuBackend;
  const trainer = await other.create(mlpSpec([5, 4, 3], 2));
  const pending = trainer.gradient(new Uint8Array(12));
  other.close();
  await assert.rejects(pending, BackendUnavailableError);
  await assert.rejects(trainer.gradient(new Uint8Array(12)), /the device is closed/);
  await assert.rejects(other.create(mlpSpec([5, 4, 3], 2)), /the device is closed/);
});

test('a step that takes too long is an error, and so is every later one', { skip }, async () => {
  const slow = (await tryWebgpu({ limitMs: 120_000 })) as WebgpuBackend;
  const trainer = await slow.create(mlpSpec([5, 4, 3], 2));
  const original = globalThis.setTimeout;
  // The limit's timer fires at once; the device is never as fast.
  globalThis.setTimeout = ((run: () => void) => original(run, 0)) as typeof setTimeout;
  try {
    await assert.rejects(trainer.gradient(new Uint8Array(12)), /took more than 120000 ms/);
  } finally {
    globalThis.setTimeout = original;
  }
  await assert.rejects(trainer.gradient(new Uint8Array(12)), /took more than/);
});

test('a network that a device cannot hold is refused with the limit, and the device goes on', { skip }, async () => {
  const small = (await tryWebgpu({ bufferBytes: 16_384 })) as WebgpuBackend;
  await assert.rejects(small.create(mlpSpec([100, 100, 3], 2)), /webgpu: a buffer of \d+ bytes is above the limit bufferBytes of 16384/);
  const trainer = await small.create(mlpSpec([5, 4, 3], 2));
  await trainer.gradient(new Uint8Array(12));
  small.close();
});

const none: Gpu = { wgslLanguageFeatures: { has: () => true }, requestAdapter: async () => null };

test('no adapter is an error that says so', async () => {
  await assert.rejects(webgpuBackend(none), (error) => error instanceof BackendUnavailableError && /no driver offers an adapter/.test(error.message));
});

test('a driver that never answers is given up after the limit', async () => {
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
  await assert.rejects(webgpuBackend({ ...none, requestAdapter: never }, { limitMs: 5 }), /the search for an adapter took more than 5 ms/);
  const limits = { maxBufferSize: 1, maxStorageBufferBindingSize: 1, maxComputeWorkgroupsPerDimension: 1 };
  const adapter: GpuAdapter = { info: { vendor: '', architecture: '', description: '' }, limits, requestDevice: never };
  await assert.rejects(
    webgpuBackend({ ...none, requestAdapter: async () => adapter }, { limitMs: 5 }),
    /the start of the device took more than 5 ms/,
  );
});

test('kernels hold no floating-point type and stay within what every device has', () => {
  const kernels = VECTOR_CASES.flatMap(({ spec }) =>
    [true, false].flatMap((software) => recordNetwork(spec, { packed: !software, software }).plan.dispatches.map(({ kernel }) => kernel)),
  );
  for (const tiling of [LARGE, MEDIUM, SMALL, TINY]) kernels.push(productKernel({ ...tiling, wide: tiling !== LARGE, packed: true }));
  const bytes = { u32: 4, i32: 4, vec2u: 8, vec4u: 16 } as const;
  for (const kernel of new Map(kernels.map((k) => [k.name, k])).values()) {
    const text = shaderText(kernel);
    assert.doesNotMatch(text, /\bf(16|32)\b|vec\d[fh]\b/, kernel.name);
    let size = 0;
    for (const [, type, count] of text.matchAll(/var<workgroup> \w+: array<(?:atomic<)?(\w+)>?, (\w+)>/g)) {
      size += bytes[type as keyof typeof bytes] * (count === 'THREADS' ? kernel.threads : Number(count));
    }
    assert.ok(size <= 16_384, `${kernel.name}: ${size} bytes of workgroup memory`);
    assert.ok(kernel.threads <= 256 && kernel.buffers.length + 1 <= 8, kernel.name);
    assert.equal(new Set(kernel.shape).size, kernel.shape.length);
  }
});

test('what a browser loads names nothing of Node and no global of a browser', () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '');
    assert.doesNotMatch(text, /from 'node:|\b(process|navigator|GPUBufferUsage|GPUMapMode|GPUShaderStage)\./, file);
    for (const [, path] of text.matchAll(/^(?:import|export) .*?from '(\.[^']+)';/gms)) visit(join(dirname(file), path as string));
  };
  const train = join(import.meta.dirname, '..', '..', '..', 'train');
  visit(join(train, 'webgpu.ts'));
  visit(join(train, 'webgpu-check.ts'));
  assert.ok(seen.size > 30);
});

test('one name is one kernel', () => {
  const texts = new Map<string, string>();
  for (const { spec } of VECTOR_CASES) {
    for (const software of [true, false]) {
      for (const { kernel } of recordNetwork(spec, { packed: true, software }).plan.dispatches) {
        const text = shaderText(kernel);
        assert.equal(texts.get(kernel.name) ?? text, text, kernel.name);
        texts.set(kernel.name, text);
      }
    }
  }
});

test('memory is shared only by buffers that are not needed at the same time', () => {
  for (const { spec, name } of VECTOR_CASES) {
    const { plan, starts } = recordNetwork(spec, { packed: true, software: false });
    const { memory, words } = plan.place();
    const owner = new Map<number, number>();
    plan.dispatches.forEach(({ buffers, kernel }, at) => {
      const used = buffers.map((ref) => memory[ref] as number);
      assert.equal(new Set(used).size, used.length, `${name}: ${kernel.name} has two buffers in one memory`);
      buffers.forEach((ref, i) => {
        const place = used[i] as number;
        assert.ok((plan.words[ref] as number) <= (words[place] as number) || ref === plan.maxima);
        const written = kernel.buffers[i]?.out === true;
        // Who reads a memory reads what was last written there by its own name.
        if (!written && owner.has(place)) assert.equal(owner.get(place), ref, `${name}: dispatch ${at}`);
        if (written) owner.set(place, ref);
      });
    });
    assert.equal(starts.length, 6);
    assert.equal(starts.at(-1), plan.dispatches.length);
  }
});
