// SPDX-License-Identifier: Apache-2.0
// Codespace `bank` as of cosmos-sdk 0.53 x/bank/types/errors.go.
import { type ErrorKind, registerError } from '../../core/errors.ts';

export const errNoInputs: ErrorKind = registerError('bank', 2, 'no inputs to send transaction');
export const errNoOutputs: ErrorKind = registerError('bank', 3, 'no outputs to send transaction');
export const errInputOutputMismatch: ErrorKind = registerError('bank', 4, 'sum inputs != sum outputs');
export const errSendDisabled: ErrorKind = registerError('bank', 5, 'send transactions are disabled');
export const errMultipleSenders: ErrorKind = registerError('bank', 9, 'multiple senders not allowed');
