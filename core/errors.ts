// SPDX-License-Identifier: Apache-2.0
// The three kinds of failure. A TxError is a rule that said no: the transaction fails with that code. Any other
// exception in a message handler becomes the reserved internal code. CorruptStateError stops the node.

/** Longest message in UTF-16 code units: what was seen may be a megabyte, and messages are kept with results. */
const MAX_MESSAGE = 2000;

/**
 * A transaction or query refused by a rule. CometBFT hashes the code, never the message. The message is cut to a sane
 * length and made well-formed: half a surrogate pair, left by quoting a part of what somebody sent, has no UTF-8 form, so
 * that no answer could be encoded and the node would stop.
 */
export class TxError extends Error {
  override readonly name = 'TxError';
  readonly codespace: string;
  readonly code: number;
  constructor(codespace: string, code: number, message: string) {
    super((message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message).toWellFormed());
    this.codespace = codespace;
    this.code = code;
  }
}

/** The state contradicts itself; nothing that the node would compute from it can be trusted. */
export class CorruptStateError extends Error {
  override readonly name = 'CorruptStateError';
}

/** Makes errors of one registered kind: the rule's text first, then what was seen. */
export interface ErrorKind {
  (detail: string): TxError;
  readonly codespace: string;
  readonly code: number;
  readonly text: string;
}

const registered = new Map<string, string>();

/** Registers a code of a codespace once; codes are never renumbered. Throws on a second registration. */
export function registerError(codespace: string, code: number, text: string): ErrorKind {
  const id = `${codespace}/${code}`;
  const earlier = registered.get(id);
  if (earlier !== undefined) throw new Error(`errors: ${id} is registered already as "${earlier}"`);
  registered.set(id, text);
  return Object.assign((detail: string) => new TxError(codespace, code, detail === '' ? text : `${detail}: ${text}`), { codespace, code, text });
}

const sdk = (code: number, text: string): ErrorKind => registerError('sdk', code, text);

/** Codespace `sdk` as of cosmos-sdk 0.53 types/errors; clients key on these numbers. */
export const errTxDecode: ErrorKind = sdk(2, 'tx parse error');
export const errInvalidSequence: ErrorKind = sdk(3, 'invalid sequence');
export const errUnauthorized: ErrorKind = sdk(4, 'unauthorized');
export const errInsufficientFunds: ErrorKind = sdk(5, 'insufficient funds');
export const errUnknownRequest: ErrorKind = sdk(6, 'unknown request');
export const errInvalidAddress: ErrorKind = sdk(7, 'invalid address');
export const errInvalidPubKey: ErrorKind = sdk(8, 'invalid pubkey');
export const errUnknownAddress: ErrorKind = sdk(9, 'unknown address');
export const errInvalidCoins: ErrorKind = sdk(10, 'invalid coins');
export const errOutOfGas: ErrorKind = sdk(11, 'out of gas');
export const errMemoTooLarge: ErrorKind = sdk(12, 'memo too large');
export const errInsufficientFee: ErrorKind = sdk(13, 'insufficient fee');
export const errTooManySignatures: ErrorKind = sdk(14, 'maximum number of signatures exceeded');
export const errNoSignatures: ErrorKind = sdk(15, 'no signatures supplied');
export const errInvalidRequest: ErrorKind = sdk(18, 'invalid request');
export const errTxTooLarge: ErrorKind = sdk(21, 'tx too large');
export const errKeyNotFound: ErrorKind = sdk(22, 'key not found');
export const errInvalidHeight: ErrorKind = sdk(26, 'invalid height');
export const errInvalidChainId: ErrorKind = sdk(28, 'invalid chain-id');
export const errInvalidType: ErrorKind = sdk(29, 'invalid type');
export const errTxTimeoutHeight: ErrorKind = sdk(30, 'tx timeout height');
export const errUnknownExtensionOptions: ErrorKind = sdk(31, 'unknown extension options');
export const errWrongSequence: ErrorKind = sdk(32, 'incorrect account sequence');
export const errNotSupported: ErrorKind = sdk(37, 'feature not supported');
export const errNotFound: ErrorKind = sdk(38, 'not found');
export const errInvalidGasLimit: ErrorKind = sdk(41, 'invalid gas limit');
/** Reserved for an exception that no rule foresaw (a defect of the application, logged and counted). */
export const errInternal: ErrorKind = sdk(1, 'internal error');
export const errPanic: ErrorKind = sdk(111222, 'panic');
