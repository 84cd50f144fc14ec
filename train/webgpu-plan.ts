// SPDX-License-Identifier: Apache-2.0
// A list of dispatches under construction, over numbered buffers, and where those buffers lie: a buffer lives from the
// first dispatch that names it to the last, and buffers that do not live at the same time share memory.

import { LARGE, MEDIUM, NO_MAXIMA, productKernel, SMALL, TINY, type Tiling, tileOf } from './webgpu-product.ts';
import { COLUMN_TERMS, type Mantissas, measureColumns, packColumns, packRows } from './webgpu-quantise.ts';
import { type RowKernel, rowKernel } from './webgpu-rows.ts';
import { type Dispatch, ELEMENT_THREADS, type Grain, groupsFor, HARDWARE, type Kernel, type Ref, SOFTWARE } from './webgpu-shader.ts';

/** Where slices lie in a buffer; see SLICE_SHAPE. */
export interface SliceShape {
  readonly x: Ref;
  readonly offset: number;
  readonly slices: number;
  readonly length: number;
  readonly sliceStride: number;
  readonly termStride: number;
}

/** Products of equal shape: number p is of sample p / heads and head p % heads. */
export interface Batch {
  readonly products: number;
  readonly heads: number;
}

export const ONE_PRODUCT: Batch = { products: 1, heads: 1 };

/** Elements from one sample, and from one head, to the next. */
export interface Steps {
  readonly outer: number;
  readonly inner: number;
}

export interface Operand {
  readonly packed: Ref;
  readonly slices: number;
  readonly words: number;
  readonly stride: number;
  readonly plane: number;
  readonly top: number;
  readonly wide: boolean;
}

export interface ProductTarget extends Partial<Steps> {
  readonly out: Ref;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly causal?: boolean;
  /** Bits of a factor. */
  readonly scale?: number;
}

export interface PlanOptions {
  /** Whether the language has dot4I8Packed. */
  readonly packed: boolean;
  /** Whether the processor plays the GPU: then small workgroups are faster. */
  readonly software: boolean;
  /** The tiling of every product, instead of one by its size. */
  readonly tiling?: Tiling;
  /** Whether no buffers share memory, so that each can be read after a run. */
  readonly apart?: boolean;
}

/** Elements of a result from which tiles of a size leave no processor of a GPU without work. */
const MEDIUM_FROM = 2 ** 19;
const LARGE_FROM = 2 ** 22;

export class Plan {
  readonly dispatches: Dispatch[] = [];
  /** Words of each buffer. */
  readonly words: number[] = [];
  /** Words of all maxima. */
  maximaWords = 1;
  /** Number and name of the operation at hand. */
  readonly ops: string[] = [];
  readonly options: PlanOptions;
  readonly grain: Grain;
  readonly maxima: Ref;
  readonly #fixed: Set<Ref> = new Set();
  readonly #first: Map<Ref, number> = new Map();
  readonly #last: Map<Ref, number> = new Map();

  constructor(options: PlanOptions) {
    this.options = options;
    this.grain = options.software ? SOFTWARE : HARDWARE;
    this.maxima = this.fixed(1);
  }

  /** A buffer that shares memory with no other. */
  fixed(words: number): Ref {
    const ref = this.buffer(words);
    this.#fixed.add(ref);
    return ref;
  }

  buffer(words: number): Ref {
    return this.words.push(words) - 1;
  }

  /** Begins an operation; returns the number of its first dispatch. */
  begin(op: string): number {
    this.ops.push(op);
    return this.dispatches.length;
  }

  /** Keeps a buffer until here. */
  keep(ref: Ref): void {
    this.#last.set(ref, this.dispatches.length);
  }

  run(kernel: Kernel, groups: number, shape: Readonly<Record<string, number>>, buffers: readonly Ref[]): void {
    for (const ref of buffers) {
      if (!this.#first.has(ref)) this.#first.set(ref, this.dispatches.length);
      this.#last.set(ref, Math.max(this.#last.get(ref) ?? 0, this.dispatches.length));
    }
    this.dispatches.push({ kernel, shape, groups, buffers, op: this.ops.length - 1 });
  }

  /** One workgroup for each row. */
  rows(kernel: RowKernel, count: number, shape: Readonly<Record<string, number>>, buffers: readonly Ref[]): void {
    this.run(rowKernel(kernel, this.grain), count, shape, buffers);
  }

  /** One thread for each element. */
  each(kernel: Kernel, count: number, shape: Readonly<Record<string, number>>, buffers: readonly Ref[]): void {
    this.run(kernel, groupsFor(count, ELEMENT_THREADS), { ...shape, count }, buffers);
  }

  /** Maxima of so many slices, which are 0 before a run. */
  tops(slices: number): number {
    this.maximaWords += slices;
    return this.maximaWords - slices;
  }

  /** Measures the columns of a matrix; returns where their maxima are. */
  measure(x: Ref, rows: number, cols: number): number {
    const top = this.tops(cols);
    this.#measure(columns(x, rows, cols), ONE_PRODUCT, { outer: 0, inner: 0 }, top);
    return top;
  }

  #measure(s: SliceShape, batch: Batch, steps: Steps, top: number): void {
    const groups = batch.products * groupsFor(s.slices, this.grain.columns) * groupsFor(s.length, COLUMN_TERMS);
    this.run(measureColumns(this.grain), groups, { ...sizes(s), ...steps, heads: batch.heads, top }, [s.x, this.maxima]);
  }

  /** Packs slices of all products. */
  pack(s: SliceShape, mantissas: Mantissas, batch: Batch = ONE_PRODUCT, steps: Steps = { outer: 0, inner: 0 }): Operand {
    const words = groupsFor(s.length, 4);
    const stride = 4 * groupsFor(s.slices, 4);
    const plane = batch.products * words * stride;
    const wide = mantissas === 14;
    const top = mantissas === 'fixed' ? NO_MAXIMA : this.tops(batch.products * s.slices);
    const packed = this.buffer(wide ? 2 * plane : plane);
    const shape = { ...sizes(s), ...steps, heads: batch.heads, words, stride, plane, top };
    if (s.termStride === 1) {
      this.run(packRows(mantissas, this.grain), batch.products * groupsFor(s.slices, this.grain.slices), shape, [s.x, packed, this.maxima]);
    } else {
      if (mantissas !== 'fixed') this.#measure(s, batch, steps, top);
      const groups = batch.products * groupsFor(s.slices, this.grain.columns) * groupsFor(words, this.grain.columnLanes);
      this.run(packColumns(mantissas, this.grain), groups, shape, [s.x, packed, this.maxima]);
    }
    return { packed, slices: s.slices, words, stride, plane, top, wide };
  }

  /** All dot products of slices of a with slices of b, one of which has 8 bits. */
  product(a: Operand, b: Operand, t: ProductTarget, batch: Batch = ONE_PRODUCT): void {
    const [left, right] = b.wide ? [b, a] : [a, b];
    const [rowStride, columnStride] = b.wide ? [t.columnStride, t.rowStride] : [t.rowStride, t.columnStride];
    const tiling = this.#tilingOf(left, right.slices, batch.products);
    const tile = tileOf(tiling);
    const kernel = productKernel({ ...tiling, wide: left.wide, packed: this.options.packed });
    const shape = {
      ...{ rows: left.slices, columns: right.slices, words: left.words, leftWords: left.stride, rightWords: right.stride, plane: left.plane },
      ...{ leftTop: left.top, rightTop: right.top, causal: t.causal === true ? 1 : 0, scale: t.scale ?? 0 },
      ...{ offset: t.offset, heads: batch.heads, outer: t.outer ?? 0, inner: t.inner ?? 0, rowStride, columnStride },
    };
    const groups = batch.products * groupsFor(left.slices, tile) * groupsFor(right.slices, tile);
    this.run(kernel, groups, shape, [left.packed, right.packed, this.maxima, t.out]);
  }

  #tilingOf(left: Operand, columns: number, products: number): Tiling {
    const elements = products * left.slices * columns;
    let tiling = this.options.tiling;
    if (tiling === undefined) {
      if (this.options.software) tiling = TINY;
      else if (Math.min(left.slices, columns) <= tileOf(SMALL) || elements < MEDIUM_FROM) tiling = SMALL;
      else tiling = elements < LARGE_FROM ? MEDIUM : LARGE;
    }
    // Both planes of a large tile would take more registers than threads have.
    return left.wide && tiling.per > MEDIUM.per ? MEDIUM : tiling;
  }

  /** Where buffers lie. */
  place(): Placed {
    const { apart = false } = this.options;
    const memory: number[] = [];
    const words: number[] = [];
    const free: number[] = [];
    const take = (ref: Ref, size: number): void => {
      memory[ref] = words.push(size) - 1;
    };
    this.words.forEach((size, ref) => {
      if (apart || this.#fixed.has(ref)) take(ref, ref === this.maxima ? this.maximaWords : size);
    });
    const shared = (ref: Ref): boolean => !apart && !this.#fixed.has(ref);
    this.dispatches.forEach(({ buffers }, at) => {
      for (const ref of buffers) {
        if (!shared(ref) || this.#first.get(ref) !== at || memory[ref] !== undefined) continue;
        const size = this.words[ref] ?? 0;
        const best = bestOf(free, words, size);
        if (best === undefined) take(ref, size);
        else {
          free.splice(free.indexOf(best), 1);
          memory[ref] = best;
          words[best] = Math.max(words[best] ?? 0, size);
        }
      }
      for (const ref of new Set(buffers)) if (shared(ref) && this.#last.get(ref) === at) free.push(memory[ref] ?? 0);
    });
    return { memory, words };
  }
}

/** For each buffer the number of its memory, and the words of each memory. */
export interface Placed {
  readonly memory: readonly number[];
  readonly words: readonly number[];
}

/** The free memory that wastes or grows least. */
function bestOf(free: readonly number[], words: readonly number[], size: number): number | undefined {
  let best: number | undefined;
  for (const slot of free) {
    if (best === undefined || Math.abs((words[slot] ?? 0) - size) < Math.abs((words[best] ?? 0) - size)) best = slot;
  }
  return best;
}

function sizes({ offset, slices, length, sliceStride, termStride }: SliceShape): Readonly<Record<string, number>> {
  return { offset, slices, length, sliceStride, termStride };
}

/** The rows of a matrix as slices. */
export function rows(x: Ref, count: number, cols: number, offset = 0): SliceShape {
  return { x, offset, slices: count, length: cols, sliceStride: cols, termStride: 1 };
}

/** The columns of a matrix as slices. */
export function columns(x: Ref, count: number, cols: number, offset = 0): SliceShape {
  return { x, offset, slices: cols, length: count, sliceStride: 1, termStride: cols };
}
