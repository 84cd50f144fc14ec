// SPDX-License-Identifier: Apache-2.0
// One transaction against one overlay: decode, ante, messages. What each part wrote is applied or dropped as a whole.
import { TxMsgData } from '../proto/gen/cosmos.base.abci.v1beta1.ts';
import type { ExecTxResult } from '../proto/gen/tendermint.abci.ts';
import { encode } from './codec.ts';
import type { BlockInfo, ChainConfig, Context, Mode } from './context.ts';
import type { Crypto } from './crypto.ts';
import { CorruptStateError, errInternal, TxError } from './errors.ts';
import { type Event, event } from './events.ts';
import { type GasMeter, type GasTable, limitedMeter, MAX_GAS, meteredStore } from './gas.ts';
import type { Overlay } from './overlay.ts';
import type { Router } from './router.ts';
import type { WriteStore } from './store.ts';
import { type DecodedTx, decodeTx } from './tx.ts';

/** Checks and charges before the messages run: size, fee, sequence, signatures (modules/auth). Throws TxError. */
export type Ante = (ctx: Context, tx: DecodedTx, options: AnteOptions) => void;

export interface AnteOptions {
  /** Prices that this node asks for at CheckTx only, in 10^-18 of a unit per gas, by denomination. */
  readonly minGasPrices: ReadonlyMap<string, bigint>;
}

/** What stays the same for all transactions of a block. */
export interface Environment {
  readonly router: Router;
  readonly ante: Ante;
  readonly crypto: Crypto;
  readonly chain: ChainConfig;
  readonly gasTable: GasTable;
  readonly block: BlockInfo;
  readonly minGasPrices: ReadonlyMap<string, bigint>;
  /** Told of exceptions that no rule foresaw. */
  onInternalError(error: unknown, tx: Uint8Array): void;
}

/** Context of a transition over `overlay`. */
export function createContext(
  env: Pick<Environment, 'chain' | 'block' | 'crypto' | 'gasTable'>,
  overlay: Overlay,
  mode: Mode,
  gas: GasMeter,
  metered = false,
): Context {
  const stores = new Map<string, WriteStore>();
  return {
    mode,
    gas,
    chain: env.chain,
    block: env.block,
    crypto: env.crypto,
    store(name) {
      if (!metered) return overlay.store(name);
      let store = stores.get(name);
      if (store === undefined) {
        store = meteredStore(overlay.store(name), gas, env.gasTable);
        stores.set(name, store);
      }
      return store;
    },
    emit: (e) => overlay.emit(e),
  };
}

function indexed(events: readonly Event[], msgIndex: number): Event[] {
  return events.map((e) => ({ type: e.type, attributes: [...e.attributes, { key: 'msg_index', value: String(msgIndex), index: true }] }));
}

function runMessages(
  env: Environment,
  tx: DecodedTx,
  overlay: Overlay,
  mode: Mode,
  gas: GasMeter,
): { readonly data: Uint8Array; readonly events: Event[] } {
  const layer = overlay.fork();
  const events: Event[] = [];
  const msgResponses = tx.messages.map((m, i) => {
    const ctx = createContext(env, layer, mode, gas, true);
    const sender = m.handler.signers(m.value)[0] ?? '';
    layer.emit(event('message', { action: m.handler.typeUrl, sender, module: m.handler.typeUrl.split('.')[1] ?? '' }));
    const response = m.handler.handle(ctx, m.value);
    events.push(...indexed(layer.takeEvents(), i));
    return { typeUrl: `/${m.handler.response.typeName}`, value: encode(m.handler.response, response) };
  });
  layer.apply(overlay);
  return { data: encode(TxMsgData, { msgResponses }), events };
}

export interface TxOutcome extends ExecTxResult {
  /** Present when the bytes could be decoded. */
  readonly tx?: DecodedTx;
}

function failure(env: Environment, error: unknown, bytes: Uint8Array): Pick<ExecTxResult, 'code' | 'codespace' | 'log'> {
  if (error instanceof CorruptStateError) throw error;
  if (error instanceof TxError) return { code: error.code, codespace: error.codespace, log: error.message };
  env.onInternalError(error, bytes);
  const internal = errInternal('');
  return { code: internal.code, codespace: internal.codespace, log: internal.message };
}

const EMPTY = new Uint8Array(0);

/**
 * Runs transaction bytes. In check modes only the ante runs; in simulation everything runs and the caller drops the
 * overlay, and the gas limit of the transaction does not count. `gasLeft` is what the block, or the simulation, has left
 * (undefined: no limit). Never throws but for CorruptStateError.
 */
export function executeTx(env: Environment, overlay: Overlay, bytes: Uint8Array, mode: Mode, gasLeft?: bigint): TxOutcome {
  const base = { data: EMPTY, info: '', gasWanted: 0n, gasUsed: 0n, events: [] as Event[] };
  let tx: DecodedTx;
  try {
    tx = decodeTx(env.router, bytes);
  } catch (error) {
    return { ...base, ...failure(env, error, bytes) };
  }
  const most = mode === 'simulate' ? MAX_GAS : tx.gasLimit;
  const gas = limitedMeter(gasLeft !== undefined && gasLeft < most ? gasLeft : most);
  const gasWanted = clampInt64(most);
  let events: Event[] = [];
  try {
    const anteLayer = overlay.fork();
    env.ante(createContext(env, anteLayer, mode, gas, true), tx, { minGasPrices: env.minGasPrices });
    // Behind the signatures, so that a wallet's unsupported sign mode is named before anything in its messages.
    for (const m of tx.messages) m.handler.validate(m.value, env.chain);
    events = anteLayer.takeEvents();
    anteLayer.apply(overlay);
    if (mode === 'check' || mode === 'recheck')
      return { ...base, tx, code: 0, codespace: '', log: '', gasWanted, gasUsed: clampInt64(gas.used), events };
    const ran = runMessages(env, tx, overlay, mode, gas);
    return {
      ...base,
      tx,
      code: 0,
      codespace: '',
      log: '',
      data: ran.data,
      gasWanted,
      gasUsed: clampInt64(gas.used),
      events: [...events, ...ran.events],
    };
  } catch (error) {
    return { ...base, tx, ...failure(env, error, bytes), gasWanted, gasUsed: clampInt64(gas.used), events };
  }
}

/** Results carry gas as int64. */
function clampInt64(gas: bigint): bigint {
  const max = (1n << 63n) - 1n;
  return gas > max ? max : gas;
}
