// SPDX-License-Identifier: Apache-2.0
// A device: buffers within its limits, compiled kernels, command buffers. Every wait has a limit, and a lost device is an
// error from then on.
import { BackendUnavailableError } from './errors.ts';
import {
  type Gpu,
  type GpuAdapter,
  type GpuBuffer,
  type GpuDevice,
  type GpuLayoutEntry,
  type GpuPass,
  MAP_READ,
  STAGE_COMPUTE,
  USAGE,
} from './webgpu-host.ts';
import { type Kernel, shaderText } from './webgpu-shader.ts';

const LIMIT_MS = 60_000;
/** A processor that plays the GPU may be busy with other things as well. */
const SOFTWARE_LIMIT_MS = 600_000;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

export interface DeviceOptions {
  /** Milliseconds that a step, or the device's start, may take. */
  readonly limitMs?: number;
  /** Most bytes of a buffer, below the device's own limit. */
  readonly bufferBytes?: number;
  /** Whether to do without the dot product of the language. */
  readonly emulate?: boolean;
}

export interface Compiled {
  readonly pipeline: object;
  readonly layout: object;
}

/** The first `bytes` of a buffer, a multiple of four. */
export interface Part {
  readonly buffer: GpuBuffer;
  readonly bytes: number;
}

/** What a command buffer does: `clear` some buffers, run a pass, and hand parts of buffers back. */
export interface Commands {
  readonly clear: readonly GpuBuffer[];
  readonly encode: (pass: GpuPass) => void;
  readonly read: readonly Part[];
}

/** The promise's value, or an error after so many milliseconds. */
async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BackendUnavailableError(`webgpu: ${what} took more than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The fastest adapter's device. BackendUnavailableError when there is none, or it does not start in time. */
export async function openDevice(gpu: Gpu, options: DeviceOptions = {}): Promise<Device> {
  const limitMs = options.limitMs ?? LIMIT_MS;
  const adapter = await within(limitMs, gpu.requestAdapter({ powerPreference: 'high-performance' }), 'the search for an adapter');
  if (adapter === null) throw new BackendUnavailableError('webgpu: no driver offers an adapter');
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const requiredLimits = { maxBufferSize, maxStorageBufferBindingSize };
  const device = await within(limitMs, adapter.requestDevice({ requiredLimits }), 'the start of the device');
  return new Device(gpu, adapter, device, options);
}

export class Device {
  /** The adapter in its driver's words. */
  readonly name: string;
  /** Whether the processor plays the GPU. */
  readonly software: boolean;
  /** Whether the language has dot4I8Packed. */
  readonly packed: boolean;
  /** Held because the bindings for Node end the device with it. */
  readonly gpu: Gpu;
  readonly #device: GpuDevice;
  readonly #limitMs: number;
  readonly #bytes: number | undefined;
  readonly #compiled: Map<string, Promise<Compiled>> = new Map();
  #failure: Error | undefined;

  constructor(gpu: Gpu, { info }: GpuAdapter, device: GpuDevice, options: DeviceOptions) {
    this.gpu = gpu;
    this.name = info.description === '' ? `${info.vendor} ${info.architecture}` : info.description;
    this.software = info.isFallbackAdapter === true || SOFTWARE.test(`${info.vendor} ${info.architecture} ${info.description}`);
    this.packed = options.emulate !== true && gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product');
    this.#device = device;
    this.#limitMs = options.limitMs ?? (this.software ? SOFTWARE_LIMIT_MS : LIMIT_MS);
    this.#bytes = options.bufferBytes;
    void device.lost.then(({ reason, message }) => this.#fail(new BackendUnavailableError(`webgpu: the device was lost (${reason}: ${message})`)));
  }

  /** Workgroups of a dispatch as two dimensions. BackendUnavailableError names the limit that they exceed. */
  dimensions(groups: number): readonly [number, number] {
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    const y = Math.ceil(groups / most);
    if (y > most) throw new BackendUnavailableError(`webgpu: ${groups} workgroups are more than maxComputeWorkgroupsPerDimension (${most}) allows`);
    return [Math.min(groups, most), y];
  }

  /** A buffer of zeros. */
  buffer(bytes: number, usage: number): GpuBuffer {
    this.check();
    this.allow(bytes);
    return this.#device.createBuffer({ size: bytes, usage });
  }

  /** BackendUnavailableError names the limit that a buffer exceeds. */
  allow(bytes: number): void {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    const limits = [
      ['maxBufferSize', maxBufferSize],
      ['maxStorageBufferBindingSize', maxStorageBufferBindingSize],
      ['bufferBytes', this.#bytes ?? maxBufferSize],
    ] as const;
    for (const [limit, most] of limits) {
      if (bytes > most) throw new BackendUnavailableError(`webgpu: a buffer of ${bytes} bytes is above the limit ${limit} of ${most}`);
    }
  }

  /** The kernel, compiled when it is first needed. */
  compile(kernel: Kernel): Promise<Compiled> {
    const known = this.#compiled.get(kernel.name);
    if (known !== undefined) return known;
    const compiled = this.guarded(() => this.#compile(kernel));
    this.#compiled.set(kernel.name, compiled);
    return compiled;
  }

  async #compile(kernel: Kernel): Promise<Compiled> {
    const types = ['uniform', 'storage', ...kernel.buffers.map(({ out }) => (out === true ? 'storage' : 'read-only-storage'))] as const;
    const entries = types.map((type, binding): GpuLayoutEntry => ({ binding, visibility: STAGE_COMPUTE, buffer: { type } }));
    const layout = this.#device.createBindGroupLayout({ entries });
    const module = this.#device.createShaderModule({ code: shaderText(kernel) });
    const pipelineLayout = this.#device.createPipelineLayout({ bindGroupLayouts: [layout] });
    const pipeline = await this.#device.createComputePipelineAsync({ layout: pipelineLayout, compute: { module } });
    return { pipeline, layout };
  }

  bindGroup(layout: object, parts: readonly { readonly buffer: GpuBuffer; readonly offset?: number; readonly size?: number }[]): object {
    return this.#device.createBindGroup({ layout, entries: parts.map((resource, binding) => ({ binding, resource })) });
  }

  write(buffer: GpuBuffer, data: Uint8Array | Uint32Array, offset = 0): void {
    this.check();
    this.#device.queue.writeBuffer(buffer, offset, data);
  }

  /** Submits commands and waits for what they hand back, each part through a buffer of `staging` that is as large at least. */
  async run({ clear, encode, read }: Commands, staging: readonly GpuBuffer[]): Promise<Uint8Array[]> {
    return await this.guarded(async () => {
      const encoder = this.#device.createCommandEncoder();
      for (const buffer of clear) encoder.clearBuffer(buffer);
      const pass = encoder.beginComputePass();
      encode(pass);
      pass.end();
      const to = (i: number): GpuBuffer => staging[i] as GpuBuffer;
      read.forEach(({ buffer, bytes }, i) => {
        encoder.copyBufferToBuffer(buffer, 0, to(i), 0, bytes);
      });
      this.#device.queue.submit([encoder.finish()]);
      await Promise.all(read.map(({ bytes }, i) => to(i).mapAsync(MAP_READ, 0, bytes)));
      return read.map(({ bytes }, i) => {
        const out = new Uint8Array(to(i).getMappedRange(0, bytes)).slice();
        to(i).unmap();
        return out;
      });
    });
  }

  /** Runs what uses the device; its faults, and being late, end the device. */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    try {
      this.#device.pushErrorScope('out-of-memory');
      this.#device.pushErrorScope('validation');
      const result = work();
      const scopes = [this.#device.popErrorScope(), this.#device.popErrorScope()];
      result.catch(() => undefined);
      const faults = await within(this.#limitMs, Promise.all(scopes), 'an answer of the device');
      for (const fault of faults) if (fault !== null) throw new BackendUnavailableError(`webgpu: ${fault.message}`);
      return await within(this.#limitMs, result, 'a step');
    } catch (error) {
      this.#fail(error as Error);
      throw this.#failure;
    }
  }

  /** Throws what ended the device. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#fail(new BackendUnavailableError('webgpu: the device is closed'));
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#device.destroy();
  }
}

export const STORAGE: number = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
export const STAGING: number = USAGE.mapRead | USAGE.copyTarget;
