// SPDX-License-Identifier: Apache-2.0
import type { Tensor } from './layout.ts';
import type { Buffer, BufferShape } from './program.ts';

/** What operations read and write. */
export interface Workspace {
  /** Samples at hand. */
  readonly rows: number;
  readonly shapes: readonly BufferShape[];
  readonly buffers: readonly Float32Array[];
  /** Encoded samples, `sampleBytes` each; a classifier's last byte is the label. */
  readonly samples: Uint8Array;
  readonly sampleBytes: number;
  /** Parameters and their gradient in the padded layout. */
  readonly theta: Float32Array;
  readonly gradient: Float32Array;
  /** Per row of logits, filled by crossEntropy. */
  readonly losses: Int32Array;
  readonly predicted: Uint16Array;
}

export function data(w: Workspace, buffer: Buffer): Float32Array {
  return w.buffers[buffer] as Float32Array;
}

export function shape(w: Workspace, buffer: Buffer): BufferShape {
  return w.shapes[buffer] as BufferShape;
}

/** A tensor's elements of a vector in the padded layout. */
export function part(vector: Float32Array, tensor: Tensor): Float32Array {
  return vector.subarray(tensor.offset, tensor.offset + tensor.count);
}
