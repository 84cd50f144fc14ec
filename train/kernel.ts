// SPDX-License-Identifier: Apache-2.0
// The kernel id names everything that decides a step's bits from state, samples and learning rate: arithmetic,
// tables, network, optimiser and the width of codes. Schedule and batch size are parameters of a job and stay outside.
import { utf8 } from '../core/bytes.ts';
import { DOMAIN, domainHash } from './domains.ts';
import type { ModelSpec, OptimizerSpec, TrainSpec } from './spec.ts';
import { tablesHash } from './tables.ts';

/** The canonical text that the kernel id hashes: four lines, each ended by a newline, and a fifth where codes have not 4 bits. */
export function kernelText(spec: TrainSpec): string {
  const codes = spec.codeBits === undefined ? '' : `codes ${spec.codeBits}\n`;
  return `${spec.arithmetic}\ntables ${tablesHash()}\n${modelText(spec.model)}\n${optimizerText(spec.optimizer)}\n${codes}`;
}

/** 32 bytes: SHA-256 over domain and kernel text. */
export function kernelId(spec: TrainSpec): Uint8Array {
  return domainHash(DOMAIN.kernel, utf8(kernelText(spec)));
}

function modelText(model: ModelSpec): string {
  switch (model.kind) {
    case 'mlp':
      return `mlp ${model.layers.join('-')} input ${model.inputExponent}`;
    case 'cnn': {
      const convolutions = model.convolutions.map((c) => `${c.filters}/${c.kernel}/${c.stride}`);
      const sizes = [model.height, model.width, model.channels].join('x');
      return `cnn ${sizes} ${[...convolutions, ...model.hidden, model.classes].join('-')} input ${model.inputExponent}`;
    }
    case 'gpt': {
      const { vocab, context, width, layers, heads, tied } = model;
      return `gpt vocab ${vocab} context ${context} width ${width} layers ${layers} heads ${heads} head ${tied ? 'tied' : 'own'}`;
    }
    default:
      return model satisfies never;
  }
}

function optimizerText(optimizer: OptimizerSpec): string {
  const clip = optimizer.clip === undefined ? '' : ` clip ${hex(optimizer.clip)}`;
  if (optimizer.kind === 'sgd') return `sgd ${hex(optimizer.momentum)}${clip}`;
  return `adamw ${[optimizer.beta1, optimizer.beta2, optimizer.epsilon, optimizer.weightDecay].map(hex).join(' ')}${clip}`;
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0');
}
