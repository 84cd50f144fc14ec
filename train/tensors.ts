// SPDX-License-Identifier: Apache-2.0
// The tensors of each kind of network, in written order.
import type { CnnSpec, ConvolutionSpec, GptSpec, MlpSpec, ModelSpec } from './spec.ts';

/** How a tensor's first values are drawn: zeros, ones, or normal with deviation sqrt(gain / fan). */
export type TensorInit =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'normal'; readonly gain: number; readonly fan: number };

export interface TensorShape {
  /** PyTorch's name, as written to safetensors. */
  readonly name: string;
  /** Row-major; weights are [out, in]. */
  readonly shape: readonly number[];
  readonly init: TensorInit;
}

/** Tensors of a network in written order. */
export function tensorsOf(model: ModelSpec): TensorShape[] {
  switch (model.kind) {
    case 'mlp':
      return mlpTensors(model);
    case 'cnn':
      return cnnTensors(model);
    case 'gpt':
      return gptTensors(model);
    default:
      return model satisfies never;
  }
}

/** For each layer weight, then bias. */
function mlpTensors(model: MlpSpec): TensorShape[] {
  return denseTensors('layers', model.layers);
}

function denseTensors(name: string, widths: readonly number[]): TensorShape[] {
  const tensors: TensorShape[] = [];
  for (let l = 1; l < widths.length; l++) {
    const fan = widths[l - 1] as number;
    const out = widths[l] as number;
    const gain = l === widths.length - 1 ? 1 : 2;
    tensors.push({ name: `${name}.${l - 1}.weight`, shape: [out, fan], init: { kind: 'normal', gain, fan } });
    tensors.push({ name: `${name}.${l - 1}.bias`, shape: [out], init: { kind: 'zeros' } });
  }
  return tensors;
}

/** Deviation 0.02 for every matrix, as in GPT-2: sqrt(1 / 2500). */
const GPT_INIT: TensorInit = { kind: 'normal', gain: 1, fan: 2500 };

/** Embeddings, then for each layer in the order of use, then the last norm and, when not tied, the head. */
function gptTensors(model: GptSpec): TensorShape[] {
  const { vocab, context, width } = model;
  const gain = (name: string): TensorShape => ({ name, shape: [width], init: { kind: 'ones' } });
  const matrix = (name: string, out: number, inputs: number): TensorShape => ({ name, shape: [out, inputs], init: GPT_INIT });
  const tensors = [matrix('embedding.weight', vocab, width), matrix('positions.weight', context, width)];
  for (let l = 0; l < model.layers; l++) {
    const at = `layers.${l}`;
    tensors.push(gain(`${at}.norm1.weight`), matrix(`${at}.qkv.weight`, 3 * width, width), matrix(`${at}.proj.weight`, width, width));
    tensors.push(gain(`${at}.norm2.weight`), matrix(`${at}.up.weight`, 4 * width, width), matrix(`${at}.down.weight`, width, 4 * width));
  }
  tensors.push(gain('norm.weight'));
  if (!model.tied) tensors.push(matrix('head.weight', vocab, width));
  return tensors;
}

/** What a convolution reads and writes, in elements. */
export interface Geometry {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** Geometry of each convolution of a network, in order. */
export function geometriesOf(model: CnnSpec): Geometry[] {
  let { height, width, channels } = model;
  return model.convolutions.map((convolution) => {
    const geometry = geometryOf(height, width, channels, convolution);
    height = geometry.outHeight;
    width = geometry.outWidth;
    channels = convolution.filters;
    return geometry;
  });
}

function geometryOf(height: number, width: number, channels: number, { kernel, stride }: ConvolutionSpec): Geometry {
  const pad = (kernel - 1) >> 1;
  const outHeight = Math.floor((height + 2 * pad - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * pad - kernel) / stride) + 1;
  return { height, width, channels, kernel, stride, pad, outHeight, outWidth };
}

/** Widths of the dense layers behind the convolutions, the flattened image first. */
export function denseWidths(model: CnnSpec): number[] {
  const last = geometriesOf(model)[model.convolutions.length - 1];
  const filters = model.convolutions[model.convolutions.length - 1]?.filters ?? model.channels;
  const pixels = last === undefined ? model.height * model.width : last.outHeight * last.outWidth;
  return [pixels * filters, ...model.hidden, model.classes];
}

/** For each convolution weight [filters, channels, kernel, kernel] and bias, then the dense layers. */
function cnnTensors(model: CnnSpec): TensorShape[] {
  const tensors: TensorShape[] = [];
  geometriesOf(model).forEach(({ channels, kernel }, l) => {
    const filters = model.convolutions[l]?.filters ?? 0;
    const fan = channels * kernel * kernel;
    tensors.push({ name: `convolutions.${l}.weight`, shape: [filters, channels, kernel, kernel], init: { kind: 'normal', gain: 2, fan } });
    tensors.push({ name: `convolutions.${l}.bias`, shape: [filters], init: { kind: 'zeros' } });
  });
  return [...tensors, ...denseTensors('layers', denseWidths(model))];
}
