// SPDX-License-Identifier: Apache-2.0
// States as bytes (leaf after leaf: 1,024 parameters, then their moments, little-endian binary32) and as arrays.
import { InvalidStateError } from './errors.ts';
import { type Layout, LEAF_PARAMETERS } from './layout.ts';
import { inParts, type Parts } from './parts.ts';

/** Parameters and moments of all leaves (or of one), each with padding. */
export interface StateArrays {
  readonly theta: Float32Array;
  /** m, or m and v. */
  readonly moments: readonly Float32Array[];
}

const HOST_IS_LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Writes `source` at `at` as little-endian binary32, whatever the host's byte order. */
export function writeFloats(source: Float32Array, bytes: Uint8Array, at: number): void {
  if (HOST_IS_LITTLE) {
    bytes.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), at);
    return;
  }
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < bits.length; i++) view.setUint32(at + 4 * i, bits[i] as number, true);
}

/** Reads little-endian binary32 from `at` until `target` is full. */
export function readFloats(bytes: Uint8Array, at: number, target: Float32Array): void {
  if (HOST_IS_LITTLE) {
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes.subarray(at, at + target.byteLength));
    return;
  }
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < bits.length; i++) bits[i] = view.getUint32(at + 4 * i, true);
}

/** All-zero arrays for `leaves` leaves. */
export function emptyState(leaves: number, moments: number): StateArrays {
  const array = (): Float32Array => new Float32Array(leaves * LEAF_PARAMETERS);
  return { theta: array(), moments: Array.from({ length: moments }, array) };
}

/** Copies state bytes of whole leaves into arrays of the same number of leaves. InvalidStateError for another length. */
export function readState(bytes: Parts, into: StateArrays): void {
  const arrays = [into.theta, ...into.moments];
  const leafBytes = LEAF_PARAMETERS * 4 * arrays.length;
  const expected = (into.theta.length / LEAF_PARAMETERS) * leafBytes;
  if (bytes.length !== expected) throw new InvalidStateError(`state: ${bytes.length} bytes, expected ${expected}`);
  let first = 0;
  for (const part of inParts(bytes, leafBytes)) {
    for (let at = 0; at < part.length; first += LEAF_PARAMETERS) {
      for (const array of arrays) {
        readFloats(part, at, array.subarray(first, first + LEAF_PARAMETERS));
        at += LEAF_PARAMETERS * 4;
      }
    }
  }
}

/** The state's bytes in leaf layout. */
export function writeState(state: StateArrays): Uint8Array {
  const { length, subarray } = viewOfState(state);
  return subarray(0, length);
}

/**
 * The state's bytes in leaf layout, copied part by part as they are read, each into the place of the one before: they change with the arrays.
 * RangeError unless a part is whole leaves.
 */
export function viewOfState(state: StateArrays): Parts {
  const arrays = [state.theta, ...state.moments];
  const leafBytes = LEAF_PARAMETERS * 4 * arrays.length;
  const copy = (from: number, to: number, target: Uint8Array): void => {
    if (from % leafBytes !== 0 || to % leafBytes !== 0) throw new RangeError(`state: bytes ${from} to ${to} are no whole leaves`);
    let first = (from / leafBytes) * LEAF_PARAMETERS;
    for (let at = 0; at < to - from; first += LEAF_PARAMETERS) {
      for (const array of arrays) {
        writeFloats(array.subarray(first, first + LEAF_PARAMETERS), target, at);
        at += LEAF_PARAMETERS * 4;
      }
    }
  };
  let scratch: Uint8Array = new Uint8Array(0);
  const subarray = (from: number, to: number): Uint8Array => {
    if (scratch.length < to - from) scratch = new Uint8Array(to - from);
    const bytes = scratch.subarray(0, to - from);
    copy(from, to, bytes);
    return bytes;
  };
  return { length: (state.theta.length / LEAF_PARAMETERS) * leafBytes, subarray, copy };
}

/** Bits of 2^-60 and 2^-100. */
const LEAST = 67 << 23;
const LEAST_SQUARE = 27 << 23;

/**
 * Whether an update can have written these values: finite, +0 or at least 2^-60 in magnitude (second moment: +0 or
 * at least 2^-100 and positive). InvalidStateError names array and index.
 */
export function checkState(state: StateArrays): void {
  checkArray(state.theta, 'theta', LEAST);
  const [m, v] = state.moments;
  if (m !== undefined) checkArray(m, 'm', LEAST);
  if (v !== undefined) {
    checkArray(v, 'v', LEAST_SQUARE);
    if (v.some((x) => x < 0)) throw new InvalidStateError('state: a second moment is negative');
  }
}

function checkArray(array: Float32Array, name: string, least: number): void {
  const bits = new Uint32Array(array.buffer, array.byteOffset, array.length);
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] as number;
    const magnitude = b & 0x7fffffff;
    if (b !== 0 && (magnitude < least || magnitude >= 0x7f800000)) {
      throw new InvalidStateError(`state: ${name}[${i}] is negative zero, too small or not finite`);
    }
  }
}

/** Whether all values are finite. */
export function allFinite(array: Float32Array): boolean {
  const bits = new Uint32Array(array.buffer, array.byteOffset, array.length);
  let max = 0;
  for (let i = 0; i < bits.length; i++) {
    const magnitude = (bits[i] as number) & 0x7fffffff;
    if (magnitude > max) max = magnitude;
  }
  return max < 0x7f800000;
}

/** The parameters of a state alone, in the padded layout. InvalidStateError for a wrong length. */
export function thetaOf(layout: Layout, bytes: Parts): Float32Array {
  const theta = new Float32Array(layout.paddedCount);
  let at = 0;
  for (const part of thetaParts(layout, bytes)) {
    theta.set(part, at);
    at += part.length;
  }
  return theta;
}

/** The parameters of a state, some leaves at a time; each part is overwritten by the next. InvalidStateError for a wrong length. */
export function* thetaParts(layout: Layout, bytes: Parts): Generator<Float32Array, void> {
  const { stateBytes, stateLeafBytes } = layout;
  if (bytes.length !== stateBytes) throw new InvalidStateError(`state: ${bytes.length} bytes, expected ${stateBytes}`);
  let theta = new Float32Array(0);
  for (const part of inParts(bytes, stateLeafBytes)) {
    const leaves = part.length / stateLeafBytes;
    if (theta.length !== leaves * LEAF_PARAMETERS) theta = new Float32Array(leaves * LEAF_PARAMETERS);
    for (let leaf = 0; leaf < leaves; leaf++) {
      readFloats(part, leaf * stateLeafBytes, theta.subarray(leaf * LEAF_PARAMETERS, (leaf + 1) * LEAF_PARAMETERS));
    }
    yield theta;
  }
}
