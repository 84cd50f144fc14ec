// SPDX-License-Identifier: Apache-2.0
// Codespace `slashing` as of cosmos-sdk 0.53 x/slashing/types/errors.go.
import { type ErrorKind, registerError } from '../../core/errors.ts';

const slashing = (code: number, text: string): ErrorKind => registerError('slashing', code, text);

export const errNoValidatorForAddress: ErrorKind = slashing(2, 'address is not associated with any known validator');
export const errValidatorJailed: ErrorKind = slashing(4, 'validator still jailed; cannot be unjailed');
export const errValidatorNotJailed: ErrorKind = slashing(5, 'validator not jailed; cannot be unjailed');
export const errMissingSelfDelegation: ErrorKind = slashing(6, 'validator has no self-delegation; cannot be unjailed');
export const errSelfDelegationTooLow: ErrorKind = slashing(7, "validator's self delegation less than minimum; cannot be unjailed");
export const errValidatorTombstoned: ErrorKind = slashing(9, 'validator already tombstoned');
