// SPDX-License-Identifier: Apache-2.0
// Operands of products as a GPU reads them: Q8, Q14 (quantise.ts) and probabilities in units of 2^-7 (attention.ts), four
// mantissas of 8 bits in a word. A word holds four neighbours along the contraction; words of neighbouring slices lie side by
// side: [product][word][slice], slices filled up to a multiple of four (by whatever was there). A mantissa of 14 bits is 128 * high + low,
// -64 <= low < 64, in two planes, high before low. A slice's largest magnitude stays in `maxima`; its exponent follows from it.
import type { Grain, Kernel } from './webgpu-shader.ts';

/** Q8, Q14, or round-half-even(128 p), at most 127. */
export type Mantissas = 8 | 14 | 'fixed';

/** Element t of slice s of product p is x[offset + (p / heads) * outer + (p % heads) * inner + s * sliceStride + t * termStride]. */
export const SLICE_SHAPE = ['offset', 'heads', 'outer', 'inner', 'slices', 'length', 'sliceStride', 'termStride'] as const;

/** `words` of a slice, `stride` between words, `plane` words from high to low, `top` the first of the slices' maxima. */
const PACK_SHAPE = [...SLICE_SHAPE, 'words', 'stride', 'plane', 'top'] as const;

/** Terms of a workgroup of `measureColumns`. */
export const COLUMN_TERMS = 256;

/** quantise.ts, scaleExponent: the least e with the largest magnitude at most (2^(n-1) - 1) * 2^e, but at least -50. */
export const EXPONENT_WGSL: string = /* wgsl */ `
fn exponentOf(magnitude: u32, n: u32) -> i32 {
  return max(i32((magnitude + (0x800000u >> (n - 2u)) - 1u) >> 23u) - 125 - i32(n), -50);
}
/** The same; a step whose scale is above 2^50 is refused. */
fn exponentKept(magnitude: u32, n: u32) -> i32 {
  let e = exponentOf(magnitude, n);
  if (e > 50) { refuse(); }
  return e;
}
`;

const BEGIN_WGSL = /* wgsl */ `
fn beginOf(product: u32, slice: u32) -> u32 {
  return shape.offset + product / shape.heads * shape.outer + product % shape.heads * shape.inner + slice * shape.sliceStride;
}
`;

function wordWgsl(mantissas: Mantissas): string {
  const value = mantissas === 'fixed' ? 'min(fixed(x[begin + t * shape.termStride], 7), 127)' : 'fixed(x[begin + t * shape.termStride], -e)';
  const wide = mantissas === 14;
  return /* wgsl */ `
${EXPONENT_WGSL}
${BEGIN_WGSL}
/** High and low plane of a word. */
fn wordOf(begin: u32, word: u32, e: i32) -> vec2u {
  var high = 0u;
  var low = 0u;
  for (var k = 0u; k < 4u; k++) {
    let t = 4u * word + k;
    if (t < shape.length) {
      let q = ${value};
      let h = ${wide ? '(q + 64) >> 7u' : 'q'};
      high |= (bitcast<u32>(h) & 255u) << (8u * k);
      low |= (bitcast<u32>(q - 128 * h) & 255u) << (8u * k);
    }
  }
  return vec2u(high, low);
}
fn store(product: u32, word: u32, slice: u32, value: vec2u) {
  let at = (product * shape.words + word) * shape.stride + slice;
  packed[at] = value.x;
  ${wide ? 'packed[shape.plane + at] = value.y;' : ''}
}
`;
}

/** Measures and packs slices that are contiguous along the contraction. ceil(slices / grain.slices) workgroups a product. */
export function packRows(mantissas: Mantissas, { slices, sliceLanes: lanes }: Grain): Kernel {
  const threads = slices * lanes;
  const measure = /* wgsl */ `
  for (var t = lane; t < shape.length; t += ${lanes}u) { top = max(top, x[begin + t * shape.termStride] & MAGNITUDE); }
  tops[thread] = top;
  workgroupBarrier();
  for (var k = 0u; k < ${lanes}u; k++) { top = max(top, tops[${lanes}u * s + k]); }
  if (lane == 0u && live) { maxima[shape.top + product * shape.slices + first + s] = top; }
  let e = exponentKept(top, ${mantissas}u);`;
  const code = /* wgsl */ `
${wordWgsl(mantissas)}
var<workgroup> tops: array<u32, ${threads}>;
/** One more than the slices between two words, so that neighbours lie in different banks. */
var<workgroup> staged: array<vec2u, ${(slices + 1) * lanes}>;
fn run(group: u32, thread: u32) {
  let tiles = (shape.slices + ${slices - 1}u) / ${slices}u;
  let product = group / tiles;
  let first = group % tiles * ${slices}u;
  let s = thread / ${lanes}u;
  let lane = thread % ${lanes}u;
  let live = first + s < shape.slices;
  let begin = beginOf(product, min(first + s, shape.slices - 1u));
  var top = 0u;
  ${mantissas === 'fixed' ? 'let e = 0;' : measure}
  let word = thread / ${slices}u;
  let slice = thread % ${slices}u;
  for (var start = 0u; start < shape.words; start += ${lanes}u) {
    let value = wordOf(begin, start + lane, e);
    workgroupBarrier();
    staged[${slices + 1}u * lane + s] = value;
    workgroupBarrier();
    if (start + word < shape.words && first + slice < shape.slices) { store(product, start + word, first + slice, staged[${slices + 1}u * word + slice]); }
  }
}`;
  const buffers = [{ name: 'x' }, { name: 'packed', out: true }, { name: 'maxima', out: true }];
  return { name: `packRows ${mantissas} ${slices} ${lanes}`, shape: PACK_SHAPE, buffers, threads, code };
}

/**
 * Measures slices that lie side by side; their maxima must be 0 before. ceil(slices / grain.columns) * ceil(length / 256)
 * workgroups a product.
 */
export function measureColumns({ columns, columnLanes: lanes }: Grain): Kernel {
  const threads = columns * lanes;
  const code = /* wgsl */ `
${BEGIN_WGSL}
var<workgroup> tops: array<u32, ${threads}>;
fn run(group: u32, thread: u32) {
  let tiles = (shape.slices + ${columns - 1}u) / ${columns}u;
  let segments = (shape.length + ${COLUMN_TERMS - 1}u) / ${COLUMN_TERMS}u;
  let product = group / (tiles * segments);
  let slice = group % tiles * ${columns}u + thread % ${columns}u;
  let first = group / tiles % segments * ${COLUMN_TERMS}u;
  let begin = beginOf(product, min(slice, shape.slices - 1u));
  var top = 0u;
  for (var t = first + thread / ${columns}u; t < min(first + ${COLUMN_TERMS}u, shape.length); t += ${lanes}u) {
    top = max(top, x[begin + t * shape.termStride] & MAGNITUDE);
  }
  ${lanes > 1 ? 'tops[thread] = top;\n  workgroupBarrier();' : ''}
  if (thread < ${columns}u && slice < shape.slices) {
    for (var k = thread + ${columns}u; k < ${threads}u; k += ${columns}u) { top = max(top, tops[k]); }
    atomicMax(&maxima[shape.top + product * shape.slices + slice], top);
  }
}`;
  const buffers = [{ name: 'x' }, { name: 'maxima', out: true, type: 'atomic<u32>' }] as const;
  return { name: `measureColumns ${columns} ${lanes}`, shape: [...SLICE_SHAPE, 'top'], buffers, threads, code };
}

/** Packs slices that lie side by side. ceil(slices / grain.columns) * ceil(words / grain.columnLanes) workgroups a product. */
export function packColumns(mantissas: Mantissas, { columns, columnLanes: lanes }: Grain): Kernel {
  const exponent = `exponentKept(maxima[shape.top + product * shape.slices + slice], ${mantissas}u)`;
  const code = /* wgsl */ `
${wordWgsl(mantissas)}
fn run(group: u32, thread: u32) {
  let tiles = (shape.slices + ${columns - 1}u) / ${columns}u;
  let rows = (shape.words + ${lanes - 1}u) / ${lanes}u;
  let product = group / (tiles * rows);
  let slice = group % tiles * ${columns}u + thread % ${columns}u;
  let word = group / tiles % rows * ${lanes}u + thread / ${columns}u;
  if (slice >= shape.slices || word >= shape.words) { return; }
  let e = ${mantissas === 'fixed' ? '0' : exponent};
  store(product, word, slice, wordOf(beginOf(product, slice), word, e));
}`;
  const buffers = [{ name: 'x' }, { name: 'packed', out: true }, { name: 'maxima' }];
  return { name: `packColumns ${mantissas} ${columns} ${lanes}`, shape: PACK_SHAPE, buffers, threads: columns * lanes, code };
}
