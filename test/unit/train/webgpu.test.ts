// SPDX-License-Identifier: Apache-2.0
// WebGPU itself runs where a driver is found, a software one included; what happens without one runs everywhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Product } from '../../../train/contract.ts';
import { delegate } from '../../../train/delegate.ts';
import { BackendUnavailableError } from '../../../train/errors.ts';
import { quantise, rowsOf } from '../../../train/quantise.ts';
import { failedVectors } from '../../../train/vectors.ts';
import { type WebgpuEngine, webgpuEngine } from '../../../train/webgpu.ts';
import type { Gpu, GpuAdapter } from '../../../train/webgpu-host.ts';
import { LARGE, MEDIUM, productKernel, SMALL } from '../../../train/webgpu-kernel.ts';
import { tryGpu, tryWebgpu } from '../../helpers/engines.ts';

const gpu = await tryGpu();
const skip = typeof gpu === 'string' ? gpu : false;

function product(m: number, n: number, k: number): Product {
  const values = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.fround(Math.sin(i)));
  const out = { data: new Float32Array(m * n), offset: 0, stride: n };
  return { a: quantise(rowsOf(values(m * k), m, k), 14), b: quantise(rowsOf(values(n * k), n, k), 8), out };
}

test('WebGPU meets the vectors of every kind of network', { skip, timeout: 200_000 }, async () => {
  const engine = (await tryWebgpu()) as WebgpuEngine;
  assert.deepEqual(await failedVectors(delegate(engine)), []);
  engine.close();
});

test('a closed or lost device is an error, never a result', { skip }, async () => {
  const engine = (await tryWebgpu()) as WebgpuEngine;
  await engine.compute([product(2, 3, 4)]);
  const pending = engine.compute([product(20, 30, 400)]);
  engine.close();
  await assert.rejects(pending, BackendUnavailableError);
  await assert.rejects(engine.compute([product(2, 3, 4)]), /the engine is closed/);
});

test('a product that takes too long is an error, and so is every later one', { skip }, async () => {
  const engine = (await tryWebgpu({ limitMs: 5000 })) as WebgpuEngine;
  const stuck = { ...product(1, 1, 1) };
  const original = globalThis.setTimeout;
  // The limit's timer fires at once; the device is never as fast.
  globalThis.setTimeout = ((run: () => void) => original(run, 0)) as typeof setTimeout;
  try {
    await assert.rejects(engine.compute([stuck]), /webgpu: a product took more than 5000 ms/);
  } finally {
    globalThis.setTimeout = original;
  }
  await assert.rejects(engine.compute([stuck]), /took more than/);
});

test('a contraction that fits into no buffer is refused', { skip }, async () => {
  const engine = (await tryWebgpu({ bufferBytes: 16 })) as WebgpuEngine;
  await assert.rejects(engine.compute([product(1, 1, 100)]), /a contraction over 100 terms does not fit into buffers of 16 bytes/);
  engine.close();
});

const none: Gpu = { wgslLanguageFeatures: { has: () => true }, requestAdapter: async () => null };

test('no adapter is an error that says so', async () => {
  await assert.rejects(webgpuEngine(none), (error) => error instanceof BackendUnavailableError && /no driver offers an adapter/.test(error.message));
});

test('a driver that never answers is given up after the limit', async () => {
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
  await assert.rejects(webgpuEngine({ ...none, requestAdapter: never }, { limitMs: 5 }), /the search for an adapter took more than 5 ms/);
  const limits = { maxBufferSize: 1, maxStorageBufferBindingSize: 1, maxComputeWorkgroupsPerDimension: 1 };
  const adapter: GpuAdapter = { info: { vendor: '', architecture: '', description: '' }, limits, requestDevice: never };
  await assert.rejects(webgpuEngine({ ...none, requestAdapter: async () => adapter }, { limitMs: 5 }), /the start of the device took more than 5 ms/);
});

test('kernels hold no floating-point type and stay within the workgroup memory that every device has', () => {
  for (const tiling of [LARGE, MEDIUM, SMALL]) {
    for (const wide of [false, true]) {
      for (const packed of [false, true]) {
        const text = productKernel({ ...tiling, wide, packed });
        assert.doesNotMatch(text, /\bf(16|32)\b|vec\df/);
        let words = 0;
        for (const [, size] of text.matchAll(/var<workgroup> \w+: array<u32, (\d+)>/g)) words += Number(size);
        assert.ok(words > 0 && 4 * words <= 16_384);
        assert.ok(tiling.side ** 2 <= 256);
      }
    }
  }
});
