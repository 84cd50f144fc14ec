// SPDX-License-Identifier: Apache-2.0
// The product on a GPU in WGSL: four mantissas of 8 bits in a word, dot products of words, sums in i32. Nothing but
// integer operations, so there is nothing that a device may round in its own way.

/** Words of one chunk of 1,024 terms. */
const CHUNK_WORDS = 256;
/** Words along the terms that are in workgroup memory at a time. */
const STEP = 16;

/** A workgroup of side x side threads computes a tile, each thread per x per elements of it. */
export interface Tiling {
  readonly side: number;
  readonly per: number;
}

export const LARGE: Tiling = { side: 16, per: 4 };
export const MEDIUM: Tiling = { side: 8, per: 4 };
/** For products of few rows or columns, such as a head of attention. */
export const SMALL: Tiling = { side: 8, per: 2 };

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
requires packed_4x8_integer_dot_product;
fn dot4(a: u32, b: u32) -> i32 {
  return dot4I8Packed(a, b);
}`;

export interface KernelOptions extends Tiling {
  /** Whether the left operand has two planes, left = 128 * high + low; its buffer holds all of high, from word `plane` on all of low. */
  readonly wide: boolean;
  /** Whether the language has dot4I8Packed. */
  readonly packed: boolean;
}

/**
 * totals[z, i, j], z = product * chunks + chunk: the sum over the chunk of left[i, t] * right[j, t], below 2^31 in magnitude
 * (CHUNK in contract.ts).
 */
export function productKernel(options: KernelOptions): string {
  const { side, wide, packed } = options;
  const tile = tileOf(options);
  // One word more than the tile between two rows of workgroup memory, so that neighbours lie in different banks.
  const stride = tile + 1;
  const low = (text: string): string => (wide ? text : '');
  return `${packed ? PACKED : EMULATED}

struct Shape { rows: u32, columns: u32, words: u32, chunks: u32, plane: u32 }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> left: array<u32>;
@group(0) @binding(2) var<storage, read> right: array<u32>;
@group(0) @binding(3) var<storage, read_write> totals: array<i32>;

var<workgroup> highs: array<u32, ${STEP * stride}>;
${low(`var<workgroup> lows: array<u32, ${STEP * stride}>;`)}
var<workgroup> rights: array<u32, ${STEP * stride}>;

@compute @workgroup_size(${side}, ${side})
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32) {
  let product = tile.z / shape.chunks;
  let chunk = tile.z % shape.chunks;
  let row = tile.y * ${tile}u;
  let column = tile.x * ${tile}u;
  let first = chunk * ${CHUNK_WORDS}u;
  let end = min(first + ${CHUNK_WORDS}u, shape.words);
  let leftAt = product * shape.rows * shape.words;
  let rightAt = product * shape.columns * shape.words;
${lines(options.per, options.per, (i, j) => `  var sum${i}_${j} = 0i;`)}
  for (var start = first; start < end; start += ${STEP}u) {
    for (var k = index; k < ${tile * STEP}u; k += ${side * side}u) {
      let slice = k / ${STEP}u;
      let word = start + k % ${STEP}u;
      let to = (k % ${STEP}u) * ${stride}u + slice;
      var high = 0u;
      ${low('var low = 0u;')}
      if (row + slice < shape.rows && word < end) {
        let at = leftAt + (row + slice) * shape.words + word;
        high = left[at];
        ${low('low = left[shape.plane + at];')}
      }
      highs[to] = high;
      ${low('lows[to] = low;')}
      var other = 0u;
      if (column + slice < shape.columns && word < end) {
        other = right[rightAt + (column + slice) * shape.words + word];
      }
      rights[to] = other;
    }
    workgroupBarrier();
    let words = min(${STEP}u, end - start);
    for (var w = 0u; w < words; w++) {
${multiply(options, stride)}
    }
    workgroupBarrier();
  }
${store(options)}
}
`;
}

function lines(rows: number, columns: number, text: (i: number, j: number) => string): string {
  const out: string[] = [];
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out.push(text(i, j));
  return out.join('\n');
}

/** One word of each of the thread's slices, each left one with each right one. */
function multiply({ side, per, wide }: KernelOptions, stride: number): string {
  return [
    `      let x = w * ${stride}u + local.y;`,
    `      let y = w * ${stride}u + local.x;`,
    lines(per, 1, (i) => `      let high${i} = highs[x + ${side * i}u];`),
    wide ? lines(per, 1, (i) => `      let low${i} = lows[x + ${side * i}u];`) : '',
    lines(per, 1, (j) => `      let right${j} = rights[y + ${side * j}u];`),
    lines(per, per, (i, j) => {
      const narrow = `dot4(high${i}, right${j})`;
      return `      sum${i}_${j} += ${wide ? `128 * ${narrow} + dot4(low${i}, right${j})` : narrow};`;
    }),
  ].join('\n');
}

function store({ side, per }: KernelOptions): string {
  const element = (i: number, j: number): string => `
  if (row + local.y + ${side * i}u < shape.rows && column + local.x + ${side * j}u < shape.columns) {
    totals[(tile.z * shape.rows + row + local.y + ${side * i}u) * shape.columns + column + local.x + ${side * j}u] = sum${i}_${j};
  }`;
  return lines(per, per, element);
}
