// SPDX-License-Identifier: Apache-2.0
import type { Tensor } from './layout.ts';
import type { Buffer, BufferShape, Program } from './program.ts';
import { rowsPerSample, sampleBytes, type TrainSpec } from './spec.ts';

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

/** A workspace for encoded samples, as many as the program was compiled for; its buffers are new. */
export function workspaceOf(spec: TrainSpec, program: Program, samples: Uint8Array, theta: Float32Array, gradient: Float32Array): Workspace {
  return {
    rows: program.rows,
    shapes: program.buffers,
    buffers: program.buffers.map(({ rows, cols }) => new Float32Array(rows * cols)),
    samples,
    sampleBytes: sampleBytes(spec.model),
    theta,
    gradient,
    losses: new Int32Array(program.rows * rowsPerSample(spec.model)),
    predicted: new Uint16Array(program.rows * rowsPerSample(spec.model)),
  };
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
