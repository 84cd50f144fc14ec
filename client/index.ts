// SPDX-License-Identifier: Apache-2.0
// Everything of the client library that others may use.
export type { AbciQueryResult, Block, BlockResults, BroadcastResult, ChainEvent, IndexedTx, NodeStatus, TxOutcome } from './answers.ts';
export { ConnectionError, QueryError, RpcError, TxExpiredError, TxFailedError, TxUnknownError, UsageError } from './errors.ts';
export { type Account, createQueries, isNotFound, type Queries, type QueryMethod, queryMethod } from './query.ts';
export { createPogoAminoConverters, createPogoAminoTypes, createPogoRegistry, generatedType, pogoTypes } from './registry.ts';
export { createRpc, httpUrl, type QueryOptions, type Rpc, type RpcOptions, sleep } from './rpc.ts';
export { addressOf, createSigner, DEFAULT_HD_PATH, newMnemonic, privateKeyOf, type Signer } from './signer.ts';
export { type Fee, feeFor, type GasPrice, hashOf, parseGasPrice, type SignedTx, signDocBytes, signTx, type TxContent, toAny } from './signing.ts';
export { createTxSender, responseOf, type SenderOptions, type SendOptions, type TxResult, type TxSender } from './tx.ts';
