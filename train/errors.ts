// SPDX-License-Identifier: Apache-2.0
// What training code refuses, by cause: the specification, a step, a state, codes, or an encoded record.

/** A training specification breaks a rule. `field` is a dotted path such as `model.layers[1]`. */
export class SpecError extends Error {
  override readonly name = 'SpecError';
  readonly field: string;
  constructor(field: string, rule: string) {
    super(`${field}: ${rule}`);
    this.field = field;
  }
}

/** A step met NaN, infinity or a scale above 2^50: it has no result, and no honest miner commits one. */
export class InvalidStepError extends Error {
  override readonly name = 'InvalidStepError';
}

/** State bytes have the wrong length, or hold a value that no update can have written. */
export class InvalidStateError extends Error {
  override readonly name = 'InvalidStateError';
}

/** 4-bit bytes are not the one valid encoding of anything. */
export class InvalidCodesError extends Error {
  override readonly name = 'InvalidCodesError';
}

/** A step record, a sample or a file is malformed. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** A backend cannot run here: a package, a driver or a device is missing. */
export class BackendUnavailableError extends Error {
  override readonly name = 'BackendUnavailableError';
}

/** A backend differs from the reference in at least one bit and must not be used. */
export class BackendMismatchError extends Error {
  override readonly name = 'BackendMismatchError';
}
