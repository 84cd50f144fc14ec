// SPDX-License-Identifier: Apache-2.0
// The first validators: their transactions are executed at InitChain as any other, signature and all.
import type { Context } from '../../core/context.ts';
import { TxError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Module } from '../../core/module.ts';
import { createRouter, type Router } from '../../core/router.ts';
import { decodeTx } from '../../core/tx.ts';
import { CREATE_VALIDATOR, type GenutilOptions, PATH, parseGenTxs } from './types.ts';

export { CREATE_VALIDATOR, type GenutilOptions, genTxBytes } from './types.ts';

const NO_PRICES: ReadonlyMap<string, bigint> = new Map();

function run(options: GenutilOptions, router: Router, ctx: Context, bytes: Uint8Array): void {
  const tx = decodeTx(router, bytes);
  const [message, second] = tx.messages;
  if (message === undefined || second !== undefined || message.any.typeUrl !== CREATE_VALIDATOR) {
    throw new Error(`must hold exactly one message, ${CREATE_VALIDATOR}`);
  }
  message.handler.validate(message.value, ctx.chain);
  options.ante(ctx, tx, { minGasPrices: NO_PRICES });
  message.handler.handle(ctx, message.value);
}

/** `app_state.genutil` of a new chain. */
export function defaultGenutilGenesis(): JsonObject {
  return { gen_txs: [] };
}

/** The module that executes genesis transactions; it comes after all modules that they touch. */
export function createGenutil(options: GenutilOptions): Module {
  const router = createRouter([{ messages: options.messages.filter((m) => m.typeUrl === CREATE_VALIDATOR), queries: [] }]);
  return {
    name: 'genutil',
    stores: [],
    messages: [],
    queries: [],
    genesis: {
      validate: (json) => {
        parseGenTxs(json);
      },
      init(ctx, json) {
        const txs = parseGenTxs(json);
        txs.forEach((bytes, i) => {
          try {
            run(options, router, ctx, bytes);
          } catch (error) {
            if (!(error instanceof Error)) throw error;
            const code = error instanceof TxError ? ` (${error.codespace}/${error.code})` : '';
            throw new Error(`${PATH}.gen_txs[${i}]: ${error.message}${code}`);
          }
        });
        return txs.length === 0 ? [] : options.validatorUpdates(ctx);
      },
      // What they did is in the validators' export by then.
      export: () => defaultGenutilGenesis(),
    },
  };
}
