// SPDX-License-Identifier: Apache-2.0
// Specifications that the tests share.
import { bitsOf } from '../../../train/float32.ts';
import type { MlpTrainSpec, OptimizerSpec } from '../../../train/spec.ts';
import { validateSpec } from '../../../train/validate.ts';

export const SGD: OptimizerSpec = { kind: 'sgd', momentum: bitsOf(0.9) };
export const ADAMW: OptimizerSpec = { kind: 'adamw', beta1: bitsOf(0.9), beta2: bitsOf(0.999), epsilon: bitsOf(1e-8), weightDecay: bitsOf(0.01) };

/** A network of the given widths, batch 8 unless named. */
export function mlpSpec(layers: readonly number[], batchSize = 8, optimizer: OptimizerSpec = SGD): MlpTrainSpec {
  return validateSpec({
    arithmetic: 'exact8',
    model: { kind: 'mlp', layers, inputExponent: -8 },
    optimizer,
    schedule: { baseRate: bitsOf(optimizer.kind === 'sgd' ? 0.1 : 0.001), warmupSteps: 20, totalSteps: 1000, floorRatio: bitsOf(0.05) },
    batchSize,
  }) as MlpTrainSpec;
}

/** The default job of the demonstration: 784-128-10, batch 64, momentum 0.9. */
export function demoSpec(): MlpTrainSpec {
  return mlpSpec([784, 128, 10], 64);
}
