// SPDX-License-Identifier: Apache-2.0
import { accountAddress, parseAddress } from '../../core/address.ts';
import { equalBytes } from '../../core/bytes.ts';
import { decodeStrict } from '../../core/codec.ts';
import type { Context } from '../../core/context.ts';
import { asObject, type Json, type JsonObject } from '../../core/json.ts';
import type { GenesisHooks } from '../../core/module.ts';
import { fromProtoJson, toProtoJson } from '../../core/protojson.ts';
import type { Params } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { BaseAccount, GenesisState, ModuleAccount } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { setAccount } from './keeper.ts';
import * as state from './state.ts';
import { type Account, checkParams, DEFAULT_PARAMS, fromAny, moduleHolderAt, SECP256K1_URL, toAny } from './types.ts';

const PATH = 'app_state.auth';

function parseAccount(any: Any, prefix: string, path: string): Account {
  const url = any.typeUrl;
  if (url !== `/${BaseAccount.typeName}` && url !== `/${ModuleAccount.typeName}`)
    throw new Error(`${path}.@type: ${url} is not supported; expected BaseAccount or ModuleAccount`);
  const base = url === `/${BaseAccount.typeName}` ? decodeStrict(BaseAccount, any.value) : decodeStrict(ModuleAccount, any.value).baseAccount;
  if (base === undefined) throw new Error(`${path}.base_account: required`);
  if (base.pubKey !== undefined && base.pubKey.typeUrl !== SECP256K1_URL)
    throw new Error(`${path}.pub_key: ${base.pubKey.typeUrl} is not supported; expected ${SECP256K1_URL}`);
  const address = parseAddress(base.address, prefix, `${path}.address`);
  const account = fromAny(any);
  const holder = moduleHolderAt(address);
  if (holder?.name !== account.module?.name) {
    throw new Error(
      `${path}.address: ${base.address} ${holder === undefined ? `is not the account of a module ${account.module?.name}` : `belongs to the module ${holder.name}`}`,
    );
  }
  return account;
}

function parse(json: Json, prefix: string): { readonly params: Params; readonly accounts: readonly Account[] } {
  const g = fromProtoJson(GenesisState, asObject(json, PATH), PATH);
  const accounts = g.accounts.map((any, i) => parseAccount(any, prefix, `${PATH}.accounts[${i}]`));
  const seen = new Set<string>();
  accounts.forEach((a, i) => {
    if (seen.has(a.address)) throw new Error(`${PATH}.accounts[${i}].address: ${a.address} stands twice`);
    seen.add(a.address);
  });
  return { params: checkParams(g.params, `${PATH}.params`), accounts };
}

/** Numbers as given; accounts that share one keep it in order of the list, the later ones get the next free (SanitizeGenesisAccounts). */
function numbered(accounts: readonly Account[]): readonly Account[] {
  const ordered = accounts
    .map((account, i) => ({ account, i }))
    .sort((a, b) => (a.account.number === b.account.number ? a.i - b.i : a.account.number < b.account.number ? -1 : 1));
  const given = new Set(accounts.map((a) => a.number));
  const taken = new Set<bigint>();
  let free = 0n;
  return ordered.map(({ account }) => {
    let number = account.number;
    if (taken.has(number)) {
      while (given.has(free) || taken.has(free)) free++;
      number = free;
    }
    taken.add(number);
    return { ...account, number };
  });
}

function checkKey(ctx: Context, account: Account): void {
  if (account.publicKey === undefined) return;
  const own = accountAddress(account.publicKey, ctx.crypto.ripemd160);
  if (!equalBytes(own, parseAddress(account.address, ctx.chain.addressPrefix)))
    throw new Error(`${PATH}.accounts: the pub_key of ${account.address} belongs to another address`);
}

/** `app_state.auth` of a new chain. */
export function defaultGenesis(): JsonObject {
  return asObject(toProtoJson(GenesisState, { params: DEFAULT_PARAMS, accounts: [] }), PATH);
}

export const genesis: GenesisHooks = {
  validate: (json, chain) => {
    parse(json, chain.addressPrefix);
  },
  init(ctx, json) {
    const g = parse(json, ctx.chain.addressPrefix);
    state.params.set(ctx, g.params);
    const accounts = numbered(g.accounts);
    let next = 0n;
    for (const account of accounts) {
      checkKey(ctx, account);
      setAccount(ctx, parseAddress(account.address, ctx.chain.addressPrefix), account, true);
      if (account.number >= next) next = account.number + 1n;
    }
    state.nextNumber.set(ctx, next);
    return [];
  },
  export(ctx) {
    const accounts: Account[] = [];
    for (const [, address] of state.byNumber.entries(ctx)) {
      const account = state.accounts.get(ctx, address);
      if (account !== undefined) accounts.push(account);
    }
    return toProtoJson(GenesisState, { params: state.params.need(ctx), accounts: accounts.map(toAny) });
  },
};
