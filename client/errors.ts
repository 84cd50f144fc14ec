// SPDX-License-Identifier: Apache-2.0
// What can go wrong between a client and a node. Every error says what was asked of whom.

/** A bad argument, flag, file or field; the text names it and the rule. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The node could not be reached, did not answer in time, or answered something that is no JSON-RPC. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** The node's RPC refused the request itself (bad parameter, unknown height, full mempool). */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: string;
  constructor(method: string, code: number, message: string, data: string) {
    super(`${method}: ${message}${data === '' ? '' : `: ${data}`}`);
    this.code = code;
    this.data = data;
  }
}

/** The application refused a query. Code 22 and 38 of codespace sdk are "not found". */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly codespace: string;
  readonly code: number;
  readonly log: string;
  constructor(path: string, codespace: string, code: number, log: string) {
    super(`${path}: ${log} (${codespace}/${code})`);
    this.codespace = codespace;
    this.code = code;
    this.log = log;
  }
}

/** A transaction was refused on arrival (`where` is check) or failed in its block (deliver). */
export class TxFailedError extends Error {
  override readonly name = 'TxFailedError';
  readonly where: 'check' | 'deliver';
  readonly codespace: string;
  readonly code: number;
  readonly log: string;
  /** Upper-case hexadecimal. */
  readonly hash: string;
  constructor(where: 'check' | 'deliver', hash: string, result: { readonly codespace: string; readonly code: number; readonly log: string }) {
    super(`transaction ${hash} failed in ${where}: ${result.log} (${result.codespace}/${result.code})`);
    this.where = where;
    this.hash = hash;
    this.codespace = result.codespace;
    this.code = result.code;
    this.log = result.log;
  }
}

/** The transaction was sent, but whether it is or will be in a block is not known: look for `hash` before doing anything else. */
export class TxUnknownError extends Error {
  override readonly name = 'TxUnknownError';
  readonly hash: string;
  constructor(hash: string, why: string) {
    super(`transaction ${hash}: ${why}`);
    this.hash = hash;
  }
}

/** The height after which the transaction could no longer be included has passed, and no block contains it. */
export class TxExpiredError extends Error {
  override readonly name = 'TxExpiredError';
  readonly hash: string;
  constructor(hash: string, height: bigint) {
    super(`transaction ${hash}: not included by its timeout height ${height}`);
    this.hash = hash;
  }
}
