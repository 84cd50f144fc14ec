// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../core/bytes.ts';
import { ONE } from '../../../core/dec.ts';
import { getBalance, getSupply } from '../../../modules/bank/index.ts';
import { BONDED_POOL, slash, validatorByConsensusAddress } from '../../../modules/staking/index.ts';
import * as state from '../../../modules/staking/state.ts';
import { BondStatus } from '../../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Any } from '../../../proto/gen/google.protobuf.ts';
import { CHAIN, consensusKey, type Signer } from '../../helpers/fixture.ts';
import { create, delegate, redelegate, StakeWorld, undelegate } from '../../helpers/stakeworld.ts';

const TEN = 10_000_000n;
type Cast = readonly [Signer, Signer, Signer, Signer, Signer, Signer];
const world = (staking: Record<string, string | number> = {}): { readonly w: StakeWorld; readonly cast: Cast } => {
  const w = new StakeWorld({ staking });
  return { w, cast: w.accounts as unknown as Cast };
};
const accept = (w: StakeWorld, ...messages: Any[]): void => {
  for (const refusal of w.block(messages).refused) assert.equal(refusal, undefined, refusal?.message);
};
const tokens = (w: StakeWorld, who: Signer): bigint => BigInt(w.validator(who)?.tokens ?? -1);
/** A slash of the double signer's kind, as slashing asks for it. */
const punish = (w: StakeWorld, key: string, height: bigint, power: bigint, fraction = ONE / 20n): bigint =>
  slash(w.context(), { address: fromHex(consensusKey(key).address), height, power, fraction });

test('slashes moved stake at its new validator, in the pool of that validator', () => {
  const { w, cast } = world();
  const [a, b, , d] = cast;
  accept(w, create(b, '1', TEN), delegate(d, a, TEN));
  const infraction = w.height;
  accept(w, redelegate(d, a, b, 4_000_000n));
  const supply = getSupply(w.context('query'), CHAIN.bondDenom);
  const pool = getBalance(w.context('query'), BONDED_POOL.address, CHAIN.bondDenom);
  // 5 % of 20: 0.2 of what moved, the rest of what stayed.
  assert.equal(punish(w, '0', infraction, 20n), 800_000n);
  assert.equal(tokens(w, a), 2n * TEN - 4_000_000n - 800_000n);
  assert.equal(tokens(w, b), TEN + 4_000_000n - 200_000n);
  assert.equal(getSupply(w.context('query'), CHAIN.bondDenom), supply - 1_000_000n);
  assert.equal(getBalance(w.context('query'), BONDED_POOL.address, CHAIN.bondDenom), pool - 1_000_000n);
});

test('asks what unbonds from the new validator before what is delegated there', () => {
  const { w, cast } = world();
  const [a, b, , d] = cast;
  accept(w, create(b, '1', TEN), delegate(d, a, TEN));
  const infraction = w.height;
  accept(w, redelegate(d, a, b, 4_000_000n));
  accept(w, undelegate(d, b, 3_900_000n));
  assert.equal(punish(w, '0', infraction, 20n), 800_000n);
  const [, u] = [...state.unbondings.entries(w.context('query'))][0] ?? [];
  assert.equal(u?.entries[0]?.balance, '3700000');
  assert.equal(tokens(w, b), TEN + 100_000n);
});

test('slashes what began to unbond at or after the fault, and nothing that left before', () => {
  const { w, cast } = world();
  accept(w, undelegate(cast[0], cast[0], 1_000_000n));
  accept(w, undelegate(cast[0], cast[0], 1_000_000n));
  assert.equal(punish(w, '0', w.height, 9n), 450_000n);
  w.block();
  assert.equal(punish(w, '0', w.height - 1n, 8n), 350_000n);
  const [, u] = [...state.unbondings.entries(w.context('query'))][0] ?? [];
  assert.deepEqual(
    u?.entries.map((e) => e.balance),
    ['1000000', '950000'],
  );
});

test('slashes no more than there is, and nobody who is unknown, gone or free', () => {
  const { w, cast } = world({ unbonding_time: '5s' });
  accept(w, create(cast[1], '1', TEN));
  assert.equal(punish(w, 'nobody', w.height, 10n), 0n);
  assert.equal(punish(w, '1', w.height, 1000n, ONE), TEN);
  accept(w, create(cast[2], '2', TEN));
  accept(w, undelegate(cast[2], cast[2], TEN - 1n));
  w.block([], { seconds: 10n });
  assert.equal(w.validator(cast[2])?.status, BondStatus.BOND_STATUS_UNBONDED);
  assert.equal(punish(w, '2', w.height, 10n), 0n);
  accept(w, undelegate(cast[2], cast[2], 1n));
  assert.equal(w.validator(cast[2]), undefined);
  assert.equal(punish(w, '2', w.height, 10n), 0n);
});

test('takes a defect of the caller for one', () => {
  const { w } = world();
  assert.throws(() => punish(w, '0', 5n, 10n), RangeError);
  assert.throws(() => punish(w, '0', 0n, 10n, ONE + 1n), RangeError);
  assert.throws(() => punish(w, '0', 0n, 10n, -1n), RangeError);
});

test('a key stays with the operator that used it first, also when the validator is gone', () => {
  const { w, cast } = world({ unbonding_time: '5s' });
  accept(w, create(cast[1], '1', TEN));
  accept(w, undelegate(cast[1], cast[1], TEN));
  w.block([], { seconds: 10n });
  assert.equal(w.validator(cast[1]), undefined);
  const address = fromHex(consensusKey('1').address);
  assert.equal(validatorByConsensusAddress(w.context(), address), undefined);
  assert.equal(w.block([create(cast[2], '1', TEN)]).refused[0]?.code, 5);
  accept(w, create(cast[1], 'other', TEN));
  // The operator is back, but its old key must not lead to the new stake.
  assert.equal(validatorByConsensusAddress(w.context(), address), undefined);
  assert.equal(punish(w, '1', w.height, 10n), 0n);
});
