// SPDX-License-Identifier: Apache-2.0
// Messages that bond and unbond.
import { equalBytes } from '../../core/bytes.ts';
import { type Coin, parseCoin } from '../../core/coin.ts';
import type { Context } from '../../core/context.ts';
import type { Coin as ProtoCoin } from '../../proto/gen/cosmos.base.v1beta1.ts';
import type {
  Miner,
  MsgBondMiner,
  MsgBondVerifier,
  MsgUnbondMiner,
  MsgUnbondMinerResponse,
  MsgUnbondVerifier,
  MsgUnbondVerifierResponse,
  Verifier,
} from '../../proto/gen/pogo.v1.ts';
import { possessionMessage } from './attestation.ts';
import { type Bonded, MINER, type Role, setBonded, startUnbonding, VERIFIER, withBond } from './bonds.ts';
import { errDuplicate, errInvalidField, errInvalidSignature, errLimit } from './errors.ts';
import { emitBonded, emitUnbonding } from './events.ts';
import { takeIn } from './funds.ts';
import { getParams } from './keeper.ts';
import * as state from './state.ts';
import { amountOf, bytesOf, coinOf } from './types.ts';

function bondCoin(ctx: Context, coin: ProtoCoin | undefined): Coin {
  const parsed = parseCoin(coin, 'amount', { zero: true });
  const { bondDenom } = getParams(ctx);
  if (parsed.denom !== bondDenom) throw errLimit(`amount.denom: must be ${bondDenom}`);
  return parsed;
}

function addBond<T extends Bonded>(ctx: Context, role: Role<T>, who: T, address: Uint8Array, amount: Coin): void {
  takeIn(ctx, address, amount.denom, amount.amount);
  const next = withBond(ctx, role, who, amount.amount);
  setBonded(ctx, role, next);
  emitBonded(ctx, role.name, next.address, amount.amount, amountOf(next.bond));
}

export function bondMiner(ctx: Context, msg: MsgBondMiner): Record<never, never> {
  const address = bytesOf(ctx, msg.miner, 'miner');
  const amount = bondCoin(ctx, msg.amount);
  const before = state.miners.get(ctx, address);
  if (before === undefined && amount.amount === 0n) throw errInvalidField('amount: a first bond must be positive');
  const fresh: Miner = {
    address: msg.miner,
    bond: coinOf(amount.denom, 0n),
    bondedHeight: ctx.block.height,
    endpoint: '',
    moniker: '',
    roundsWon: 0n,
    commits: 0n,
    earned: '0',
    slashed: '0',
  };
  const who = before ?? fresh;
  addBond(ctx, MINER, { ...who, endpoint: msg.endpoint || who.endpoint, moniker: msg.moniker || who.moniker }, address, amount);
  return {};
}

/** The key is proven once and fixed: a second key would be a second draw. */
function newVerifier(ctx: Context, msg: MsgBondVerifier, address: Uint8Array): Verifier {
  if (msg.blsKey.length === 0) throw errInvalidField('bls_key: is required with the first bond');
  if (state.blsKeys.has(ctx, msg.blsKey)) throw errDuplicate('bls_key: it serves another verifier');
  ctx.gas.consume(getParams(ctx).gasPerBls, 'BLS verification');
  if (!ctx.crypto.verifyBls(msg.blsKey, possessionMessage(msg.blsKey, address), msg.blsProof))
    throw errInvalidSignature('bls_proof: does not prove the possession of bls_key by this verifier');
  state.blsKeys.set(ctx, msg.blsKey, true);
  return {
    address: msg.verifier,
    bond: coinOf(getParams(ctx).bondDenom, 0n),
    bondedHeight: ctx.block.height,
    endpoint: '',
    moniker: '',
    blsKey: msg.blsKey,
    outUntil: 0n,
    attestations: 0n,
    earned: '0',
    slashed: '0',
  };
}

export function bondVerifier(ctx: Context, msg: MsgBondVerifier): Record<never, never> {
  const address = bytesOf(ctx, msg.verifier, 'verifier');
  const amount = bondCoin(ctx, msg.amount);
  const before = state.verifiers.get(ctx, address);
  if (before === undefined && amount.amount === 0n) throw errInvalidField('amount: a first bond must be positive');
  if (before !== undefined && msg.blsKey.length > 0 && !equalBytes(msg.blsKey, before.blsKey))
    throw errInvalidField('bls_key: it is fixed by the first bond');
  const who = before ?? newVerifier(ctx, msg, address);
  addBond(ctx, VERIFIER, { ...who, endpoint: msg.endpoint || who.endpoint, moniker: msg.moniker || who.moniker }, address, amount);
  return {};
}

function unbond<T extends Bonded>(ctx: Context, role: Role<T>, text: string, coin: ProtoCoin | undefined): bigint {
  const amount = bondCoin(ctx, coin);
  const releaseHeight = startUnbonding(ctx, role, bytesOf(ctx, text, role.name), amount.amount);
  emitUnbonding(ctx, role.name, text, amount.amount, releaseHeight);
  return releaseHeight;
}

export function unbondMiner(ctx: Context, msg: MsgUnbondMiner): MsgUnbondMinerResponse {
  return { releaseHeight: unbond(ctx, MINER, msg.miner, msg.amount) };
}

export function unbondVerifier(ctx: Context, msg: MsgUnbondVerifier): MsgUnbondVerifierResponse {
  return { releaseHeight: unbond(ctx, VERIFIER, msg.verifier, msg.amount) };
}
