// SPDX-License-Identifier: Apache-2.0
// Attacks on the work itself, as trainers that pretend: everything around them, from records to artifact, is the
// honest miner's code, exactly as a real attacker would have it.
import { randomBytes, randomInt } from 'node:crypto';
import type { StepResult, Trainer } from '../../train/backend.ts';
import { encodeCodes } from '../../train/codes.ts';
import { LEAF_PARAMETERS } from '../../train/layout.ts';
import { codeBitsOf } from '../../train/spec.ts';
import { readFloats, writeFloats } from '../../train/state.ts';

/** The trainer that the attack of that name works with; `trainer` itself for any other. */
export function attackedTrainer(attack: string | undefined, trainer: Trainer, steps: number): Trainer {
  if (attack === 'no-training') return inventedGradients(trainer);
  if (attack === 'wrong-leaf') return oneFalseLeaf(trainer, steps);
  if (attack === 'adaptive') return garbageStates(trainer);
  return trainer;
}

/** Everything as in `trainer`, its methods bound, for an attack to replace some of them. */
function like(trainer: Trainer): Trainer {
  return {
    spec: trainer.spec,
    layout: trainer.layout,
    load: (state) => trainer.load(state),
    state: () => trainer.state(),
    step: (samples, globalStep) => trainer.step(samples, globalStep),
    gradient: (samples) => trainer.gradient(samples),
    applyCodes: (codes, globalStep) => trainer.applyCodes(codes, globalStep),
    evaluate: (samples, form) => trainer.evaluate(samples, form),
    close: () => trainer.close(),
  };
}

/** no-training: small random numbers for gradients, encoded and applied by the rules, and a plausible falling loss. */
function inventedGradients(trainer: Trainer): Trainer {
  const step = async (_samples: Uint8Array, globalStep: number): Promise<StepResult> => {
    const gradient = new Float32Array(trainer.layout.paddedCount);
    const noise = randomBytes(gradient.length);
    for (const { offset, count } of trainer.layout.tensors) {
      for (let i = offset; i < offset + count; i++) gradient[i] = ((noise[i] as number) - 127.5) * 2 ** -16;
    }
    const codes = new Uint8Array(trainer.layout.codeBytes);
    encodeCodes(gradient, codes, codeBitsOf(trainer.spec));
    await trainer.applyCodes(codes, globalStep);
    return { codes, loss: BigInt(Math.floor((trainer.spec.batchSize * 65_536) / (1 + globalStep / 100))) };
  };
  return { ...like(trainer), step };
}

/** wrong-leaf: honest to the last step, then one parameter of one leaf of the final state is set as the attacker likes. */
function oneFalseLeaf(trainer: Trainer, steps: number): Trainer {
  let done = 0;
  const leaf = randomInt(trainer.layout.leafCount);
  return {
    ...like(trainer),
    step: (samples, globalStep) => {
      done++;
      return trainer.step(samples, globalStep);
    },
    state: async () => {
      const state = await trainer.state();
      if (done < steps) return state;
      const value = new Float32Array(1);
      readFloats(state, leaf * trainer.layout.stateLeafBytes, value);
      writeFloats(
        value.map((x) => Math.fround(x + 0.5)),
        state,
        leaf * trainer.layout.stateLeafBytes,
      );
      return state;
    },
  };
}

/** adaptive: no state is ever computed; checkpoints are random numbers of the right size, to be explained when asked. */
function garbageStates(trainer: Trainer): Trainer {
  const { layout } = trainer;
  const codes = new Uint8Array(layout.codeBytes);
  encodeCodes(new Float32Array(layout.paddedCount), codes, codeBitsOf(trainer.spec));
  const garbage = (): Uint8Array => {
    const values = new Float32Array(layout.stateBytes / 4);
    const noise = randomBytes(values.length);
    for (let i = 0; i < values.length; i++) values[i] = ((noise[i] as number) - 127) * 2 ** -12;
    const state = new Uint8Array(layout.stateBytes);
    for (let at = 0; at < values.length; at += LEAF_PARAMETERS) writeFloats(values.subarray(at, at + LEAF_PARAMETERS), state, at * 4);
    return state;
  };
  return { ...like(trainer), step: () => ({ codes: codes.slice(), loss: BigInt(trainer.spec.batchSize) << 15n }), state: garbage };
}
