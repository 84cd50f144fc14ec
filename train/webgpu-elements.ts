// SPDX-License-Identifier: Apache-2.0
// Operations that compute each element from a few others: one thread for each element of the output.
import { elementwise, type Kernel } from './webgpu-shader.ts';

const OUT = { name: 'out_', out: true } as const;
const [X, Y, DY, THETA] = ['x', 'y', 'dy', 'theta'].map((name) => ({ name })) as [
  { name: string },
  { name: string },
  { name: string },
  { name: string },
];

/** `inputs` bytes of each sample of `bytes` bytes, times 2^exponent. */
export const INPUT: Kernel = elementwise(
  'input',
  ['inputs', 'bytes', 'exponent'],
  [{ name: 'samples' }, OUT],
  `  let at = i / shape.inputs * shape.bytes + i % shape.inputs;
  out_[i] = fromScaled(i32((samples[at / 4u] >> (8u * (at % 4u))) & 255u), bitcast<i32>(shape.exponent));`,
);

export const BIAS: Kernel = elementwise(
  'bias',
  ['columns', 'bias'],
  [X, THETA, OUT],
  '  out_[i] = kept(add(x[i], theta[shape.bias + i % shape.columns]));',
);

/** relu: x where x > 0; and its gradient with x as y. By selection, on bits: a value above +0 is in 1..0x7fffffff. */
export const SELECT: Kernel = elementwise('select', [], [X, Y, OUT], '  out_[i] = select(0u, y[i], x[i] - 1u < MAGNITUDE);');
export const RELU: Kernel = elementwise('relu', [], [X, OUT], '  out_[i] = select(0u, x[i], x[i] - 1u < MAGNITUDE);');

export const ADD: Kernel = elementwise('add', [], [X, Y, OUT], '  out_[i] = kept(add(x[i], y[i]));');

export const SQUARED_RELU: Kernel = elementwise(
  'squaredRelu',
  [],
  [X, OUT],
  '  let h = select(0u, x[i], x[i] - 1u < MAGNITUDE);\n  out_[i] = kept(mul(h, h));',
);

export const SQUARED_RELU_GRAD: Kernel = elementwise(
  'squaredReluGrad',
  [],
  [X, DY, OUT],
  '  var d = 0u;\n  if (x[i] - 1u < MAGNITUDE) { d = mul(add(x[i], x[i]), dy[i]); }\n  out_[i] = kept(d);',
);

/** n of normGainGrad. */
export const NORMED: Kernel = elementwise(
  'normed',
  ['columns'],
  [X, { name: 'inverse' }, OUT],
  '  out_[i] = flush(mul(x[i], inverse[i / shape.columns]));',
);

/** Both embeddings begin where `tokens_` and `positions` say. */
export const EMBED: Kernel = elementwise(
  'embed',
  ['columns', 'context', 'embedding', 'positions'],
  [{ name: 'tokens' }, THETA, OUT],
  `  let row = i / shape.columns;
  let c = i % shape.columns;
  let e = theta[shape.embedding + tokens[row] * shape.columns + c];
  out_[i] = kept(add(e, theta[shape.positions + row % shape.context * shape.columns + c]));`,
);

const GEOMETRY = ['height', 'width', 'channels', 'kernel', 'stride', 'pad', 'outHeight', 'outWidth'] as const;

/** Coordinates are unsigned, so one that is left of the image wraps around and is outside as well. */
export const PATCHES: Kernel = elementwise(
  'patches',
  GEOMETRY,
  [X, OUT],
  `  let area = shape.kernel * shape.kernel;
  let tap = i % area;
  let channel = i / area % shape.channels;
  let patch_ = i / area / shape.channels;
  let y = patch_ / shape.outWidth % shape.outHeight * shape.stride + tap / shape.kernel - shape.pad;
  let x_ = patch_ % shape.outWidth * shape.stride + tap % shape.kernel - shape.pad;
  let image = patch_ / shape.outWidth / shape.outHeight;
  var value = 0u;
  if (y < shape.height && x_ < shape.width) { value = x[((image * shape.height + y) * shape.width + x_) * shape.channels + channel]; }
  out_[i] = value;`,
);

export const PATCHES_GRAD: Kernel = elementwise(
  'patchesGrad',
  GEOMETRY,
  [DY, OUT],
  `  let area = shape.kernel * shape.kernel;
  let channel = i % shape.channels;
  let pixel = i / shape.channels;
  let y = pixel / shape.width % shape.height + shape.pad;
  let x_ = pixel % shape.width + shape.pad;
  let image = pixel / shape.width / shape.height;
  var value = 0u;
  for (var tap = 0u; tap < area; tap++) {
    let top = y - tap / shape.kernel;
    let left = x_ - tap % shape.kernel;
    let oy = top / shape.stride;
    let ox = left / shape.stride;
    if (oy < shape.outHeight && ox < shape.outWidth && top % shape.stride == 0u && left % shape.stride == 0u) {
      let patch_ = (image * shape.outHeight + oy) * shape.outWidth + ox;
      value = add(value, dy[(patch_ * shape.channels + channel) * area + tap]);
    }
  }
  out_[i] = kept(value);`,
);
