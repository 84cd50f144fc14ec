// SPDX-License-Identifier: Apache-2.0
// What belongs to the whole chain: protocol version, gas table, consensus parameters, address prefix, bond denomination.
import { checkDenom } from '../../core/coin.ts';
import type { GasTable } from '../../core/gas.ts';
import { asObject, type Json, type JsonObject } from '../../core/json.ts';
import { fromProtoJson, toProtoJson } from '../../core/protojson.ts';
import { GenesisState } from '../../proto/gen/pogo.chain.v1.ts';
import type { ConsensusParams } from '../../proto/gen/tendermint.types.ts';

/** Consensus parameters of a chain whose node gives none (CometBFT 0.38 types/params.go, DefaultConsensusParams). */
export const DEFAULT_CONSENSUS_PARAMS: ConsensusParams = {
  block: { maxBytes: 4_194_304n, maxGas: -1n },
  evidence: { maxAgeNumBlocks: 100_000n, maxAgeDuration: { seconds: 172_800n, nanos: 0 }, maxBytes: 1_048_576n },
  validator: { pubKeyTypes: ['ed25519'] },
  version: { app: 0n },
  abci: { voteExtensionsEnableHeight: 0n },
};

/** Genesis of a checked form. */
export interface ChainGenesis {
  readonly version: { readonly app: bigint; readonly height: bigint };
  readonly gasTable: GasTable;
  readonly consensusParams: ConsensusParams | undefined;
  readonly addressPrefix: string;
  readonly bondDenom: string;
}

const PREFIX = /^[a-z][a-z0-9]{1,29}$/;

/** Parses `app_state.chain`; throws Error naming field and rule. */
export function parseGenesis(json: Json, path = 'app_state.chain'): ChainGenesis {
  const g = fromProtoJson(GenesisState, asObject(json, path), path);
  if (g.version === undefined) throw new Error(`${path}.version: required`);
  if (g.version.app < 1n) throw new Error(`${path}.version.app: must be at least 1`);
  if (g.gasTable === undefined) throw new Error(`${path}.gas_table: required`);
  if (!PREFIX.test(g.addressPrefix))
    throw new Error(`${path}.address_prefix: expected 2 to 30 lower-case letters or digits, beginning with a letter`);
  checkDenom(g.bondDenom, `${path}.bond_denom`);
  const p = g.consensusParams;
  if (p !== undefined && !complete(p)) throw new Error(`${path}.consensus_params: block, evidence, validator, version and abci are all required`);
  return { version: g.version, gasTable: g.gasTable, consensusParams: p, addressPrefix: g.addressPrefix, bondDenom: g.bondDenom };
}

function complete(p: ConsensusParams): boolean {
  return (
    p.block !== undefined && p.evidence?.maxAgeDuration !== undefined && p.validator !== undefined && p.version !== undefined && p.abci !== undefined
  );
}

/** JSON of a genesis. */
export function genesisJson(g: ChainGenesis): JsonObject {
  return asObject(toProtoJson(GenesisState, g), 'app_state.chain');
}

/** Every sub-message present, so that none is zeroed when CometBFT replaces its own by these. */
export function fillParams(params: ConsensusParams | undefined, app: bigint): ConsensusParams {
  const d = DEFAULT_CONSENSUS_PARAMS;
  return {
    block: params?.block ?? d.block,
    evidence: params?.evidence ?? d.evidence,
    validator: params?.validator ?? d.validator,
    version: { app },
    abci: params?.abci ?? d.abci,
  };
}
