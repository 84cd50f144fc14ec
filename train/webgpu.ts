// SPDX-License-Identifier: Apache-2.0
// Products on a GPU through WebGPU, in Node and in browsers. Operands go there as packed bytes, integer totals come
// back; what is rounded (settle) is rounded here. Every wait has a limit, and a lost device is an error from then on.
import { CHUNK, type Product, settle } from './contract.ts';
import type { ProductEngine } from './delegate.ts';
import { BackendUnavailableError } from './errors.ts';
import type { Quantised } from './quantise.ts';
import { type Gpu, type GpuAdapter, type GpuBuffer, type GpuDevice, type GpuPipeline, MAP_READ, USAGE } from './webgpu-host.ts';
import { LARGE, MEDIUM, productKernel, SMALL, type Tiling, tileOf } from './webgpu-kernel.ts';

export interface WebgpuOptions {
  /** Most bytes of a buffer; products that need more are computed in blocks. */
  readonly bufferBytes?: number;
  /** Milliseconds that a product, or the device's start, may take. */
  readonly limitMs?: number;
  /** Whether to do without the dot product of the language. */
  readonly emulate?: boolean;
  /** The tiling of every product, instead of one by its size. */
  readonly tiling?: Tiling;
}

export interface WebgpuEngine extends ProductEngine {
  /** The adapter in its driver's words. */
  readonly device: string;
  /** Whether the processor plays the GPU. */
  readonly software: boolean;
  /** Releases the device; the engine is unusable afterwards. */
  close(): void;
}

const BUFFER_BYTES = 2 ** 28;
const LIMIT_MS = 60_000;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** An engine on the fastest adapter. BackendUnavailableError when there is none, or it does not start in time. */
export async function webgpuEngine(gpu: Gpu, options: WebgpuOptions = {}): Promise<WebgpuEngine> {
  const limitMs = options.limitMs ?? LIMIT_MS;
  const adapter = await within(limitMs, gpu.requestAdapter({ powerPreference: 'high-performance' }), 'the search for an adapter');
  if (adapter === null) throw new BackendUnavailableError('webgpu: no driver offers an adapter');
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await within(
    limitMs,
    adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } }),
    'the start of the device',
  );
  const bytes = Math.min(options.bufferBytes ?? BUFFER_BYTES, maxBufferSize, maxStorageBufferBindingSize);
  const packed = options.emulate !== true && gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product');
  return new Engine(gpu, adapter, device, { bytes, limitMs, tiling: options.tiling, packed });
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

/** A block of equal products, the wide operand, if any, on the left. */
interface Job {
  readonly products: readonly Product[];
  /** Whether left is b and right is a. */
  readonly swapped: boolean;
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

interface Limits {
  readonly bytes: number;
  readonly limitMs: number;
  readonly tiling: Tiling | undefined;
  readonly packed: boolean;
}

/** Elements of a result from which large tiles leave no processor of a GPU without work. */
const LARGE_FROM = 2 ** 19;

class Engine implements WebgpuEngine {
  readonly name = 'webgpu';
  readonly device: string;
  readonly software: boolean;
  /** Held because the bindings for Node end the device with it. */
  readonly gpu: Gpu;
  readonly #device: GpuDevice;
  readonly #limits: Limits;
  readonly #buffers: Map<string, GpuBuffer> = new Map();
  readonly #pipelines: Map<string, Promise<GpuPipeline>> = new Map();
  #queue: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(gpu: Gpu, { info }: GpuAdapter, device: GpuDevice, limits: Limits) {
    this.gpu = gpu;
    this.device = info.description === '' ? `${info.vendor} ${info.architecture}` : info.description;
    this.software = info.isFallbackAdapter === true || SOFTWARE.test(`${info.vendor} ${info.architecture} ${info.description}`);
    this.#device = device;
    this.#limits = limits;
    void device.lost.then(({ reason, message }) => this.#fail(new BackendUnavailableError(`webgpu: the device was lost (${reason}: ${message})`)));
  }

  /** The kernel, compiled when it is first needed. */
  #pipeline(tiling: Tiling, wide: boolean): Promise<GpuPipeline> {
    const key = `${tiling.side} ${tiling.per} ${wide}`;
    const known = this.#pipelines.get(key);
    if (known !== undefined) return known;
    const module = this.#device.createShaderModule({ code: productKernel({ ...tiling, wide, packed: this.#limits.packed }) });
    const pipeline = this.#device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  /** One list after another: they share buffers. */
  compute(products: readonly Product[]): Promise<void> {
    const done = this.#queue.then(() => this.#compute(products));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  close(): void {
    this.#fail(new BackendUnavailableError('webgpu: the engine is closed'));
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#device.destroy();
  }

  async #compute(products: readonly Product[]): Promise<void> {
    for (const job of jobsOf(products, this.#limits.bytes, this.#device.limits.maxComputeWorkgroupsPerDimension)) {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        settleJob(job, await within(this.#limits.limitMs, this.#run(job), 'a product'));
      } catch (error) {
        this.#fail(error as Error);
        throw this.#failure;
      }
    }
  }

  async #run(job: Job): Promise<Int32Array> {
    const device = this.#device;
    const { a, b } = job.products[0] as Product;
    const [left, right] = job.swapped ? [b, a] : [a, b];
    const words = Math.ceil(left.length / 4);
    const chunks = Math.ceil(left.length / CHUNK);
    const lefts = pack(operands(job, !job.swapped), job.row, job.rows, words, left.bits > 8);
    const rights = pack(operands(job, job.swapped), job.column, job.columns, words, right.bits > 8);
    const tiling = this.#limits.tiling ?? this.#tilingOf(job);
    const tile = tileOf(tiling);
    const pipeline = await this.#pipeline(tiling, left.bits > 8);
    const size = 4 * job.products.length * chunks * job.rows * job.columns;
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    const shape = this.#upload('shape', Uint32Array.of(job.rows, job.columns, words, chunks, lefts.length / 8, 0, 0, 0), USAGE.uniform);
    const x = this.#upload('left', lefts, USAGE.storage);
    const y = this.#upload('right', rights, USAGE.storage);
    const totals = this.#buffer('totals', size, USAGE.storage | USAGE.copySource);
    const staging = this.#buffer('staging', size, USAGE.mapRead | USAGE.copyTarget);
    const entries = [shape, x, y, totals].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(Math.ceil(job.columns / tile), Math.ceil(job.rows / tile), job.products.length * chunks);
    pass.end();
    encoder.copyBufferToBuffer(totals, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    const faults = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    for (const fault of faults) if (fault !== null) throw new BackendUnavailableError(`webgpu: ${fault.message}`);
    await staging.mapAsync(MAP_READ, 0, size);
    const out = new Int32Array(staging.getMappedRange(0, size)).slice();
    staging.unmap();
    return out;
  }

  #tilingOf({ products, rows, columns }: Job): Tiling {
    if (Math.min(rows, columns) <= tileOf(SMALL)) return SMALL;
    // A processor that plays the GPU runs the threads of a workgroup one after another, and gains nothing by more of them.
    return products.length * rows * columns >= LARGE_FROM && !this.software ? LARGE : MEDIUM;
  }

  #upload(name: string, data: Uint8Array | Uint32Array, usage: number): GpuBuffer {
    const buffer = this.#buffer(name, data.byteLength, usage | USAGE.copyTarget);
    this.#device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  }

  /** The buffer of that name, made anew when it is too small. */
  #buffer(name: string, bytes: number, usage: number): GpuBuffer {
    const old = this.#buffers.get(name);
    if (old !== undefined && old.size >= bytes) return old;
    old?.destroy();
    let size = 4096;
    while (size < bytes) size *= 2;
    const buffer = this.#device.createBuffer({ size: Math.min(size, Math.max(bytes, this.#limits.bytes)), usage });
    this.#buffers.set(name, buffer);
    return buffer;
  }
}

function operands(job: Job, first: boolean): readonly Quantised[] {
  return job.products.map(({ a, b }) => (first ? a : b));
}

/** Products in groups, or in blocks, that fit into buffers of so many bytes and into so many workgroups a dimension. */
function* jobsOf(products: readonly Product[], bytes: number, groups: number): Generator<Job> {
  const [first] = products;
  if (first === undefined) return;
  const swapped = first.b.bits > 8;
  const [left, right] = swapped ? [first.b, first.a] : [first.a, first.b];
  const length = 4 * Math.ceil(left.length / 4);
  const chunks = Math.ceil(left.length / CHUNK);
  const leftBytes = left.bits > 8 ? 2 * length : length;
  const columns = Math.min(right.slices, Math.floor(bytes / length), groups * tileOf(SMALL));
  const rows = Math.min(left.slices, Math.floor(bytes / leftBytes), Math.floor(bytes / (4 * chunks * columns)), groups * tileOf(SMALL));
  if (!(rows >= 1 && columns >= 1 && chunks <= groups)) {
    throw new BackendUnavailableError(`webgpu: a contraction over ${left.length} terms does not fit into buffers of ${bytes} bytes`);
  }
  const whole = rows === left.slices && columns === right.slices;
  const most = Math.max(rows * leftBytes, columns * length, 4 * chunks * rows * columns);
  const count = whole ? Math.max(Math.min(Math.floor(bytes / most), Math.floor(groups / chunks)), 1) : 1;
  for (let from = 0; from < products.length; from += count) {
    const part = products.slice(from, from + count);
    for (let row = 0; row < left.slices; row += rows) {
      for (let column = 0; column < right.slices; column += columns) {
        yield {
          products: part,
          swapped,
          row,
          rows: Math.min(rows, left.slices - row),
          column,
          columns: Math.min(columns, right.slices - column),
        };
      }
    }
  }
}

/** Slices as bytes, each filled up with zeros to whole words; with `wide` all high planes, then all low ones. */
function pack(operands: readonly Quantised[], from: number, slices: number, words: number, wide: boolean): Uint8Array {
  const plane = operands.length * slices * words * 4;
  const out = new Int8Array(wide ? 2 * plane : plane);
  operands.forEach(({ mantissas, length }, p) => {
    for (let s = 0; s < slices; s++) {
      const slice = mantissas.subarray((from + s) * length, (from + s + 1) * length);
      const to = (p * slices + s) * words * 4;
      if (!wide) {
        out.set(slice, to);
        continue;
      }
      for (let t = 0; t < length; t++) {
        const q = slice[t] as number;
        const high = (q + 64) >> 7;
        out[to + t] = high;
        out[plane + to + t] = q - 128 * high;
      }
    }
  });
  return new Uint8Array(out.buffer);
}

function settleJob({ products, swapped, row, rows, column, columns }: Job, totals: Int32Array): void {
  const size = totals.length / products.length;
  products.forEach((product, p) => {
    const data = totals.subarray(p * size, (p + 1) * size);
    const chunkStride = rows * columns;
    if (swapped) settle(product, { data, row: column, rows: columns, column: row, columns: rows, chunkStride, rowStride: 1, columnStride: columns });
    else settle(product, { data, row, rows, column, columns, chunkStride, rowStride: columns, columnStride: 1 });
  });
}
