// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../../core/json.ts';
import { chainState } from '../../modules/chain/index.ts';
import { modules } from '../../modules/index.ts';
import { transitionContext } from './context.ts';

/** What the modules export right after they started from this genesis. */
export function reexport(appState: JsonObject): JsonObject {
  const ctx = transitionContext();
  chainState.start(ctx, undefined);
  for (const m of modules) {
    m.genesis.validate(appState[m.name] ?? null, ctx.chain);
    m.genesis.init(ctx, appState[m.name] ?? null);
  }
  return Object.fromEntries(modules.map((m) => [m.name, m.genesis.export(ctx)]));
}
