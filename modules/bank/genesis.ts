// SPDX-License-Identifier: Apache-2.0
import { formatAddress, parseAddress } from '../../core/address.ts';
import { compareBytes, equalBytes } from '../../core/bytes.ts';
import { type Coin, formatCoins, MAX_AMOUNT, parseCoins, toProtoCoin } from '../../core/coin.ts';
import type { ChainConfig } from '../../core/context.ts';
import { asObject, type Json, type JsonObject } from '../../core/json.ts';
import type { GenesisHooks } from '../../core/module.ts';
import { fromProtoJson, toProtoJson } from '../../core/protojson.ts';
import { type Balance, GenesisState, type Metadata, type Params, type SendEnabled } from '../../proto/gen/cosmos.bank.v1beta1.ts';
import { ensureAccount } from '../auth/index.ts';
import { setBalance, sumOfBalances } from './keeper.ts';
import * as state from './state.ts';
import { checkMetadata, checkSendEnabled, DEFAULT_PARAMS, equalCoins, sumCoins } from './types.ts';

const PATH = 'app_state.bank';

interface BankGenesis {
  readonly params: Params;
  readonly balances: readonly { readonly address: Uint8Array; readonly coins: readonly Coin[] }[];
  readonly metadata: readonly Metadata[];
  readonly sendEnabled: readonly SendEnabled[];
}

function parse(json: Json, chain: ChainConfig): BankGenesis {
  const g = fromProtoJson(GenesisState, asObject(json, PATH), PATH);
  if (g.params === undefined) throw new Error(`${PATH}.params: required`);
  if (g.params.sendEnabled.length > 0) throw new Error(`${PATH}.params.send_enabled: deprecated; use ${PATH}.send_enabled`);
  const balances = g.balances.map((b, i) => ({
    address: parseAddress(b.address, chain.addressPrefix, `${PATH}.balances[${i}].address`),
    coins: parseCoins(b.coins, `${PATH}.balances[${i}].coins`),
  }));
  const sum = sumCoins(balances.map((b) => b.coins));
  // Above it a payment to one account could fail in a hook, where nothing may.
  const most = sum.find((c) => c.amount > MAX_AMOUNT);
  if (most !== undefined) throw new Error(`${PATH}.balances: the sum of ${most.denom} exceeds 2^255-1`);
  const supply = parseCoins(g.supply, `${PATH}.supply`);
  // An empty supply is computed, as genesis tools leave it out.
  if (supply.length > 0 && !equalCoins(supply, sum)) {
    throw new Error(`${PATH}.supply: ${formatCoins(supply)} is not the sum of the balances, ${formatCoins(sum)}`);
  }
  balances.sort((a, b) => compareBytes(a.address, b.address));
  balances.forEach(({ address }, i) => {
    const before = balances[i - 1];
    if (before !== undefined && equalBytes(before.address, address))
      throw new Error(`${PATH}.balances: ${formatAddress(address, chain.addressPrefix)} stands twice`);
  });
  const metadata = g.denomMetadata.map((m, i) => checkMetadata(m, `${PATH}.denom_metadata[${i}]`));
  if (new Set(metadata.map((m) => m.base)).size !== metadata.length) throw new Error(`${PATH}.denom_metadata: a base denomination stands twice`);
  return { params: g.params, balances, metadata, sendEnabled: checkSendEnabled(g.sendEnabled, `${PATH}.send_enabled`) };
}

/** `app_state.bank` of a new chain: no balances; metadata of the bond denomination when it has the usual `u` prefix. */
export function defaultGenesis(chain: ChainConfig): JsonObject {
  const display = chain.bondDenom.slice(1);
  const named = /^u[a-z][a-zA-Z0-9]{2,}$/.test(chain.bondDenom);
  const metadata: Metadata = {
    description: `The staking and payment token of ${chain.addressPrefix}`,
    denomUnits: [
      { denom: chain.bondDenom, exponent: 0, aliases: [] },
      { denom: display, exponent: 6, aliases: [] },
    ],
    base: chain.bondDenom,
    display,
    name: display,
    symbol: display.toUpperCase(),
    uri: '',
    uriHash: '',
  };
  const g: GenesisState = { params: DEFAULT_PARAMS, balances: [], supply: [], denomMetadata: named ? [metadata] : [], sendEnabled: [] };
  return asObject(toProtoJson(GenesisState, g), PATH);
}

export const genesis: GenesisHooks = {
  validate: (json, chain) => {
    parse(json, chain);
  },
  init(ctx, json) {
    const g = parse(json, ctx.chain);
    state.params.set(ctx, g.params);
    for (const { address, coins } of g.balances) {
      for (const { denom, amount } of coins) setBalance(ctx, address, denom, 0n, amount);
      // Whoever owns coins can sign, also when the list of accounts forgot them.
      ensureAccount(ctx, address);
    }
    for (const { denom, amount } of sumOfBalances(ctx)) state.supply.set(ctx, denom, amount);
    for (const m of g.metadata) state.metadata.set(ctx, m.base, m);
    for (const s of g.sendEnabled) state.sendEnabled.set(ctx, s.denom, s.enabled);
    return [];
  },
  export(ctx) {
    const owners: { readonly address: Uint8Array; readonly coins: Coin[] }[] = [];
    for (const [[address, denom], amount] of state.balances.entries(ctx)) {
      const last = owners.at(-1);
      if (last !== undefined && equalBytes(last.address, address)) last.coins.push({ denom, amount });
      else owners.push({ address, coins: [{ denom, amount }] });
    }
    const balances: Balance[] = owners.map((o) => ({ address: formatAddress(o.address, ctx.chain.addressPrefix), coins: o.coins.map(toProtoCoin) }));
    return toProtoJson(GenesisState, {
      params: state.params.need(ctx),
      balances,
      supply: [...state.supply.entries(ctx)].map(([denom, amount]) => toProtoCoin({ denom, amount })),
      denomMetadata: [...state.metadata.entries(ctx)].map(([, m]) => m),
      sendEnabled: [...state.sendEnabled.entries(ctx)].map(([denom, enabled]) => ({ denom, enabled })),
    });
  },
};
