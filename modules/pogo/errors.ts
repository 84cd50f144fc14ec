// SPDX-License-Identifier: Apache-2.0
// Registered errors of the module; codes are never renumbered.
import { type ErrorKind, registerError } from '../../core/errors.ts';

const pogo = (code: number, text: string): ErrorKind => registerError('pogo', code, text);

export const errJobNotFound: ErrorKind = pogo(2, 'job not found');
export const errRoundNotFound: ErrorKind = pogo(3, 'round not found');
export const errCommitNotFound: ErrorKind = pogo(4, 'commit not found');
export const errNotOwner: ErrorKind = pogo(5, 'only the owner of a job may change it');
export const errInvalidField: ErrorKind = pogo(6, 'invalid field');
export const errInvalidSpec: ErrorKind = pogo(7, 'invalid training specification');
export const errWrongPhase: ErrorKind = pogo(8, 'wrong phase of the round');
export const errStaleParent: ErrorKind = pogo(9, 'the parent is not the head of the job');
export const errDuplicate: ErrorKind = pogo(10, 'done already');
export const errNotEligible: ErrorKind = pogo(11, 'not eligible');
export const errInsufficientBond: ErrorKind = pogo(12, 'insufficient bond');
export const errRoundFull: ErrorKind = pogo(13, 'the round takes no more commits');
export const errMalformedOpening: ErrorKind = pogo(14, 'the opening does not verify');
export const errNoSuchChallenge: ErrorKind = pogo(15, 'no such open challenge');
export const errNotDrawn: ErrorKind = pogo(16, 'not drawn for this commit');
export const errHashMismatch: ErrorKind = pogo(17, 'the reveal does not match the committed hash');
export const errInvalidReport: ErrorKind = pogo(18, 'invalid report');
export const errInvalidSignature: ErrorKind = pogo(19, 'invalid BLS signature');
export const errClaim: ErrorKind = pogo(20, 'no usable fraud claim');
export const errNoFault: ErrorKind = pogo(21, 'the opening proves no fault');
export const errTooMany: ErrorKind = pogo(22, 'too many');
export const errJobClosed: ErrorKind = pogo(23, 'the job is closed or closing');
export const errLimit: ErrorKind = pogo(24, 'outside the limits of the parameters');
export const errKernel: ErrorKind = pogo(25, 'the kernel id is not that of the specification');
export const errSettled: ErrorKind = pogo(26, 'the commit is decided already');
