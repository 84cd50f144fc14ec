// SPDX-License-Identifier: Apache-2.0
// Matrix products on packed operands (webgpu-quantise.ts): dot products of words, sums in i32, each chunk of 1,024 terms
// settled as `dot` in contract.ts does. Nothing but integer operations, so there is nothing that a device may round in its own way.
import { EXPONENT_WGSL } from './webgpu-quantise.ts';
import type { Kernel } from './webgpu-shader.ts';

/** Words of one chunk of 1,024 terms. */
const CHUNK_WORDS = 256;
/** Words along the terms that are in workgroup memory at a time. */
const STEP = 16;
/** `leftTop` or `rightTop` of probabilities, whose exponent is -7 throughout. */
export const NO_MAXIMA = 0xffffffff;

/** A workgroup of side x side threads computes a tile, each thread per x per elements of it; per is a multiple of four. */
export interface Tiling {
  readonly side: number;
  readonly per: number;
}

export const LARGE: Tiling = { side: 16, per: 8 };
export const MEDIUM: Tiling = { side: 16, per: 4 };
/** For products of few rows or columns, such as a head of attention. */
export const SMALL: Tiling = { side: 8, per: 4 };
/** Where the processor plays the GPU. */
export const TINY: Tiling = { side: 2, per: 4 };

/** Rows and columns of a workgroup's tile. */
export function tileOf({ side, per }: Tiling): number {
  return side * per;
}

/** What `dot4I8Packed` computes, for engines without the WGSL feature packed_4x8_integer_dot_product. */
const EMULATED = `
fn dot4(a: u32, b: u32) -> i32 {
  let x = bitcast<i32>(a);
  let y = bitcast<i32>(b);
  return extractBits(x, 0u, 8u) * extractBits(y, 0u, 8u) + extractBits(x, 8u, 8u) * extractBits(y, 8u, 8u)
    + extractBits(x, 16u, 8u) * extractBits(y, 16u, 8u) + extractBits(x, 24u, 8u) * extractBits(y, 24u, 8u);
}`;

const PACKED = `
fn dot4(a: u32, b: u32) -> i32 { return dot4I8Packed(a, b); }`;

export interface ProductOptions extends Tiling {
  /** Whether the left operand has 14 bits, in two planes. */
  readonly wide: boolean;
  /** Whether the language has dot4I8Packed. */
  readonly packed: boolean;
}

/**
 * Element (i, j) of product p goes to target[offset + (p / heads) * outer + (p % heads) * inner + i * rowStride + j * columnStride].
 * `leftWords`, `rightWords`: words between two words of a slice. `causal`: +0 where j > i. `scale`: bits of a factor, or 0.
 */
const SHAPE = [
  ...['rows', 'columns', 'words', 'leftWords', 'rightWords', 'plane', 'leftTop', 'rightTop', 'causal', 'scale'],
  ...['offset', 'heads', 'outer', 'inner', 'rowStride', 'columnStride'],
];

const BUFFERS = [
  { name: 'left', type: 'vec4u' },
  { name: 'right', type: 'vec4u' },
  { name: 'maxima', type: 'u32' },
  { name: 'target_', type: 'u32', out: true },
] as const;

/** One workgroup for each tile of each product, tiles row by row. */
export function productKernel(options: ProductOptions): Kernel {
  const { side, per, wide, packed } = options;
  const code = `${packed ? PACKED : EMULATED}${EXPONENT_WGSL}${SETTLE.replaceAll('LEFT_BITS', wide ? '14u' : '8u')}${runWgsl(options)}`;
  const head = packed ? 'requires packed_4x8_integer_dot_product;' : '';
  return { name: `product ${side} ${per} ${wide} ${packed}`, shape: SHAPE, buffers: BUFFERS, threads: side * side, code, head };
}

function runWgsl(options: ProductOptions): string {
  const { side, per, wide } = options;
  const quads = tileOf(options) / 4;
  const low = (text: string): string => (wide ? text : '');
  // Beyond the end there are zeros; that a loop's length is known is worth more than the last few words, but for a processor.
  const steps = side < SMALL.side ? `min(${STEP}u, end - start) * ${quads}u` : `${STEP * quads}u`;
  return /* wgsl */ `
var<workgroup> highs: array<vec4u, ${STEP * quads}>;
${low(`var<workgroup> lows: array<vec4u, ${STEP * quads}>;`)}
var<workgroup> rights: array<vec4u, ${STEP * quads}>;
fn run(group: u32, thread: u32) {
  let across = (shape.columns + ${tileOf(options) - 1}u) / ${tileOf(options)}u;
  let down = (shape.rows + ${tileOf(options) - 1}u) / ${tileOf(options)}u;
  let product = group / (across * down);
  let row = group / across % down * ${tileOf(options)}u;
  let column = group % across * ${tileOf(options)}u;
  let x = thread % ${side}u; let y = thread / ${side}u;
  let words = select(shape.words, 0u, shape.causal != 0u && column >= row + ${tileOf(options)}u);
  var values: array<u32, ${per * per}>;
  for (var first = 0u; first < words; first += ${CHUNK_WORDS}u) {
    let end = min(first + ${CHUNK_WORDS}u, words);
${lines(per, per, (i, j) => `    var high${i}_${j} = 0i;${low(` var low${i}_${j} = 0i;`)}`)}
    for (var start = first; start < end; start += ${STEP}u) {
${load(options)}
      workgroupBarrier();
      for (var w = 0u; w < ${steps}; w += ${quads}u) {
${multiply(options)}
      }
    }
${settle(options)}
  }
  for (var k = 0u; k < ${per * per}u; k++) {
    let a = k / ${per}u; let b = k % ${per}u;
    let i = row + ${sliceOf(options, 'a', 'y')};
    let j = column + ${sliceOf(options, 'b', 'x')};
    if (i < shape.rows && j < shape.columns) { finish(product, i, j, values[k]); }
  }
}`;
}

const SETTLE = /* wgsl */ `
fn exponentAt(top: u32, slice: u32, n: u32) -> i32 {
  if (top == ${NO_MAXIMA}u) { return -7; }
  return exponentOf(maxima[top + slice], n);
}
fn leftExponent(product: u32, i: u32) -> i32 {
  return exponentAt(shape.leftTop, product * shape.rows + min(i, shape.rows - 1u), LEFT_BITS);
}
fn rightExponent(product: u32, j: u32) -> i32 {
  return exponentAt(shape.rightTop, product * shape.columns + min(j, shape.columns - 1u), 8u);
}
fn finish(product: u32, i: u32, j: u32, sum: u32) {
  var value = sum;
  if (shape.causal != 0u && j > i) { value = 0u; } else if (shape.scale != 0u) { value = mul(sum, shape.scale); }
  let base = shape.offset + product / shape.heads * shape.outer + product % shape.heads * shape.inner;
  target_[base + i * shape.rowStride + j * shape.columnStride] = kept(value);
}`;

function lines(rows: number, columns: number, text: (i: number, j: number) => string): string {
  const out: string[] = [];
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out.push(text(i, j));
  return out.join('\n');
}

/** The next words of the tile's slices into workgroup memory, zeros beyond the end. */
function load(options: ProductOptions): string {
  const quads = tileOf(options) / 4;
  const low = (text: string): string => (options.wide ? text : '');
  return /* wgsl */ `      workgroupBarrier();
      for (var k = thread; k < ${STEP * quads}u; k += ${options.side ** 2}u) {
        let word = product * shape.words + start + k / ${quads}u;
        let quad = k % ${quads}u;
        let inside = start + k / ${quads}u < end;
        var a = vec4u();
        ${low('var b = vec4u();')}
        if (inside && row + 4u * quad < shape.leftWords) {
          a = left[(word * shape.leftWords + row) / 4u + quad];
          ${low('b = left[(shape.plane + word * shape.leftWords + row) / 4u + quad];')}
        }
        highs[k] = a;
        ${low('lows[k] = b;')}
        var c = vec4u();
        if (inside && column + 4u * quad < shape.rightWords) { c = right[(word * shape.rightWords + column) / 4u + quad]; }
        rights[k] = c;
      }`;
}

/** Slice number k of a thread, from the tile's first. */
function sliceOf({ side }: Tiling, k: string, thread: string): string {
  return `${4 * side}u * (${k} / 4u) + 4u * ${thread} + ${k} % 4u`;
}

/** A chunk's totals, scaled, onto the values of the chunks before. */
function settle(options: ProductOptions): string {
  const { per, wide } = options;
  return /* wgsl */ `    var totals: array<i32, ${per * per}>;
${lines(per, per, (i, j) => `    totals[${i * per + j}] = ${wide ? `128 * high${i}_${j} + low${i}_${j}` : `high${i}_${j}`};`)}
    var rightExponents: array<i32, ${per}>;
    for (var b = 0u; b < ${per}u; b++) { rightExponents[b] = rightExponent(product, column + ${sliceOf(options, 'b', 'x')}); }
    for (var a = 0u; a < ${per}u; a++) {
      let e = leftExponent(product, row + ${sliceOf(options, 'a', 'y')});
      for (var b = 0u; b < ${per}u; b++) {
        let k = a * ${per}u + b;
        let value = fromScaled(totals[k], e + rightExponents[b]);
        if (first == 0u) { values[k] = value; } else { values[k] = add(values[k], value); }
      }
    }`;
}

/** One word of each of the thread's slices, each left one with each right one. */
function multiply({ side, per, wide }: ProductOptions): string {
  const of = (name: string, i: number): string => `${name}${i >> 2}.${'xyzw'[i & 3]}`;
  const load = (from: string, to: string, lane: string): string =>
    lines(per / 4, 1, (i) => `        let ${to}${i} = ${from}[w + ${side * i}u + ${lane}];`);
  return [
    load('highs', 'a', 'y'),
    wide ? load('lows', 'b', 'y') : '',
    load('rights', 'c', 'x'),
    lines(per, per, (i, j) => {
      const second = wide ? ` low${i}_${j} += dot4(${of('b', i)}, ${of('c', j)});` : '';
      return `        high${i}_${j} += dot4(${of('a', i)}, ${of('c', j)});${second}`;
    }),
  ].join('\n');
}
