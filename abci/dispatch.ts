// SPDX-License-Identifier: Apache-2.0
// One ABCI request to one call of the application and its answer. The table has exactly the kinds of
// tendermint.abci.Request: a kind that the descriptor gains does not compile until it is answered here.
import type { Application } from '../core/application.ts';
import { decode } from '../core/codec.ts';
import * as abci from '../proto/gen/tendermint.abci.ts';
import type { Input } from '../proto/message.ts';
import type { CommitGate } from './gate.ts';

export type Kind = keyof abci.Request;
export type RequestOf<K extends Kind> = NonNullable<abci.Request[K]>;
export type ResponseOf<K extends Kind> = Input<NonNullable<abci.Response[K]>>;

/** A request that no application is asked: unknown, empty, more than one, or not protobuf. The peer is at fault. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
}

/** An answer that CometBFT would die of; the application is at fault and the node stops with a better text. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

export interface Driver {
  readonly app: Application;
  readonly gate: CommitGate;
}

type Handler<K extends Kind> = (driver: Driver, request: RequestOf<K>) => ResponseOf<K> | Promise<ResponseOf<K>>;
// Exclude: a plain union, so that the mapped type does not take over the optional marks of Request.
type Handlers = { readonly [K in Exclude<Kind, never>]: Handler<K> };

/** Zero is UNKNOWN in every status of ABCI, and CometBFT panics or aborts on it. */
function known<T extends { readonly status: number } | { readonly result: number }>(name: string, answer: T): T {
  if (('status' in answer ? answer.status : answer.result) === 0) throw new AnswerError(`${name}: the application answered UNKNOWN`);
  return answer;
}

function finalizeBlock(app: Application, request: abci.RequestFinalizeBlock): abci.ResponseFinalizeBlock {
  const answer = app.finalizeBlock(request);
  if (answer.txResults.length !== request.txs.length)
    throw new AnswerError(`FinalizeBlock: ${answer.txResults.length} results for ${request.txs.length} transactions`);
  return answer;
}

/** Answers of committed state need not wait for a commit in progress; all others would see half of it. */
const HANDLERS: Handlers = {
  echo: (_, { message }) => ({ message }),
  flush: () => ({}),
  query: ({ app }, request) => app.query(request),
  listSnapshots: ({ app }, request) => app.listSnapshots(request),
  loadSnapshotChunk: ({ app }, request) => app.loadSnapshotChunk(request),
  info: ({ app, gate }, request) => gate.between(() => app.info(request)),
  initChain: ({ app, gate }, request) => gate.between(() => app.initChain(request)),
  checkTx: ({ app, gate }, request) => gate.between(() => app.checkTx(request)),
  prepareProposal: ({ app, gate }, request) => gate.between(() => app.prepareProposal(request)),
  processProposal: ({ app, gate }, request) => gate.between(() => known('ProcessProposal', app.processProposal(request))),
  extendVote: ({ app, gate }, request) => gate.between(() => app.extendVote(request)),
  verifyVoteExtension: ({ app, gate }, request) => gate.between(() => known('VerifyVoteExtension', app.verifyVoteExtension(request))),
  finalizeBlock: ({ app, gate }, request) => gate.between(() => finalizeBlock(app, request)),
  offerSnapshot: ({ app, gate }, request) => gate.between(() => known('OfferSnapshot', app.offerSnapshot(request))),
  applySnapshotChunk: ({ app, gate }, request) => gate.between(() => known('ApplySnapshotChunk', app.applySnapshotChunk(request))),
  commit: ({ app, gate }) => gate.commit(() => app.commit()),
};

/** Every kind of request, in the order of the table above. */
export const KINDS: readonly Kind[] = Object.keys(HANDLERS) as Kind[];

/** Answers one request of a known kind. What it throws is a defect of the application: the node has to stop. */
export function handle<K extends Kind>(driver: Driver, kind: K, request: RequestOf<K>): ResponseOf<K> | Promise<ResponseOf<K>> {
  const handler: Handler<K> = HANDLERS[kind];
  return handler(driver, request);
}

/** The kind of a request. Throws RequestError when none is set: an unknown field, or no bytes at all. */
export function kindOf(request: abci.Request): Kind {
  const kind = KINDS.find((k) => request[k] !== undefined);
  if (kind === undefined) throw new RequestError('request: of no kind that ABCI 0.38 knows');
  return kind;
}

/** The request in the bytes of one frame. Throws RequestError on anything else. */
export function decodeRequest(bytes: Uint8Array): abci.Request {
  try {
    return decode(abci.Request, bytes);
  } catch (error) {
    throw new RequestError(`request: ${error instanceof Error ? error.message : 'not a protobuf message'}`);
  }
}
