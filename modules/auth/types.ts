// SPDX-License-Identifier: Apache-2.0
// Accounts as they are kept and as clients read them (cosmos.auth.v1beta1).
import { formatAddress, moduleAddress } from '../../core/address.ts';
import { toHex } from '../../core/bytes.ts';
import { decode, encode } from '../../core/codec.ts';
import { CorruptStateError } from '../../core/errors.ts';
import { BaseAccount, ModuleAccount, type Params } from '../../proto/gen/cosmos.auth.v1beta1.ts';
import { PubKey } from '../../proto/gen/cosmos.crypto.secp256k1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';

export const SECP256K1_URL = '/cosmos.crypto.secp256k1.PubKey';
const BASE_URL = `/${BaseAccount.typeName}`;
const MODULE_URL = `/${ModuleAccount.typeName}`;

export interface Account {
  /** bech32 with the chain's prefix. */
  readonly address: string;
  /** Compressed secp256k1 key, once it has signed. */
  readonly publicKey: Uint8Array | undefined;
  readonly number: bigint;
  readonly sequence: bigint;
  /** Present for accounts that a module holds; nobody can sign for them. */
  readonly module: { readonly name: string; readonly permissions: readonly string[] } | undefined;
}

/** An account that a module holds: its name, address and what the bank lets it do. */
export interface ModuleHolder {
  readonly name: string;
  readonly address: Uint8Array;
  readonly permissions: readonly string[];
}

const holders = new Map<string, ModuleHolder>();

/** Declares an account of a module, at load time; its address accepts no ordinary payments. Throws on a second declaration. */
export function declareModuleAccount(name: string, permissions: readonly string[] = []): ModuleHolder {
  const holder = { name, address: moduleAddress(name), permissions };
  const key = toHex(holder.address);
  if (holders.has(key)) throw new Error(`auth: the module account ${name} is declared twice`);
  holders.set(key, holder);
  return holder;
}

/** The module account at an address, if any. */
export function moduleHolderAt(address: Uint8Array): ModuleHolder | undefined {
  return holders.get(toHex(address));
}

/** All declared module accounts in order of name. */
export function moduleHolders(): readonly ModuleHolder[] {
  return [...holders.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where fees go. */
export const FEE_COLLECTOR: ModuleHolder = declareModuleAccount('fee_collector');

/** cosmos-sdk x/auth/types/params.go, DefaultParams. */
export const DEFAULT_PARAMS: Params = {
  maxMemoCharacters: 256n,
  txSigLimit: 7n,
  txSizeCostPerByte: 10n,
  sigVerifyCostEd25519: 590n,
  sigVerifyCostSecp256k1: 1000n,
};

/** Throws Error naming the field that breaks a rule. */
export function checkParams(p: Params | undefined, path: string): Params {
  if (p === undefined) throw new Error(`${path}: required`);
  if (p.maxMemoCharacters < 1n) throw new Error(`${path}.max_memo_characters: must be positive`);
  if (p.txSigLimit < 1n) throw new Error(`${path}.tx_sig_limit: must be positive`);
  if (p.txSizeCostPerByte < 1n) throw new Error(`${path}.tx_size_cost_per_byte: must be positive`);
  if (p.sigVerifyCostEd25519 < 1n) throw new Error(`${path}.sig_verify_cost_ed25519: must be positive`);
  if (p.sigVerifyCostSecp256k1 < 1n) throw new Error(`${path}.sig_verify_cost_secp256k1: must be positive`);
  return p;
}

/** A compressed secp256k1 key as `Any`. */
export function publicKeyAny(key: Uint8Array): Any {
  return { typeUrl: SECP256K1_URL, value: encode(PubKey, { key }) };
}

/** Account as clients read it. */
export function toAny(account: Account): Any {
  const { address, publicKey, number, sequence, module } = account;
  const base = { address, accountNumber: number, sequence, ...(publicKey === undefined ? {} : { pubKey: publicKeyAny(publicKey) }) };
  if (module === undefined) return { typeUrl: BASE_URL, value: encode(BaseAccount, base) };
  return { typeUrl: MODULE_URL, value: encode(ModuleAccount, { baseAccount: base, name: module.name, permissions: module.permissions }) };
}

/** Account of its `Any`; throws CorruptStateError for what is neither a base nor a module account with a secp256k1 key. */
export function fromAny(any: Any): Account {
  const module = any.typeUrl === MODULE_URL ? decode(ModuleAccount, any.value) : undefined;
  if (module === undefined && any.typeUrl !== BASE_URL) throw new CorruptStateError(`auth: an account of type ${any.typeUrl}`);
  const base = module === undefined ? decode(BaseAccount, any.value) : module.baseAccount;
  if (base === undefined) throw new CorruptStateError(`auth: module account ${module?.name} without base account`);
  if (base.pubKey !== undefined && base.pubKey.typeUrl !== SECP256K1_URL) throw new CorruptStateError(`auth: a key of type ${base.pubKey.typeUrl}`);
  return {
    address: base.address,
    publicKey: base.pubKey === undefined ? undefined : decode(PubKey, base.pubKey.value).key,
    number: base.accountNumber,
    sequence: base.sequence,
    module: module === undefined ? undefined : { name: module.name, permissions: module.permissions },
  };
}

/** A fresh account. */
export function newAccount(address: Uint8Array, prefix: string, number: bigint, holder?: ModuleHolder): Account {
  return {
    address: formatAddress(address, prefix),
    publicKey: undefined,
    number,
    sequence: 0n,
    module: holder === undefined ? undefined : { name: holder.name, permissions: holder.permissions },
  };
}
