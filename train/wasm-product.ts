// SPDX-License-Identifier: Apache-2.0
// Products of two matrices: how their slices are scaled and packed (kernels/pack.ts), and where the result goes.
import { InvalidStepError } from './errors.ts';
import { LIMIT, type OpContext } from './wasm-context.ts';
import { type Area, isWhole, pad } from './wasm-memory.ts';
import type { Kernels } from './wasm-module.ts';
import { SOLO, type Team } from './wasm-team.ts';

type Narrow = NonNullable<Kernels['narrow']>;

/** Groups of 8 terms in a chunk of 1,024. */
const CHUNK_GROUPS = 128;
const ACCUMULATE = 1;
const FLUSH = 2;
const LOWER = 4;
/** Above all exponents: a scale is above 2^50. */
const TOO_LARGE = 1000;

/**
 * An operand: rows or columns of a matrix as slices of `terms` terms. `bytes`: input bytes times 2^exponent;
 * `units`: probabilities in units of 2^-7.
 */
export type Operand =
  | { readonly kind: 'rows' | 'cols'; readonly at: number; readonly ld: number; readonly bits: 8 | 14 }
  | { readonly kind: 'byteRows' | 'byteCols'; readonly exponent: number }
  | { readonly kind: 'unitRows' | 'unitCols'; readonly at: number; readonly ld: number };

/** Operands of 8 bits by 8 bits, where there are kernels that take four terms at once. */
function isNarrow(c: OpContext, { left, right }: Product): boolean {
  return c.kernels.narrow !== undefined && has8Bits(left) && has8Bits(right);
}

function has8Bits(operand: Operand): boolean {
  return operand.kind === 'rows' || operand.kind === 'cols' ? operand.bits === 8 : true;
}

export interface Product {
  readonly op: string;
  readonly left: Operand;
  readonly right: Operand;
  readonly rows: number;
  readonly cols: number;
  readonly terms: number;
  /** Address of the result, and elements from row to row. */
  readonly to: number;
  readonly ld: number;
  /** The target is a whole buffer. */
  readonly roomBelow?: boolean;
  /** Only what is on or below the diagonal. */
  readonly lower?: boolean;
}

/** A product of a whole team. */
export function multiply(c: OpContext, p: Product): void {
  multiplyIn(c, c.plan.shared, c.team, p);
}

/** A product of one thread, in its own memory. */
export function multiplyAlone(c: OpContext, p: Product): void {
  multiplyIn(c, c.lane, SOLO, p);
}

/**
 * Slices are scaled and packed by whoever owns them, so that one barrier stands between packing and multiplying, and one
 * behind the product.
 */
function multiplyIn(c: OpContext, area: Area, team: Team, p: Product): void {
  let top = 8;
  team.split(p.rows, 16, (from, to) => {
    top = Math.max(top, prepare(c, area, p, 'left', from, to));
  });
  team.split(p.cols, 16, (from, to) => {
    top = Math.max(top, prepare(c, area, p, 'right', from, to));
  });
  const exponent = team.top(top);
  if (exponent === TOO_LARGE) throw new InvalidStepError(`${p.op}: a scale is above 2^50`);
  tiles(c, area, team, p);
  if (2 * exponent + Math.ceil(Math.log2(p.terms)) >= 126) checkFinite(c, team, p);
}

/** Scales and packs the slices from..to-1 of a side; returns the exponent that no magnitude reaches, at least 8. */
function prepare(c: OpContext, area: Area, p: Product, side: 'left' | 'right', from: number, to: number): number {
  const operand = p[side];
  const scale: Scale =
    side === 'left'
      ? { max: area.maxLeft + 4 * from, up: area.upLeft + 4 * from, inv: area.invLeft }
      : { max: area.maxRight + 4 * from, up: area.upRight + 4 * from, inv: area.invRight };
  if (operand.kind === 'byteRows' || operand.kind === 'byteCols') byteScales(c, p, operand, scale, from, to);
  else if (operand.kind === 'rows' || operand.kind === 'cols') {
    const top = scales(c, p, operand, scale, from, to);
    if (top > LIMIT[operand.bits]) return TOO_LARGE;
    (side === 'left' ? packLeft : packRight)(c, area, p, from, to);
    return Math.max(8, (top >>> 23) - 126);
  }
  (side === 'left' ? packLeft : packRight)(c, area, p, from, to);
  return 8;
}

/** Addresses of a share's maxima and scales, and of the first inverse of all: bytes have inverses of two bytes. */
interface Scale {
  readonly max: number;
  readonly up: number;
  readonly inv: number;
}

/** Scales of rows or columns from..to-1; returns the largest magnitude (bits). */
function scales(c: OpContext, p: Product, operand: Extract<Operand, { bits: 8 | 14 }>, { max, up, inv }: Scale, from: number, to: number): number {
  const { pack } = c.kernels;
  const { at, ld, bits } = operand;
  if (operand.kind === 'rows') pack.rowMax(at + 4 * from * ld, ld, to - from, p.terms, max);
  else pack.colMax(at + 4 * from, ld, p.terms, to - from, max);
  return pack.scales(max, pad(to - from, operand.kind === 'rows' ? 4 : 16), bits, up, inv + 4 * from);
}

function byteScales(c: OpContext, p: Product, operand: Extract<Operand, { exponent: number }>, { up, inv }: Scale, from: number, to: number): void {
  const { plan, kernels, stride, lane } = c;
  const scale = [operand.exponent, up, inv + 2 * from] as const;
  if (operand.kind === 'byteRows') kernels.input.byteRowScales(plan.samples + from * stride, stride, to - from, p.terms, ...scale);
  else kernels.input.byteColScales(plan.samples + from, stride, p.terms, to - from, ...scale, lane.scratch);
}

function packNarrowLeft(c: OpContext, area: Area, { left, terms }: Product, narrow: Narrow, from: number, to: number): void {
  const { scratch } = c.lane;
  const a = area.left + (from / 4) * pad(terms, 8) * 4;
  const n = to - from;
  switch (left.kind) {
    case 'rows':
      narrow.packNarrowRows(left.at + 4 * from * left.ld, left.ld, n, terms, area.invLeft + 4 * from, a, scratch);
      break;
    case 'unitRows':
      narrow.packNarrowUnitRows(left.at + 4 * from * left.ld, left.ld, n, terms, a, scratch);
      break;
    case 'byteRows':
      narrow.packNarrowByteRows(c.plan.samples + from * c.stride, c.stride, n, terms, area.invLeft + 2 * from, a, scratch);
      break;
    default:
      throw new Error('wasm: columns on the left have 14 bits');
  }
}

function packNarrowRight(c: OpContext, area: Area, { right, terms }: Product, narrow: Narrow, from: number, to: number): void {
  const b = area.right + (from / 16) * pad(terms, 8) * 16;
  const n = to - from;
  if (right.kind === 'rows') {
    narrow.packNarrowRightRows(right.at + 4 * from * right.ld, right.ld, n, terms, area.invRight + 4 * from, b, c.lane.scratch);
  } else if (right.kind === 'cols') narrow.packNarrowRight(right.at + 4 * from, right.ld, terms, n, area.invRight + 4 * from, b);
  else throw new Error('wasm: this operand is a left one');
}

function packLeft(c: OpContext, area: Area, p: Product, from: number, to: number): void {
  const { pack, input, narrow } = c.kernels;
  if (narrow !== undefined && isNarrow(c, p)) {
    packNarrowLeft(c, area, p, narrow, from, to);
    return;
  }
  const { left } = p;
  const { scratch } = c.lane;
  const a = area.left + (from / 4) * pad(p.terms, 8) * 8;
  const n = to - from;
  switch (left.kind) {
    case 'rows':
      pack.packRows(left.at + 4 * from * left.ld, left.ld, n, p.terms, area.invLeft + 4 * from, a, scratch);
      break;
    case 'cols':
      pack.packCols(left.at + 4 * from, left.ld, p.terms, n, area.invLeft + 4 * from, a);
      break;
    case 'unitRows':
      pack.packUnitRows(left.at + 4 * from * left.ld, left.ld, n, p.terms, a, scratch);
      break;
    case 'unitCols':
      pack.packUnitCols(left.at + 4 * from, left.ld, p.terms, n, a);
      break;
    case 'byteRows':
      input.packByteRows(c.plan.samples + from * c.stride, c.stride, n, p.terms, area.invLeft + 2 * from, a, scratch);
      break;
    default:
      throw new Error('wasm: bytes by columns are a right operand');
  }
}

function packRight(c: OpContext, area: Area, p: Product, from: number, to: number): void {
  const { pack, input, narrow } = c.kernels;
  if (narrow !== undefined && isNarrow(c, p)) {
    packNarrowRight(c, area, p, narrow, from, to);
    return;
  }
  const { right } = p;
  const b = area.right + (from / 16) * pad(p.terms, 8) * 32;
  const n = to - from;
  switch (right.kind) {
    case 'rows':
      pack.packRightRows(right.at + 4 * from * right.ld, right.ld, n, p.terms, area.invRight + 4 * from, b, c.lane.scratch);
      break;
    case 'cols':
      pack.packRight(right.at + 4 * from, right.ld, p.terms, n, area.invRight + 4 * from, b);
      break;
    case 'byteCols':
      input.packByteCols(c.plan.samples + from, c.stride, p.terms, n, area.invRight + 2 * from, b);
      break;
    default:
      throw new Error('wasm: this operand is a left one');
  }
}

/** The product itself, chunk by chunk and flushed after the last; ragged ones through the temporary. */
function tiles(c: OpContext, area: Area, team: Team, p: Product): void {
  const whole = isWhole(p.rows, p.cols, p.roomBelow);
  const ld = whole ? p.ld : pad(p.cols, 16);
  const to = whole ? p.to : area.temporary;
  const groups = pad(p.terms, 8) / 8;
  const { product, narrow } = c.kernels;
  const isCols = p.left.kind === 'cols' || p.left.kind === 'unitCols';
  const thin = narrow !== undefined && isNarrow(c, p);
  const run = thin ? narrow.productNarrow : isCols ? product.productCols : product.productRows;
  const width = thin ? 8 : 16;
  const up = p.left.kind === 'unitRows' || p.left.kind === 'unitCols' ? c.plan.units : area.upLeft;
  const byRows = p.rows >= 16 * team.size || p.rows >= p.cols;
  team.split(byRows ? p.rows : p.cols, byRows ? 4 : 16, (first, end) => {
    const [row, col] = byRows ? [first, 0] : [0, first];
    const rows = pad(byRows ? end - first : p.rows, 4);
    const cols = pad(byRows ? p.cols : end - first, 16);
    const a = area.left + row * groups * width;
    const b = area.right + col * groups * width;
    for (let from = 0; from < groups; from += CHUNK_GROUPS) {
      const n = Math.min(CHUNK_GROUPS, groups - from);
      const mode = (from > 0 ? ACCUMULATE : 0) | (from + n === groups ? FLUSH : 0) | (p.lower === true ? LOWER : 0);
      run(a, b, to + 4 * (row * ld + col), up + 4 * row, area.upRight + 4 * col, rows, cols, groups, from, n, ld, mode, c.lane.scratch);
    }
  });
  team.wait();
  if (whole) return;
  team.split(p.rows, 4, (from, end) => {
    c.kernels.pass.copyRows(to + 4 * from * ld, ld, end - from, p.cols, p.to + 4 * from * p.ld, p.ld);
  });
  team.wait();
}

/** Only reached with magnitudes near 2^126: a chunk's value, or the sum of chunks, may be infinite. */
function checkFinite(c: OpContext, team: Team, p: Product): void {
  let magnitude = 0;
  for (let r = 0; r < p.rows; r++) magnitude = Math.max(magnitude, c.kernels.pass.largestOf(p.to + 4 * r * p.ld, p.cols));
  team.wait();
  if (magnitude >= 0x7f800000) throw new InvalidStepError(`${p.op}: an output is not finite`);
}
