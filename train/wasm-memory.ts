// SPDX-License-Identifier: Apache-2.0
// Where everything lies in the memory of one trainer. Activations are kept feature by feature: element (sample r,
// feature c) of a buffer is at c * ld + r, ld a multiple of 16.
import { SpecError } from './errors.ts';
import { layoutOf } from './layout.ts';
import { compile, type Program } from './program.ts';
import { sampleBytes, type TrainSpec } from './spec.ts';
import { EXP_TABLE, LOG_TABLE } from './tables.ts';
import { type WasmMemory, wasm } from './wasm-host.ts';

const PAGE = 65_536;
const MAX_PAGES = 65_536;
/** Kernels read at most this far past the end of what they are given. */
const SLACK = 128;

export const pad = (n: number, to: number): number => Math.floor((n + to - 1) / to) * to;

/** Addresses in bytes; all but `samples` and `codes` are of 32-bit elements. */
export interface MemoryPlan {
  readonly bytes: number;
  /** Samples that fit at once: the batch, but at least 64 for evaluation. */
  readonly capacity: number;
  /** Elements from feature to feature. */
  readonly ld: number;
  readonly program: Program;
  readonly samples: number;
  readonly theta: number;
  /** Parameters of the 4-bit form, while it is evaluated. */
  readonly theta4: number;
  readonly moments: readonly number[];
  readonly gradient: number;
  readonly codes: number;
  readonly buffers: readonly number[];
  /** Packed operands. */
  readonly left: number;
  readonly right: number;
  readonly maxima: number;
  readonly upLeft: number;
  readonly invLeft: number;
  readonly upRight: number;
  readonly invRight: number;
  /** Gradient of a tensor whose rows are no whole number of tiles; logits in their written order. */
  readonly temporary: number;
  /** 1,024 bytes: scratch of kernels, and from 512 on their coefficients. */
  readonly scratch: number;
  readonly exp: number;
  readonly log: number;
  readonly entries: number;
  readonly losses: number;
  readonly predicted: number;
}

const EVALUATION_ROWS = 64;

/** The plan for a validated specification. SpecError when it needs more than the 4 GiB of a 32-bit memory. */
export function planMemory(spec: TrainSpec): MemoryPlan {
  const layout = layoutOf(spec);
  const capacity = Math.max(spec.batchSize, EVALUATION_ROWS);
  const ld = pad(capacity, 16);
  const program = compile(spec, capacity);
  let top = 64;
  const take = (size: number): number => {
    const at = top;
    top = pad(top + size + SLACK, 64);
    return at;
  };
  const sizes = operandSizes(program, ld);
  const floats = (n: number): number => take(4 * n);
  const scratch = take(1024);
  const plan = {
    capacity,
    ld,
    program,
    scratch,
    exp: floats(EXP_TABLE.length),
    log: floats(LOG_TABLE.length),
    entries: floats(pad(sizes.classes, 16)),
    losses: floats(ld),
    predicted: take(2 * ld),
    samples: take(capacity * sampleBytes(spec.model)),
    maxima: floats(sizes.slices),
    upLeft: floats(sizes.slices),
    invLeft: floats(sizes.slices),
    upRight: floats(sizes.slices),
    invRight: floats(sizes.slices),
    theta: floats(layout.paddedCount),
    theta4: floats(layout.paddedCount),
    moments: Array.from({ length: layout.moments }, () => floats(layout.paddedCount)),
    gradient: floats(layout.paddedCount),
    codes: take(layout.codeBytes),
    buffers: program.buffers.map(({ cols }, i) => (i === 0 ? 0 : floats(pad(cols, 16) * ld))),
    left: take(sizes.left),
    right: take(sizes.right),
    temporary: floats(sizes.temporary),
  };
  if (top > PAGE * MAX_PAGES) throw new SpecError('model', `needs ${Math.floor(top / 1048576)} MiB of memory, the wasm backend has 4096`);
  return { ...plan, bytes: top };
}

interface OperandSizes {
  readonly left: number;
  readonly right: number;
  readonly temporary: number;
  readonly slices: number;
  readonly classes: number;
}

/** Largest packed operands (bytes), temporary (elements) and number of slices over all operations. */
function operandSizes(program: Program, ld: number): OperandSizes {
  const classes = program.buffers[program.logits]?.cols ?? 0;
  let left = 0;
  let right = 0;
  let temporary = pad(classes, 16) * ld;
  let slices = ld;
  const product = (rows: number, cols: number, terms: number): void => {
    left = Math.max(left, pad(rows, 16) * pad(terms, 8) * 2);
    right = Math.max(right, pad(cols, 16) * pad(terms, 8) * 2);
    slices = Math.max(slices, pad(rows, 16), pad(cols, 16));
  };
  for (const op of [...program.forward, ...program.backward]) {
    if (op.op === 'linear') product(op.w.shape[0] as number, ld, op.w.shape[1] as number);
    if (op.op === 'linearInputGrad') product(op.w.shape[1] as number, ld, op.w.shape[0] as number);
    if (op.op !== 'linearWeightGrad') continue;
    const [out, inputs] = op.w.shape as readonly [number, number];
    product(out, inputs, ld);
    if (!isWhole(out, inputs)) temporary = Math.max(temporary, pad(out, 4) * pad(inputs, 16));
  }
  return { left, right, temporary, slices, classes };
}

/** Whether a gradient of `rows` x `cols` is made of whole tiles, so that it can be computed in place. */
export function isWhole(rows: number, cols: number): boolean {
  return rows % 4 === 0 && cols % 16 === 0;
}

/** A memory of the plan's size with the tables in place. SpecError when the host does not give that much. */
export function createMemory(plan: MemoryPlan): WasmMemory {
  const pages = Math.floor((plan.bytes + PAGE - 1) / PAGE);
  let memory: WasmMemory;
  try {
    memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    throw new SpecError('model', `needs ${Math.floor(plan.bytes / 1048576)} MiB of memory, more than the host gives`);
  }
  new Uint32Array(memory.buffer, plan.exp, EXP_TABLE.length).set(EXP_TABLE);
  new Uint32Array(memory.buffer, plan.log, LOG_TABLE.length).set(LOG_TABLE);
  return memory;
}
