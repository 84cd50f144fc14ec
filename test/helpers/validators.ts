// SPDX-License-Identifier: Apache-2.0
// A chain whose validators come from genesis transactions, as a real one's do.

import { decode } from '../../core/codec.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { toProtoJson } from '../../core/protojson.ts';
import * as staking from '../../proto/gen/cosmos.staking.v1beta1.ts';
import { AuthInfo, Tx, TxBody, TxRaw } from '../../proto/gen/cosmos.tx.v1beta1.ts';
import type { Any } from '../../proto/gen/google.protobuf.ts';
import { CHAIN, type ConsensusKey, consensusKey, genesisOf, message, type Signer, type SignOptions, sign, signer } from './fixture.ts';
import { MockComet, type MockOptions } from './mockcomet.ts';

/** 10^18: one, as decimals travel. */
const tenth = (n: number): string => (BigInt(n) * 10n ** 17n).toString();

export interface Validator {
  readonly operator: Signer;
  readonly key: ConsensusKey;
}

/** The message that makes a validator of `tokens`. */
export function createValidator({ operator, key }: Validator, tokens: bigint, change: Partial<staking.MsgCreateValidator> = {}): Any {
  return message(staking.MsgCreateValidator, {
    description: { moniker: key.address.slice(0, 8), identity: '', website: '', securityContact: '', details: '' },
    commission: { rate: tenth(1), maxRate: tenth(2), maxChangeRate: tenth(1) },
    minSelfDelegation: '1',
    delegatorAddress: operator.address,
    validatorAddress: operator.operator,
    pubkey: key.any,
    value: { denom: CHAIN.bondDenom, amount: tokens.toString() },
    ...change,
  });
}

/** A transaction in the JSON of genesis files. */
export function txJson(bytes: Uint8Array): Json {
  const raw = decode(TxRaw, bytes);
  return toProtoJson(Tx, { body: decode(TxBody, raw.bodyBytes), authInfo: decode(AuthInfo, raw.authInfoBytes), signatures: raw.signatures });
}

/** A genesis transaction: account number 0, sequence 0, no fee. */
export function genTx(validator: Validator, tokens: bigint, options: SignOptions = {}, change: Partial<staking.MsgCreateValidator> = {}): Json {
  return txJson(sign({ ...validator.operator, number: 0n, sequence: 0n }, [createValidator(validator, tokens, change)], { fee: 0n, ...options }));
}

export interface ValidatorFixture {
  readonly comet: MockComet;
  readonly validators: readonly Validator[];
  /** Ordinary accounts behind those of the validators. */
  readonly accounts: readonly Signer[];
}

export const STAKE = 100_000_000n;
export const FUNDS = 1_000_000_000_000n;

export interface ValidatorOptions extends Partial<MockOptions> {
  readonly validators?: number;
  readonly accounts?: number;
  /** Tokens of each validator; STAKE for those that it leaves out. */
  readonly stakes?: readonly bigint[];
  /** Changes the genesis before the start. */
  readonly adjust?: (appState: JsonObject) => JsonObject;
}

/** Keys of the validators and accounts of `validatorFixture`. */
export function cast(validators: number, accounts: number): Pick<ValidatorFixture, 'validators' | 'accounts'> {
  const made = Array.from({ length: validators }, (_, i) => ({ operator: signer(`validator ${i}`, BigInt(i)), key: consensusKey(`${i}`) }));
  return { validators: made, accounts: Array.from({ length: accounts }, (_, i) => signer(`${i}`, BigInt(validators + i))) };
}

/** The genesis of such a chain. */
export function validatorGenesis(
  { validators, accounts }: Pick<ValidatorFixture, 'validators' | 'accounts'>,
  stakes: readonly bigint[] = [],
): JsonObject {
  const base = genesisOf([...validators.map((v) => v.operator), ...accounts], FUNDS);
  return { ...base, genutil: { gen_txs: validators.map((v, i) => genTx(v, stakes[i] ?? STAKE)) } };
}

/** A chain with that many validators (one unless told) and accounts (three unless told). */
export function validatorFixture(options: ValidatorOptions = {}): ValidatorFixture {
  const { validators: count = 1, accounts: others = 3, stakes, adjust, ...mock } = options;
  const { validators, accounts } = cast(count, others);
  const appState = validatorGenesis({ validators, accounts }, stakes);
  const comet = new MockComet({ chainId: CHAIN.chainId, appState: adjust === undefined ? appState : adjust(appState), ...mock });
  // Their genesis transactions used sequence 0.
  for (const v of validators) v.operator.sequence = 1n;
  return { comet, validators, accounts };
}
