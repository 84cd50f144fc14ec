// SPDX-License-Identifier: Apache-2.0
import { formatAddress, parseAddress } from '../../core/address.ts';
import type { ChainConfig } from '../../core/context.ts';
import { asObject, type Json, type JsonObject } from '../../core/json.ts';
import type { GenesisHooks } from '../../core/module.ts';
import { fromProtoJson, toProtoJson } from '../../core/protojson.ts';
import { GenesisState, type Params, type ValidatorMissedBlocks, type ValidatorSigningInfo } from '../../proto/gen/cosmos.slashing.v1beta1.ts';
import { missedIndexes, setMissed } from './bitmap.ts';
import * as state from './state.ts';
import { checkParams, DEFAULT_PARAMS } from './types.ts';

const PATH = 'app_state.slashing';

interface SlashingGenesis {
  readonly params: Params;
  readonly infos: readonly { readonly address: Uint8Array; readonly info: ValidatorSigningInfo; readonly missed: readonly bigint[] }[];
}

/** Missed blocks by address; throws Error naming field and rule. */
function checkMissed(lists: readonly ValidatorMissedBlocks[], window: bigint): ReadonlyMap<string, readonly bigint[]> {
  const byAddress = new Map<string, readonly bigint[]>();
  lists.forEach(({ address, missedBlocks }, i) => {
    const path = `${PATH}.missed_blocks[${i}]`;
    if (byAddress.has(address)) throw new Error(`${path}.address: ${address.slice(0, 100)} stands twice`);
    const indexes = missedBlocks.filter((b) => b.missed).map((b) => b.index);
    if (indexes.some((n) => n < 0n || n >= window)) throw new Error(`${path}.missed_blocks: indexes must lie within the window of ${window}`);
    if (new Set(indexes).size !== indexes.length) throw new Error(`${path}.missed_blocks: an index stands twice`);
    byAddress.set(address, indexes);
  });
  return byAddress;
}

function parse(json: Json, chain: ChainConfig): SlashingGenesis {
  const g = fromProtoJson(GenesisState, asObject(json, PATH), PATH);
  const params = checkParams(g.params, `${PATH}.params`);
  const missed = checkMissed(g.missedBlocks, params.signedBlocksWindow);
  const seen = new Set<string>();
  const infos = g.signingInfos.map(({ address: text, validatorSigningInfo: info }, i) => {
    const path = `${PATH}.signing_infos[${i}]`;
    const address = parseAddress(text, chain.addressPrefix, `${path}.address`, 'valcons');
    if (seen.has(text)) throw new Error(`${path}.address: ${text} stands twice`);
    seen.add(text);
    if (info === undefined) throw new Error(`${path}.validator_signing_info: required`);
    if (info.address !== text) throw new Error(`${path}.validator_signing_info.address: must be ${text}`);
    if (info.startHeight < 0n || info.indexOffset < 0n)
      throw new Error(`${path}.validator_signing_info: start_height and index_offset must not be negative`);
    const own = missed.get(text) ?? [];
    if (info.missedBlocksCounter !== BigInt(own.length))
      throw new Error(`${path}.validator_signing_info.missed_blocks_counter: must be ${own.length}, the number of missed_blocks`);
    return { address, info, missed: own };
  });
  const stranger = [...missed.keys()].find((address) => !seen.has(address));
  if (stranger !== undefined) throw new Error(`${PATH}.missed_blocks: ${stranger.slice(0, 100)} is none of the signing_infos`);
  return { params, infos };
}

/** `app_state.slashing` of a new chain. */
export function defaultGenesis(): JsonObject {
  return asObject(toProtoJson(GenesisState, { params: DEFAULT_PARAMS, signingInfos: [], missedBlocks: [] }), PATH);
}

export const genesis: GenesisHooks = {
  validate: (json, chain) => {
    parse(json, chain);
  },
  init(ctx, json) {
    const g = parse(json, ctx.chain);
    state.params.set(ctx, g.params);
    for (const { address, info, missed } of g.infos) {
      state.infos.set(ctx, address, info);
      for (const index of missed) setMissed(ctx, address, index, true);
    }
    return [];
  },
  export(ctx) {
    const infos = [...state.infos.entries(ctx)].map(([bytes, info]) => ({
      address: formatAddress(bytes, ctx.chain.addressPrefix, 'valcons'),
      info,
      missed: missedIndexes(ctx, bytes).map((index) => ({ index, missed: true })),
    }));
    return toProtoJson(GenesisState, {
      params: state.params.need(ctx),
      signingInfos: infos.map(({ address, info }) => ({ address, validatorSigningInfo: info })),
      missedBlocks: infos.map(({ address, missed }) => ({ address, missedBlocks: missed })),
    });
  },
};
