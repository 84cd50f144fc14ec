// SPDX-License-Identifier: Apache-2.0
import { type ErrorKind, registerError } from '../../core/errors.ts';

/** cosmos-sdk 0.53 types/errors: a transaction whose timeout_timestamp has passed. */
export const errTxTimeout: ErrorKind = registerError('sdk', 42, 'tx timeout');
