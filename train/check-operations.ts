// SPDX-License-Identifier: Apache-2.0
// What comparisons of a backend with the reference, operation by operation, share.
import { flush } from './float32.ts';
import type { Tensor } from './layout.ts';
import { execute } from './ops.ts';
import type { Op } from './program.ts';
import type { Workspace } from './workspace.ts';

/** The output of an operation by the reference, which stands in the workspace too. */
export function expectedOf(op: Op, w: Workspace): Float32Array {
  const out = execute(op, w);
  for (let i = 0; i < out.length; i++) out[i] = flush(out[i] as number);
  return out;
}

/** The third of its output that one of the three gradients of attention writes, or all of it. */
export function written(op: Op, data: Float32Array): Float32Array {
  const third = ['queryGrad', 'keyGrad', 'mixValueGrad'].indexOf(op.op);
  if (third < 0 || !('shape' in op)) return data;
  const { width } = op.shape;
  return data.filter((_, i) => Math.floor((i % (3 * width)) / width) === third);
}

/** The tensor whose gradient an operation writes, if it writes one. */
export function targetOf(op: Op): Tensor | undefined {
  switch (op.op) {
    case 'linearWeightGrad':
      return op.w;
    case 'biasGrad':
      return op.b;
    case 'embedGrad':
      return op.e;
    case 'positionGrad':
      return op.p;
    case 'normGainGrad':
      return op.g;
    default:
      return undefined;
  }
}

/** Bit for bit: binary32 values are compared as what they are in memory. */
export function equal<T extends Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array>(a: T, b: T): boolean {
  const x = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const y = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  return x.length === y.length && x.every((value, i) => value === y[i]);
}
