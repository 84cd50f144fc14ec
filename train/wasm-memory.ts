// SPDX-License-Identifier: Apache-2.0
// Where everything lies in the memory of one trainer. Matrices are row-major without gaps, as in the reference.
import { SpecError } from './errors.ts';
import { type Layout, layoutOf } from './layout.ts';
import { compile, type Op, type Program } from './program.ts';
import { classCount, codeBitsOf, rowsPerSample, sampleBytes, type TrainSpec } from './spec.ts';
import { EXP_TABLE, LOG_TABLE } from './tables.ts';
import { type WasmMemory, wasm } from './wasm-host.ts';

const PAGE = 65_536;
const MAX_PAGES = 65_536;
/** Kernels read at most this far past the end of what they are given, and write there only into packed operands. */
const SLACK = 128;

export const pad = (n: number, to: number): number => Math.floor((n + to - 1) / to) * to;

/** Where two packed operands and their scales lie. */
export interface Area {
  readonly left: number;
  readonly right: number;
  readonly maxLeft: number;
  readonly maxRight: number;
  readonly upLeft: number;
  readonly invLeft: number;
  readonly upRight: number;
  readonly invRight: number;
  /** A product that is not made of whole tiles, before it is copied to where it belongs. */
  readonly temporary: number;
}

/** What one thread has for itself. */
export interface Lane extends Area {
  /** 1,024 bytes: scratch of kernels, from 512 on their coefficients. */
  readonly scratch: number;
  /** One row of a matrix, and one of table entries. */
  readonly row: number;
  readonly entries: number;
}

/** Addresses in bytes. */
export interface MemoryPlan {
  readonly bytes: number;
  /** Samples that fit at once. */
  readonly capacity: number;
  readonly program: Program;
  readonly samples: number;
  /** u16: input tokens, and labels, of the rows of logits. */
  readonly tokens: number;
  readonly labels: number;
  readonly theta: number;
  /** Parameters of the 4-bit form, while it is evaluated: where the gradient lies, which no evaluation needs. */
  readonly theta4: number;
  readonly moments: readonly number[];
  readonly gradient: number;
  readonly codes: number;
  readonly codeLeafBytes: number;
  /** 1 for codes of 5 bits, 0 for 4. */
  readonly fifth: 0 | 1;
  /** 0 for buffers that are never written (input bytes are read where they are). */
  readonly buffers: readonly number[];
  readonly shared: Area;
  readonly lanes: readonly Lane[];
  /** Binary32 2^-7, as many as there are positions. */
  readonly units: number;
  /** int32, all 0 between operations, and binary32: gradients of embeddings. */
  readonly totals: number;
  readonly sums: number;
  /** Parameters with padding, and leaves. */
  readonly parameters: number;
  readonly leafCount: number;
  readonly leafSquares: number;
  readonly exp: number;
  readonly log: number;
  readonly losses: number;
  readonly predicted: number;
}

const EVALUATION_SAMPLES = 64;
/** Elements of all buffers that a larger evaluation block may take. */
const EVALUATION_ELEMENTS = 2 ** 22;

/** Nothing lies at address 0, which says "none". */
const FIRST = 64;

class Allocator {
  top: number;
  constructor(first: number) {
    this.top = first;
  }
  take(size: number): number {
    const at = this.top;
    this.top = pad(at + size + SLACK, 64);
    return at;
  }
  floats(n: number): number {
    return this.take(4 * n);
  }
}

/** The plan for a validated specification and a number of threads, from address `first` on. SpecError when it needs more than 4 GiB. */
export function planMemory(spec: TrainSpec, threads = 1, first: number = FIRST): MemoryPlan {
  const layout = layoutOf(spec);
  const a = new Allocator(first);
  const capacity = capacityOf(spec);
  const program = compile(spec, capacity);
  const rows = capacity * rowsPerSample(spec.model);
  const sizes = operandSizes(spec, program);
  const { embedding } = sizes;
  const fixed = {
    lanes: Array.from({ length: threads }, (_, i) => lane(a, i === 0 ? { ...sizes, head: roomForAny(sizes.head, spec) } : sizes)),
    exp: a.floats(EXP_TABLE.length),
    log: a.floats(LOG_TABLE.length),
    losses: a.floats(rows),
    predicted: a.take(2 * rows),
    tokens: a.take(2 * rows),
    labels: a.take(2 * rows),
    samples: a.take(capacity * sampleBytes(spec.model)),
    units: a.floats(pad(sizes.context, 16)),
    totals: a.floats(embedding),
    sums: a.floats(embedding),
    parameters: layout.paddedCount,
    leafCount: layout.leafCount,
    codeLeafBytes: layout.codeLeafBytes,
    fifth: codeBitsOf(spec) === 5 ? (1 as const) : (0 as const),
    leafSquares: a.floats(layout.leafCount),
    shared: area(a, sizes.shared),
  };
  const state = stateAddresses(a, layout);
  const buffers = bufferAddresses(a, spec, program);
  if (a.top > PAGE * MAX_PAGES) throw new SpecError('model', `needs ${Math.floor(a.top / 1048576)} MiB of memory, the wasm backend has 4096`);
  return { ...fixed, ...state, bytes: a.top, capacity, program, buffers };
}

/** The batch, or more of a small one, so that evaluation does not pack the weights for a few samples at a time. */
function capacityOf(spec: TrainSpec): number {
  const elements = compile(spec, 1).buffers.reduce((n, { rows, cols }) => n + rows * cols, 0);
  return Math.max(spec.batchSize, Math.min(EVALUATION_SAMPLES, Math.floor(EVALUATION_ELEMENTS / elements)));
}

function stateAddresses(a: Allocator, layout: Layout): Pick<MemoryPlan, 'theta' | 'theta4' | 'moments' | 'gradient' | 'codes'> {
  const gradient = a.floats(layout.paddedCount);
  return {
    theta: a.floats(layout.paddedCount),
    theta4: gradient,
    moments: Array.from({ length: layout.moments }, () => a.floats(layout.paddedCount)),
    gradient,
    codes: a.take(layout.codeBytes),
  };
}

const OPERANDS = ['x', 'y', 'dy', 'p', 'ds', 'qkv', 'inverse', 'out'] as const;

/** The buffers that an operation reads or writes. */
export function buffersOf(op: Op): number[] {
  const fields: Partial<Record<string, unknown>> = { ...op };
  return OPERANDS.map((name) => fields[name]).filter((value): value is number => typeof value === 'number');
}

/** A place for each buffer from its first use to its last; places are taken again, and the logits stay to the end. */
function bufferAddresses(a: Allocator, spec: TrainSpec, program: Program): number[] {
  const ops = [...program.forward, ...program.backward];
  const last = new Map<number, number>([[program.logits, ops.length]]);
  ops.forEach((op, i) => {
    for (const buffer of buffersOf(op)) if (buffer !== program.logits) last.set(buffer, i);
  });
  const places: { at: number; size: number; freeFrom: number }[] = [];
  const out = program.buffers.map(() => 0);
  ops.forEach((op, i) => {
    for (const buffer of buffersOf(op)) {
      if (out[buffer] !== 0 || (buffer === 0 && spec.model.kind === 'mlp')) continue;
      const { rows, cols } = program.buffers[buffer] as { rows: number; cols: number };
      const size = pad(4 * pad(rows, 4) * cols, 64);
      let place = places.filter((p) => p.freeFrom <= i && p.size >= size && p.size < 2 * size).sort((p, q) => p.size - q.size)[0];
      if (place === undefined) {
        place = { at: a.take(size), size, freeFrom: 0 };
        places.push(place);
      }
      place.freeFrom = (last.get(buffer) ?? i) + 1;
      out[buffer] = place.at;
    }
  });
  return out;
}

interface AreaSize {
  left: number;
  right: number;
  temporary: number;
  slices: number;
}

interface Sizes {
  readonly shared: AreaSize;
  readonly head: AreaSize;
  readonly row: number;
  readonly entries: number;
  readonly context: number;
  readonly embedding: number;
}

function area(a: Allocator, size: AreaSize): Area {
  const scale = (): number => a.floats(size.slices);
  return {
    left: a.take(size.left),
    right: a.take(size.right),
    maxLeft: scale(),
    maxRight: scale(),
    upLeft: scale(),
    invLeft: scale(),
    upRight: scale(),
    invRight: scale(),
    temporary: a.floats(size.temporary),
  };
}

function lane(a: Allocator, sizes: Sizes): Lane {
  return { ...area(a, sizes.head), scratch: a.take(1024), row: a.floats(sizes.row), entries: a.floats(sizes.entries) };
}

function grow(size: AreaSize, rows: number, cols: number, terms: number, roomBelow = false): void {
  size.left = Math.max(size.left, pad(rows, 16) * pad(terms, 8) * 2);
  size.right = Math.max(size.right, pad(cols, 16) * pad(terms, 8) * 2);
  size.slices = Math.max(size.slices, pad(rows, 16), pad(cols, 16));
  if (!isWhole(rows, cols, roomBelow)) size.temporary = Math.max(size.temporary, pad(rows, 4) * pad(cols, 16));
}

function growDense(size: AreaSize, op: Extract<Op, { w: unknown }>, program: Program): void {
  const { rows, cols } = program.buffers[op.op === 'linear' ? op.out : op.dy] as { rows: number; cols: number };
  const inputs = op.w.count / cols;
  if (op.op === 'linear') grow(size, rows, cols, inputs, true);
  else if (op.op === 'linearInputGrad') grow(size, rows, inputs, cols, true);
  else grow(size, cols, inputs, rows);
}

/** The first thread also runs contexts of any length (wasm-logits.ts), whose products may be ragged where that of the whole one is not. */
function roomForAny(head: AreaSize, { model }: TrainSpec): AreaSize {
  if (model.kind !== 'gpt') return head;
  const rows = pad(model.context, 4);
  return { ...head, temporary: Math.max(head.temporary, rows * pad(model.context, 16), rows * pad(model.width / model.heads, 16)) };
}

/** Largest operands over all operations. */
function operandSizes(spec: TrainSpec, program: Program): Sizes {
  const shared: AreaSize = { left: 0, right: 0, temporary: 0, slices: 16 };
  const head: AreaSize = { left: 0, right: 0, temporary: 0, slices: 16 };
  let row = 16;
  let embedding = 0;
  for (const op of [...program.forward, ...program.backward]) {
    if ('w' in op) growDense(shared, op, program);
    if ('shape' in op) {
      const d = op.shape.width / op.shape.heads;
      grow(head, op.shape.context, op.shape.context, d);
      grow(head, op.shape.context, d, op.shape.context);
    }
    if ('dy' in op || 'x' in op) {
      const cols = program.buffers['dy' in op ? op.dy : op.x]?.cols ?? 0;
      row = Math.max(row, cols);
      shared.slices = Math.max(shared.slices, pad(cols, 16));
    }
    if (op.op === 'embedGrad') embedding = Math.max(embedding, op.e.count);
    if (op.op === 'positionGrad') embedding = Math.max(embedding, op.p.count);
  }
  const context = spec.model.kind === 'gpt' ? spec.model.context : 0;
  return { shared, head, row: pad(row, 16), entries: pad(Math.max(classCount(spec.model), context), 16), context, embedding };
}

/**
 * Whether a product of `rows` x `cols` is made of whole tiles, so that it can be computed in place; `roomBelow`: the
 * target has room for rows up to a multiple of 4, as all buffers have.
 */
export function isWhole(rows: number, cols: number, roomBelow = false): boolean {
  return (roomBelow || rows % 4 === 0) && cols % 16 === 0;
}

/** The largest memory that nobody uses any more. Shared memory is no weight to the collector, so one dropped at each change of jobs would pile up. */
let spare: WasmMemory | undefined;

/** Takes the memory of a trainer that is closed and had no further threads, for the next one. */
export function giveBack(memory: WasmMemory): void {
  if (spare === undefined || spare.buffer.byteLength < memory.buffer.byteLength) spare = memory;
}

/** The spare one if it is large enough, as if it were new. */
function takeSpare(bytes: number): WasmMemory | undefined {
  const memory = spare;
  if (memory === undefined || memory.buffer.byteLength < bytes) return undefined;
  spare = undefined;
  new Uint8Array(memory.buffer, 0, bytes).fill(0);
  return memory;
}

/** A memory of the plan's size, or a spare one of more, with the tables in place. SpecError when the host does not give that much. */
export function createMemory(plan: MemoryPlan, isNew = false): WasmMemory {
  const pages = Math.floor((plan.bytes + PAGE - 1) / PAGE);
  let memory: WasmMemory;
  try {
    memory = (isNew ? undefined : takeSpare(pages * PAGE)) ?? new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    throw new SpecError('model', `needs ${Math.floor(plan.bytes / 1048576)} MiB of memory, more than the host gives`);
  }
  new Uint32Array(memory.buffer, plan.exp, EXP_TABLE.length).set(EXP_TABLE);
  new Uint32Array(memory.buffer, plan.log, LOG_TABLE.length).set(LOG_TABLE);
  new Float32Array(memory.buffer, plan.units, Math.floor((plan.totals - plan.units - SLACK) / 4)).fill(2 ** -7);
  return memory;
}
