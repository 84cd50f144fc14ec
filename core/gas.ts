// SPDX-License-Identifier: Apache-2.0
// Gas: what a transaction may cost every node. The table's values live in the state, see modules/chain.
import { errOutOfGas } from './errors.ts';
import type { Entry, Range, ReadStore, WriteStore } from './store.ts';

/** Costs of state access (cosmos-sdk store/types/gas.go, KVGasConfig) and of a transaction's fixed parts. */
export interface GasTable {
  readonly hasCost: bigint;
  readonly deleteCost: bigint;
  readonly readCostFlat: bigint;
  readonly readCostPerByte: bigint;
  readonly writeCostFlat: bigint;
  readonly writeCostPerByte: bigint;
  readonly iterNextCostFlat: bigint;
  /** Of each transaction, and of each of its messages: decoding, routing, hashing, events. */
  readonly txCostFlat: bigint;
  readonly messageCostFlat: bigint;
  /** Of each change of a delegation: what the end of the block does for it. */
  readonly stakeCostFlat: bigint;
}

/**
 * The genesis default: state access as in cosmos-sdk 0.53. Its handlers read the same accounts and parameters many times
 * over; the flat parts stand for that, so that wallets' usual gas limits fit.
 */
export const DEFAULT_GAS_TABLE: GasTable = {
  hasCost: 1000n,
  deleteCost: 1000n,
  readCostFlat: 1000n,
  readCostPerByte: 3n,
  writeCostFlat: 2000n,
  writeCostPerByte: 30n,
  iterNextCostFlat: 30n,
  txCostFlat: 15_000n,
  messageCostFlat: 10_000n,
  stakeCostFlat: 15_000n,
};

export interface GasMeter {
  readonly used: bigint;
  readonly limit: bigint;
  /** Throws TxError sdk/11 when the limit is passed; what was used stays used. */
  consume(amount: bigint, reason: string): void;
}

/** More than any transaction can use. */
export const MAX_GAS: bigint = (1n << 64n) - 1n;

/** A meter that stops at `limit`. */
export function limitedMeter(limit: bigint): GasMeter {
  let used = 0n;
  return {
    limit,
    get used() {
      return used;
    },
    consume(amount, reason) {
      used += amount;
      if (used > limit) throw errOutOfGas(`out of gas in location: ${reason}; gasWanted: ${limit}, gasUsed: ${used}`);
    },
  };
}

/** A meter that counts only: block hooks, genesis, queries. */
export function freeMeter(): GasMeter {
  return limitedMeter(MAX_GAS);
}

/** A view of `store` that charges `gas`. */
export function meteredStore(store: WriteStore, gas: GasMeter, table: GasTable): WriteStore {
  return {
    get(key) {
      gas.consume(table.readCostFlat, 'ReadFlat');
      const value = store.get(key);
      gas.consume(table.readCostPerByte * BigInt(key.length + (value?.length ?? 0)), 'ReadPerByte');
      return value;
    },
    has(key) {
      gas.consume(table.hasCost, 'Has');
      return store.has(key);
    },
    set(key, value) {
      gas.consume(table.writeCostFlat, 'WriteFlat');
      gas.consume(table.writeCostPerByte * BigInt(key.length + value.length), 'WritePerByte');
      store.set(key, value);
    },
    delete(key) {
      gas.consume(table.deleteCost, 'Delete');
      store.delete(key);
    },
    iterate: (range) => meteredIteration(store, gas, table, range),
  };
}

function* meteredIteration(store: ReadStore, gas: GasMeter, table: GasTable, range?: Range): IterableIterator<Entry> {
  for (const entry of store.iterate(range)) {
    gas.consume(table.iterNextCostFlat, 'IterNextFlat');
    gas.consume(table.readCostPerByte * BigInt(entry[0].length + entry[1].length), 'ReadPerByte');
    yield entry;
  }
}
