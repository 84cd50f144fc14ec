// SPDX-License-Identifier: Apache-2.0
// Products of two matrices: how their slices are scaled and packed (kernels/pack.ts), and where the result goes.
import { InvalidStepError } from './errors.ts';
import { LIMIT, type OpContext } from './wasm-context.ts';
import { type Area, isWhole, pad } from './wasm-memory.ts';
import { SOLO, type Team } from './wasm-team.ts';

/** Groups of 8 terms in a chunk of 1,024. */
const CHUNK_GROUPS = 128;
const ACCUMULATE = 1;
const FLUSH = 2;
const LOWER = 4;

/**
 * An operand: rows or columns of a matrix as slices of `terms` terms. `bytes`: input bytes times 2^exponent;
 * `units`: probabilities in units of 2^-7.
 */
export type Operand =
  | { readonly kind: 'rows' | 'cols'; readonly at: number; readonly ld: number; readonly bits: 8 | 14 }
  | { readonly kind: 'byteRows' | 'byteCols'; readonly exponent: number }
  | { readonly kind: 'unitRows' | 'unitCols'; readonly at: number; readonly ld: number };

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

function multiplyIn(c: OpContext, area: Area, team: Team, p: Product): void {
  maxima(c, area, team, p, 'left');
  maxima(c, area, team, p, 'right');
  team.wait();
  const top = scales(c, area, p, 'left') + scales(c, area, p, 'right');
  packLeft(c, area, team, p);
  packRight(c, area, team, p);
  team.wait();
  tiles(c, area, team, p);
  if (top + Math.ceil(Math.log2(p.terms)) >= 126) checkFinite(c, team, p);
}

/** Largest magnitudes of the slices; for bytes the scales at once. */
function maxima(c: OpContext, area: Area, team: Team, p: Product, side: 'left' | 'right'): void {
  const { kernels, plan, lane } = c;
  const operand = p[side];
  const slices = side === 'left' ? p.rows : p.cols;
  const [max, up, inv] = side === 'left' ? [area.maxLeft, area.upLeft, area.invLeft] : [area.maxRight, area.upRight, area.invRight];
  switch (operand.kind) {
    case 'rows':
      team.split(slices, 16, (from, to) => {
        kernels.pack.rowMax(operand.at + 4 * from * operand.ld, operand.ld, to - from, p.terms, max + 4 * from);
      });
      return;
    case 'cols':
      team.split(slices, 16, (from, to) => {
        kernels.pack.colMax(operand.at + 4 * from, operand.ld, p.terms, to - from, max + 4 * from);
      });
      return;
    case 'byteRows':
      team.split(slices, 16, (from, to) => {
        const x = plan.samples + from * c.stride;
        kernels.input.byteRowScales(x, c.stride, to - from, p.terms, operand.exponent, up + 4 * from, inv + 2 * from);
      });
      return;
    case 'byteCols':
      team.split(slices, 16, (from, to) => {
        const x = plan.samples + from;
        kernels.input.byteColScales(x, c.stride, p.terms, to - from, operand.exponent, up + 4 * from, inv + 2 * from, lane.scratch);
      });
      return;
    default:
  }
}

/** Scales from the maxima, by every thread for itself; returns the exponent that no magnitude reaches. */
function scales(c: OpContext, area: Area, p: Product, side: 'left' | 'right'): number {
  const operand = p[side];
  if (operand.kind !== 'rows' && operand.kind !== 'cols') return 8;
  const [max, up, inv] = side === 'left' ? [area.maxLeft, area.upLeft, area.invLeft] : [area.maxRight, area.upRight, area.invRight];
  const slices = pad(side === 'left' ? p.rows : p.cols, operand.kind === 'rows' ? 4 : 16);
  const top = c.kernels.pack.scales(max, slices, operand.bits, up, inv);
  if (top > LIMIT[operand.bits]) throw new InvalidStepError(`${p.op}: a scale is above 2^50`);
  return (top >>> 23) - 126;
}

function packLeft(c: OpContext, area: Area, team: Team, p: Product): void {
  const { pack, input } = c.kernels;
  const { left } = p;
  const panel = pad(p.terms, 8) * 8;
  const { scratch } = c.lane;
  team.split(p.rows, 16, (from, to) => {
    const a = area.left + (from / 4) * panel;
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
  });
}

function packRight(c: OpContext, area: Area, team: Team, p: Product): void {
  const { pack, input } = c.kernels;
  const { right } = p;
  const panel = pad(p.terms, 8) * 32;
  team.split(p.cols, 16, (from, to) => {
    const b = area.right + (from / 16) * panel;
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
  });
}

/** The product itself, chunk by chunk and flushed after the last; ragged ones through the temporary. */
function tiles(c: OpContext, area: Area, team: Team, p: Product): void {
  const whole = isWhole(p.rows, p.cols, p.roomBelow);
  const ld = whole ? p.ld : pad(p.cols, 16);
  const to = whole ? p.to : area.temporary;
  const groups = pad(p.terms, 8) / 8;
  const run = p.left.kind === 'cols' || p.left.kind === 'unitCols' ? c.kernels.product.productCols : c.kernels.product.productRows;
  const up = p.left.kind === 'unitRows' || p.left.kind === 'unitCols' ? c.plan.units : area.upLeft;
  const byRows = p.rows >= 16 * team.size || p.rows >= p.cols;
  team.split(byRows ? p.rows : p.cols, byRows ? 4 : 16, (first, end) => {
    const [row, col] = byRows ? [first, 0] : [0, first];
    const rows = pad(byRows ? end - first : p.rows, 4);
    const cols = pad(byRows ? p.cols : end - first, 16);
    const a = area.left + row * groups * 16;
    const b = area.right + col * groups * 16;
    for (let from = 0; from < groups; from += CHUNK_GROUPS) {
      const n = Math.min(CHUNK_GROUPS, groups - from);
      const mode = (from > 0 ? ACCUMULATE : 0) | (from + n === groups ? FLUSH : 0) | (p.lower === true ? LOWER : 0);
      run(a, b, to + 4 * (row * ld + col), up + 4 * row, area.upRight + 4 * col, rows, cols, groups, from, n, ld, mode);
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
