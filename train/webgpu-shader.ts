// SPDX-License-Identifier: Apache-2.0
// A kernel and a call of it. Every value is a u32: binary32 patterns, or whole numbers. A kernel reads its sizes from a
// uniform `shape`, so that one pipeline serves every network.
import { FLOAT_WGSL } from './webgpu-float.ts';

/** A buffer of a plan, by number (webgpu-plan.ts). */
export type Ref = number;

/** Type of a buffer's elements; `out` may be written. */
export interface Parameter {
  readonly name: string;
  readonly out?: boolean;
  readonly type?: 'u32' | 'vec4u' | 'atomic<u32>';
}

export interface Kernel {
  /** Different for different code. */
  readonly name: string;
  /** Numbers of `shape`, each a u32. */
  readonly shape: readonly string[];
  readonly buffers: readonly Parameter[];
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Functions, among them `fn run(group: u32, thread: u32)`, called by every thread of every workgroup. */
  readonly code: string;
  /** Lines that must stand before all others. */
  readonly head?: string;
}

export interface Dispatch {
  readonly kernel: Kernel;
  readonly shape: Readonly<Record<string, number>>;
  /** Workgroups. */
  readonly groups: number;
  readonly buffers: readonly Ref[];
  /** Number of the operation that it is a part of: what a refusal names. */
  readonly op: number;
}

/** Words of a uniform: `op`, `groups` and the kernel's own numbers. */
export const SHAPE_WORDS = 64;

/** Workgroups of `threads` threads for so many elements. */
export function groupsFor(elements: number, threads: number): number {
  return Math.floor((elements + threads - 1) / threads);
}

/** `status` holds the least number of an operation that is invalid. */
export function shaderText(kernel: Kernel): string {
  const fields = ['op', 'groups', ...kernel.shape].map((name) => `${name}: u32`).join(', ');
  const buffers = kernel.buffers.map(
    ({ name, out = false, type = 'u32' }, i) => `@group(0) @binding(${i + 2}) var<storage, ${out ? 'read_write' : 'read'}> ${name}: array<${type}>;`,
  );
  return `${kernel.head ?? ''}
struct Shape { ${fields} }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read_write> status: array<atomic<u32>>;
${buffers.join('\n')}
${FLOAT_WGSL}
fn refuse() { atomicMin(&status[0], shape.op); }
/** An operation's output: flushed, refused when not finite. */
fn kept(a: u32) -> u32 {
  if ((a & MAGNITUDE) >= INFINITE) { refuse(); }
  return flush(a);
}
${kernel.code}
@compute @workgroup_size(${kernel.threads})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = id.x + id.y * count.x;
  if (group < shape.groups) { run(group, thread); }
}
`;
}

/** One thread for each of shape.count elements; `code` sees `i`. */
export function elementwise(name: string, shape: readonly string[], buffers: readonly Parameter[], code: string): Kernel {
  const run = `
fn run(group: u32, thread: u32) {
  let i = group * ${ELEMENT_THREADS}u + thread;
  if (i >= shape.count) { return; }
${code}
}`;
  return { name, shape: ['count', ...shape], buffers, threads: ELEMENT_THREADS, code: run };
}

export const ELEMENT_THREADS = 64;

/** Threads of the workgroups whose threads wait for each other. */
export interface Grain {
  /** Of a row. */
  readonly row: number;
  /** Slices of `packRows`, and threads of each. */
  readonly slices: number;
  readonly sliceLanes: number;
  /** Columns of what walks down columns, and threads of each. */
  readonly columns: number;
  readonly columnLanes: number;
}

export const HARDWARE: Grain = { row: 64, slices: 16, sliceLanes: 16, columns: 64, columnLanes: 4 };
/** A processor that plays the GPU runs a vector of four threads at a time; to have vectors wait for each other costs it most. */
export const SOFTWARE: Grain = { row: 4, slices: 1, sliceLanes: 4, columns: 4, columnLanes: 1 };

/** Reductions over the threads of a workgroup, a power of two: every thread gets the result. */
export function reduceWgsl(threads: number): string {
  const reduction = (name: string, combine: string): string => /* wgsl */ `
fn ${name}(thread: u32, value: u32) -> u32 {
  lane[thread] = value;
  for (var n = ${threads / 2}u; n > 0u; n = n >> 1u) {
    workgroupBarrier();
    if (thread < n) { let a = lane[thread]; let b = lane[thread + n]; lane[thread] = ${combine}; }
  }
  return workgroupUniformLoad(&lane[0]);
}`;
  return `
var<workgroup> lane: array<u32, ${threads}>;
${reduction('largest', 'max(a, b)')}
${reduction('sum', 'a + b')}
`;
}
