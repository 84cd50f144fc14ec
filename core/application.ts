// SPDX-License-Identifier: Apache-2.0
// The application as its drivers see it: abci/ over sockets, tests over a mock consensus. Every method answers or
// throws; a throw means that the node must stop (CorruptStateError or a defect), never that the input was bad.
import type * as abci from '../proto/gen/tendermint.abci.ts';

export interface Application {
  info(request: abci.RequestInfo): abci.ResponseInfo;
  /** Repeatable: nothing is durable before the first commit. */
  initChain(request: abci.RequestInitChain): abci.ResponseInitChain;
  checkTx(request: abci.RequestCheckTx): abci.ResponseCheckTx;
  query(request: abci.RequestQuery): abci.ResponseQuery;
  prepareProposal(request: abci.RequestPrepareProposal): abci.ResponsePrepareProposal;
  processProposal(request: abci.RequestProcessProposal): abci.ResponseProcessProposal;
  extendVote(request: abci.RequestExtendVote): abci.ResponseExtendVote;
  verifyVoteExtension(request: abci.RequestVerifyVoteExtension): abci.ResponseVerifyVoteExtension;
  /** In memory only; may come again for the same height after the node alone restarted. */
  finalizeBlock(request: abci.RequestFinalizeBlock): abci.ResponseFinalizeBlock;
  /** One atomic synced write; the only method that waits. No other consensus call arrives before it ends. */
  commit(): Promise<abci.ResponseCommit>;
  listSnapshots(request: abci.RequestListSnapshots): abci.ResponseListSnapshots;
  offerSnapshot(request: abci.RequestOfferSnapshot): abci.ResponseOfferSnapshot;
  loadSnapshotChunk(request: abci.RequestLoadSnapshotChunk): abci.ResponseLoadSnapshotChunk;
  applySnapshotChunk(request: abci.RequestApplySnapshotChunk): abci.ResponseApplySnapshotChunk;
  /** Whole state as genesis `app_state`, canonical. */
  exportGenesis(): { readonly appState: unknown; readonly height: bigint };
  close(): Promise<void>;
}
