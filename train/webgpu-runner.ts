// SPDX-License-Identifier: Apache-2.0
// A plan on a device: its buffers, compiled kernels and bind groups, made once; then any part of its list is one command
// buffer.
import { type Commands, type Device, type Part, STAGING, STORAGE } from './webgpu-device.ts';
import { type GpuBuffer, type GpuPass, USAGE } from './webgpu-host.ts';
import type { Placed, Plan } from './webgpu-plan.ts';
import { type Dispatch, type Ref, SHAPE_WORDS } from './webgpu-shader.ts';

/** What the status holds when no operation was refused. */
const VALID = 0xffffffff;

/** A dispatch that is ready to run. */
interface Ready {
  readonly pipeline: object;
  readonly group: object;
  readonly x: number;
  readonly y: number;
}

/** The first words of a buffer. */
export interface Wanted {
  readonly ref: Ref;
  readonly words: number;
}

export interface RunResult {
  /** The first operation that was refused, by name. */
  readonly refused: string | undefined;
  /** Bytes of each wanted buffer, each in memory of its own. */
  readonly read: readonly Uint8Array[];
}

/** Dispatches from `from` to `to`, exclusive. */
export type Range = readonly [from: number, to: number];

export class Runner {
  readonly plan: Plan;
  readonly #device: Device;
  readonly #buffers: readonly GpuBuffer[];
  readonly #memory: readonly number[];
  readonly #status: GpuBuffer;
  readonly #shapes: GpuBuffer;
  readonly #staging: GpuBuffer[] = [];
  #ready: readonly Ready[] = [];

  /** BackendUnavailableError names the limit of the device that the plan exceeds. */
  static async open(device: Device, plan: Plan): Promise<Runner> {
    const placed = plan.place();
    for (const words of placed.words) device.allow(4 * words);
    for (const { groups } of plan.dispatches) device.dimensions(groups);
    return await device.guarded(async () => {
      const runner = new Runner(device, plan, placed);
      await runner.#prepare();
      return runner;
    });
  }

  private constructor(device: Device, plan: Plan, { memory, words }: Placed) {
    this.plan = plan;
    this.#device = device;
    this.#memory = memory;
    this.#status = device.buffer(4, STORAGE);
    this.#shapes = device.buffer(4 * SHAPE_WORDS * plan.dispatches.length, USAGE.uniform | USAGE.copyTarget);
    this.#buffers = words.map((size) => device.buffer(4 * size, STORAGE));
  }

  async #prepare(): Promise<void> {
    const { dispatches } = this.plan;
    const compiled = await Promise.all(dispatches.map(({ kernel }) => this.#device.compile(kernel)));
    const shapes = new Uint32Array(SHAPE_WORDS * dispatches.length);
    this.#ready = dispatches.map((dispatch, i) => {
      const { pipeline, layout } = compiled[i] as (typeof compiled)[number];
      shapes.set(numbersOf(dispatch), SHAPE_WORDS * i);
      const [x, y] = this.#device.dimensions(dispatch.groups);
      const shape = { buffer: this.#shapes, offset: 4 * SHAPE_WORDS * i, size: 4 * SHAPE_WORDS };
      const parts = [shape, { buffer: this.#status }, ...dispatch.buffers.map((ref) => ({ buffer: this.#bufferOf(ref) }))];
      return { pipeline, group: this.#device.bindGroup(layout, parts), x, y };
    });
    this.#device.write(this.#shapes, shapes);
  }

  /** Writes from a byte of the buffer on. */
  write(ref: Ref, data: Uint8Array | Uint32Array, offset = 0): void {
    this.#device.write(this.#bufferOf(ref), data, offset);
  }

  /** Runs parts of the list as one command buffer and reads buffers, all of which is one wait. */
  async run(ranges: readonly Range[], wanted: readonly Wanted[]): Promise<RunResult> {
    const status = { buffer: this.#status, bytes: 4 };
    const read = [status, ...wanted.map(({ ref, words }): Part => ({ buffer: this.#bufferOf(ref), bytes: 4 * words }))];
    this.#device.write(this.#status, Uint32Array.of(VALID));
    const commands: Commands = { clear: [this.#bufferOf(this.plan.maxima)], encode: (pass) => this.#encode(pass, ranges), read };
    const staging = read.map(({ bytes }, i) => this.#stagingOf(i, bytes));
    const [first, ...parts] = (await this.#device.run(commands, staging)) as [Uint8Array, ...Uint8Array[]];
    const refused = new Uint32Array(first.buffer)[0] as number;
    return { refused: refused === VALID ? undefined : this.plan.ops[refused], read: parts };
  }

  #encode(pass: GpuPass, ranges: readonly Range[]): void {
    for (const [from, to] of ranges) {
      for (const { pipeline, group, x, y } of this.#ready.slice(from, to)) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(x, y);
      }
    }
  }

  close(): void {
    for (const buffer of [this.#status, this.#shapes, ...this.#buffers, ...this.#staging]) buffer.destroy();
  }

  #bufferOf(ref: Ref): GpuBuffer {
    return this.#buffers[this.#memory[ref] as number] as GpuBuffer;
  }

  /** What the processor reads part number i from; made anew when it is too small. */
  #stagingOf(i: number, bytes: number): GpuBuffer {
    const old = this.#staging[i];
    if (old !== undefined && old.size >= bytes) return old;
    old?.destroy();
    const buffer = this.#device.buffer(bytes, STAGING);
    this.#staging[i] = buffer;
    return buffer;
  }
}

function numbersOf({ kernel, shape, groups, op }: Dispatch): number[] {
  return [op, groups, ...kernel.shape.map((name) => shape[name] as number)];
}
