// SPDX-License-Identifier: Apache-2.0
// The webgpu backend, in Node and in browsers: whole steps on a GPU of any vendor, in integer operations only.
import type { Backend } from './backend.ts';
import type { TrainSpec } from './spec.ts';
import { validateSpec } from './validate.ts';
import { type Device, type DeviceOptions, openDevice } from './webgpu-device.ts';
import type { Gpu } from './webgpu-host.ts';
import type { PlanOptions } from './webgpu-plan.ts';
import type { Tiling } from './webgpu-product.ts';
import { WebgpuTrainer } from './webgpu-trainer.ts';

export interface WebgpuOptions extends DeviceOptions {
  /** The tiling of every product, instead of one by its size. */
  readonly tiling?: Tiling;
  /** Whether to work as on a GPU although the processor plays it, for tests; or the other way round. */
  readonly software?: boolean;
}

export interface WebgpuBackend extends Backend {
  /** The adapter in its driver's words. */
  readonly device: string;
  /** Whether the processor plays the GPU. */
  readonly software: boolean;
  create(spec: TrainSpec): Promise<WebgpuTrainer>;
  /** A trainer of which every buffer can be read after a run; it takes more memory. */
  createApart(spec: TrainSpec, tiling?: Tiling): Promise<WebgpuTrainer>;
  /** The device, for its check. */
  readonly opened: Device;
  /** Releases the device; the backend and its trainers are unusable afterwards. */
  close(): void;
}

/**
 * The backend on the fastest adapter, not compared with anything (webgpu-check.ts does that). BackendUnavailableError when
 * there is none or it does not start in time; a trainer's names the device's limit that a network exceeds.
 */
export async function webgpuBackend(gpu: Gpu, options: WebgpuOptions = {}): Promise<WebgpuBackend> {
  const device = await openDevice(gpu, options);
  const software = options.software ?? device.software;
  const plan: PlanOptions = { packed: device.packed, software, ...(options.tiling === undefined ? {} : { tiling: options.tiling }) };
  const open = (spec: TrainSpec, how: PlanOptions): Promise<WebgpuTrainer> => WebgpuTrainer.open(device, validateSpec(spec), how);
  return {
    name: 'webgpu',
    kinds: ['mlp', 'cnn', 'gpt'],
    device: device.name,
    software: device.software,
    opened: device,
    create: (spec) => open(spec, plan),
    createApart: (spec, tiling) => open(spec, { ...plan, apart: true, ...(tiling === undefined ? {} : { tiling }) }),
    close: () => device.close(),
  };
}
