// SPDX-License-Identifier: Apache-2.0
// Engines for products as tests want them: TensorFlow.js on the processor, and WebGPU on the driver of the machine or on
// the software driver that comes with Chromium.
import { existsSync } from 'node:fs';
import { contract, type Product } from '../../train/contract.ts';
import type { ProductEngine } from '../../train/delegate.ts';
import { BackendUnavailableError } from '../../train/errors.ts';
import { type Tf, tfjsEngine } from '../../train/tfjs.ts';
import { loadTf } from '../../train/tfjs-node.ts';
import { type WebgpuBackend, type WebgpuOptions, webgpuBackend } from '../../train/webgpu.ts';
import type { Gpu } from '../../train/webgpu-host.ts';
import { loadGpu } from '../../train/webgpu-node.ts';

const SOFTWARE_DRIVERS = ['/usr/lib/chromium', '/usr/lib64/chromium', '/opt/google/chrome'].map((folder) => `${folder}/vk_swiftshader_icd.json`);

/** TensorFlow.js, or why there is none. */
export async function tryTf(): Promise<Tf | string> {
  try {
    return (await loadTf()).tf;
  } catch (error) {
    if (error instanceof BackendUnavailableError) return error.message;
    throw error;
  }
}

export async function tryTfjs(): Promise<ProductEngine | string> {
  const tf = await tryTf();
  return typeof tf === 'string' ? tf : tfjsEngine(tf);
}

/** WebGPU with an adapter, or why there is none. */
export async function tryGpu(): Promise<Gpu | string> {
  const software = SOFTWARE_DRIVERS.find((file) => existsSync(file));
  try {
    return await loadGpu();
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    if (software === undefined) return error.message;
  }
  process.env['VK_DRIVER_FILES'] = software;
  try {
    return await loadGpu();
  } catch (error) {
    if (error instanceof BackendUnavailableError) return error.message;
    throw error;
  }
}

export async function tryWebgpu(options: WebgpuOptions = {}): Promise<WebgpuBackend | string> {
  const gpu = await tryGpu();
  if (typeof gpu === 'string') return gpu;
  try {
    return await webgpuBackend(gpu, options);
  } catch (error) {
    if (error instanceof BackendUnavailableError) return error.message;
    throw error;
  }
}

export interface WrongBit {
  /** Which products count; all without. */
  readonly wanted?: (product: Product) => boolean;
  /** 0 is the lowest, 31 the sign. */
  readonly bit?: number;
}

/** An engine that flips one bit of the first element of one product: number `at` of those that count. */
export function wrongBit(name: string, at: number, { wanted = () => true, bit = 0 }: WrongBit = {}): ProductEngine {
  let seen = 0;
  const compute = async (products: readonly Product[]): Promise<void> => {
    for (const product of products) {
      contract(product);
      if (!wanted(product) || seen++ !== at) continue;
      const { data, offset } = product.out;
      const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
      bits[offset] = (bits[offset] as number) ^ (1 << bit);
    }
  };
  return { name, compute };
}
