// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { ONE } from '../../../core/dec.ts';
import { toTimestamp } from '../../../core/time.ts';
import { getBalance } from '../../../modules/bank/index.ts';
import { applyValidatorSetUpdates, slash } from '../../../modules/staking/index.ts';
import { sharesFromTokens, withoutShares, withTokens } from '../../../modules/staking/shares.ts';
import * as state from '../../../modules/staking/state.ts';
import { fromProto, MAX_POWER, operatorAccount, powerOf, type Validator } from '../../../modules/staking/types.ts';
import * as pb from '../../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Any } from '../../../proto/gen/google.protobuf.ts';
import { CHAIN, consensusKey, message, type Signer, signer } from '../../helpers/fixture.ts';
import { GENESIS_TIME } from '../../helpers/mockcomet.ts';
import { cancel, coin, create, delegate, FUNDS, redelegate, StakeWorld, undelegate } from '../../helpers/stakeworld.ts';

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
const owns = (w: StakeWorld, who: Signer): bigint => getBalance(w.context('query'), who.bytes, CHAIN.bondDenom);
/** A slash of the double signer's kind, as slashing asks for it. */
const punish = (w: StakeWorld, key: string, height: bigint, power: bigint, fraction = ONE / 20n): bigint =>
  slash(w.context(), { address: fromHex(consensusKey(key).address), height, power, fraction });

test('keeps the bytes of its keys', () => {
  const [a, b, c] = [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4)];
  const time = toHex(new TextEncoder().encode('2026-01-01T00:00:00.000000005'));
  const hex = (map: { readonly prefix: Uint8Array }, key: Uint8Array): string => toHex(map.prefix) + toHex(key);
  assert.equal(hex(state.lastPowers, state.lastPowers.key.encode(a)), '11020102');
  assert.equal(hex(state.validators, state.validators.key.encode(a)), '21020102');
  assert.equal(hex(state.operators, state.operators.key.encode(a)), '22020102');
  assert.equal(hex(state.ranking, state.ranking.key.encode([5n, a])), '23000000000000000502fefd');
  assert.equal(hex(state.delegations, state.delegations.key.encode([a, b])), '310201020103');
  assert.equal(hex(state.unbondings, state.unbondings.key.encode([a, b])), '320201020103');
  assert.equal(hex(state.unbondingsByValidator, state.unbondingsByValidator.key.encode([b, a])), '330103020102');
  assert.equal(hex(state.redelegations, state.redelegations.key.encode([a, b, c])), '3402010201030104');
  assert.equal(hex(state.redelegationsBySource, state.redelegationsBySource.key.encode([b, a, c])), '3501030201020104');
  assert.equal(hex(state.redelegationsByDestination, state.redelegationsByDestination.key.encode([c, a, b])), '3601040201020103');
  assert.equal(hex(state.unbondingQueue, state.unbondingQueue.key.encode([GENESIS_TIME + 5n, [a, b]])), `41${time}0201020103`);
  assert.equal(hex(state.validatorQueue, state.validatorQueue.key.encode([GENESIS_TIME + 5n, a])), `43${time}020102`);
  assert.equal(hex(state.history, state.history.key.encode(7n)), '500000000000000007');
  assert.equal(hex(state.delegationsByValidator, state.delegationsByValidator.key.encode([b, a])), '710103020102');
  assert.deepEqual(state.ranking.key.decode(fromHex('23000000000000000502fefd'), 1)[0], [5n, a]);
  assert.deepEqual(state.unbondingQueue.key.decode(fromHex(`41${time}0201020103`), 1)[0], [GENESIS_TIME + 5n, [a, b]]);
});

const someone = signer('world 1');
const rates = (rate: bigint, maxRate: bigint, maxChangeRate: bigint): pb.CommissionRates => ({
  rate: rate.toString(),
  maxRate: maxRate.toString(),
  maxChangeRate: maxChangeRate.toString(),
});
const text = (length: number): string => 'x'.repeat(length);
const describe = (change: Partial<pb.Description>): pb.Description => ({
  moniker: 'm',
  identity: '',
  website: '',
  securityContact: '',
  details: '',
  ...change,
});
const BAD_CREATE: readonly (readonly [sentence: string, change: Partial<pb.MsgCreateValidator>, code: string])[] = [
  ['without a key', { pubkey: undefined }, 'staking/39'],
  ['with a key of another type', { pubkey: { typeUrl: '/cosmos.crypto.secp256k1.PubKey', value: consensusKey('n').any.value } }, 'staking/6'],
  ['with a key of 31 bytes', { pubkey: { ...consensusKey('n').any, value: Uint8Array.of(10, 31, ...new Uint8Array(31)) } }, 'staking/6'],
  ['with the key of another validator', { pubkey: consensusKey('0').any }, 'staking/5'],
  ['without description', { description: describe({ moniker: '' }) }, 'sdk/18'],
  ['with a moniker of 71 bytes', { description: describe({ moniker: text(71) }) }, 'sdk/18'],
  ['with details of 281 bytes', { description: describe({ details: text(281) }) }, 'sdk/18'],
  ['without commission', { commission: undefined }, 'sdk/18'],
  ['with a commission that is no number', { commission: { ...rates(0n, ONE, 0n), rate: '0.1' } }, 'sdk/18'],
  ['with a negative maximum', { commission: rates(0n, -1n, 0n) }, 'staking/9'],
  ['with a maximum above one', { commission: rates(0n, ONE + 1n, 0n) }, 'staking/10'],
  ['with a negative rate', { commission: rates(-1n, ONE, 0n) }, 'staking/9'],
  ['with a rate above its maximum', { commission: rates(2n, 1n, 0n) }, 'staking/11'],
  ['with a negative change', { commission: rates(0n, ONE, -1n) }, 'staking/13'],
  ['with a change above its maximum', { commission: rates(0n, 1n, 2n) }, 'staking/14'],
  ['with a rate below the minimum of all', { commission: rates(ONE / 100n - 1n, ONE, 0n) }, 'staking/40'],
  ['with a minimum self-delegation of zero', { minSelfDelegation: '0' }, 'sdk/18'],
  ['with a minimum self-delegation that is no number', { minSelfDelegation: 'much' }, 'sdk/10'],
  ['with less than its minimum self-delegation', { minSelfDelegation: (TEN + 1n).toString() }, 'staking/16'],
  ['with another denomination', { value: { denom: 'uatom', amount: '5' } }, 'sdk/18'],
  ['with nothing', { value: coin(0n) }, 'sdk/10'],
  ['with more than the operator owns', { value: coin(FUNDS + 1n) }, 'sdk/5'],
  ['under an account address', { validatorAddress: someone.address }, 'sdk/7'],
  ['for an operator that has one', { validatorAddress: signer('world 0').operator }, 'staking/4'],
];
for (const [sentence, change, code] of BAD_CREATE) {
  test(`refuses a validator ${sentence}`, () => {
    const { w, cast } = world({ min_commission_rate: '0.010000000000000000' });
    const [refusal] = w.block([create(cast[1], 'n', TEN, change)]).refused;
    assert.equal(`${refusal?.codespace}/${refusal?.code}`, code, refusal?.message);
  });
}

test('a message of a validator is signed by the account of its operator', () => {
  assert.equal(operatorAccount(someone.operator), someone.address);
  for (const bad of ['', 'x', someone.address, someone.operator.slice(0, -1), 'valoper1qqqq'])
    assert.throws(() => operatorAccount(bad), /validator_address/);
});

const edit = (who: Signer, change: Partial<pb.MsgEditValidator>): Any =>
  message(pb.MsgEditValidator, { description: describe({}), validatorAddress: who.operator, commissionRate: '', minSelfDelegation: '', ...change });

test('changes what a validator says of itself, and leaves what it is asked to leave', () => {
  const { w, cast } = world();
  accept(w, edit(cast[0], { description: describe({ moniker: '[do-not-modify]', website: 'example.org' }) }));
  assert.deepEqual([w.validator(cast[0])?.description?.moniker, w.validator(cast[0])?.description?.website], ['0', 'example.org']);
  accept(w, edit(cast[0], { minSelfDelegation: '7' }));
  assert.equal(w.validator(cast[0])?.minSelfDelegation, '7');
});

test('changes a commission once a day, within its limits', () => {
  const { w, cast } = world();
  const rate = (r: bigint): Any => edit(cast[0], { commissionRate: r.toString() });
  const code = (messages: Any[], seconds = 1n): (number | undefined)[] => w.block(messages, { seconds }).refused.map((e) => e?.code);
  assert.deepEqual(code([rate(ONE / 5n)]), [12]);
  assert.deepEqual(code([rate(ONE / 5n), rate(ONE / 5n)], 86_400n), [undefined, 12]);
  assert.equal(w.validator(cast[0])?.commission?.commissionRates?.rate, (ONE / 5n).toString());
  assert.deepEqual(code([rate(ONE + 1n), rate(-1n)], 86_400n), [18, 18]);
  assert.deepEqual(code([edit(cast[0], { minSelfDelegation: '1' }), edit(cast[0], { minSelfDelegation: (TEN + 1n).toString() })]), [17, 16]);
  assert.deepEqual(code([edit(cast[3], {})]), [3]);
});

test('a validator of less than one unit of power stays outside the set', () => {
  const { w, cast } = world();
  const { updates } = w.block([create(cast[1], '1', 999_999n)]);
  assert.deepEqual(updates, []);
  assert.equal(w.validator(cast[1])?.status, pb.BondStatus.BOND_STATUS_UNBONDED);
  assert.deepEqual(
    w.block([delegate(cast[2], cast[1], 1n)]).updates.map((u) => u.power),
    [1n],
  );
});

test('of equal powers the lower operator comes first, and the set is no larger than allowed', () => {
  const { w, cast } = world({ max_validators: 2 });
  accept(w, create(cast[1], '1', TEN), create(cast[2], '2', TEN), create(cast[3], '3', TEN));
  const operators = cast.slice(0, 4).sort((a, b) => (toHex(a.bytes) < toHex(b.bytes) ? -1 : 1));
  const bonded = cast.slice(0, 4).filter((who) => w.validator(who)?.status === pb.BondStatus.BOND_STATUS_BONDED);
  assert.deepEqual(new Set(bonded), new Set(operators.slice(0, 2)));
  assert.equal(w.sets.get(w.height + 2n)?.size, 2);
});

test('no stake gives more power than CometBFT can count', () => {
  assert.equal(powerOf(1_999_999n), 1n);
  assert.equal(powerOf(1n << 250n), MAX_POWER);
  assert.ok(MAX_POWER * 10_000n <= (1n << 63n) / 8n);
});

test('gives back what was asked for, or one token less where shares have a fraction', () => {
  const { w, cast } = world({ unbonding_time: '5s' });
  accept(w, delegate(cast[1], cast[0], 7_000_003n));
  assert.equal(punish(w, '0', w.height, 17n, ONE / 100n), 170_000n);
  w.block();
  const before = owns(w, cast[1]);
  accept(w, undelegate(cast[1], cast[0], 100n), undelegate(cast[1], cast[0], 333_331n));
  w.block([], { seconds: 5n });
  assert.equal(owns(w, cast[1]), before + 333_431n - 1n);
});

interface Step {
  readonly Op: 'add' | 'remove' | 'slash';
  readonly Amount: string;
  readonly Shares: string;
  readonly Paid: string;
  readonly Tokens: string;
  readonly Total: string;
}

test('gives shares and tokens as the SDK does, over forty random histories of a validator', () => {
  const runs = JSON.parse(readFileSync(new URL('../../vectors/staking/vectors.json', import.meta.url), 'utf8')) as readonly (readonly Step[])[];
  const { w, cast } = world();
  const one = w.validator(cast[0]);
  assert.ok(one !== undefined);
  for (const [i, steps] of runs.entries()) {
    let v: Validator = { ...fromProto(one), tokens: 0n, shares: 0n };
    for (const { Op, Amount, Shares, Paid, Tokens, Total } of steps) {
      let [shares, paid] = [0n, 0n];
      if (Op === 'add') [v, shares] = withTokens(v, BigInt(Amount));
      else if (Op === 'slash') v = { ...v, tokens: v.tokens - BigInt(Amount) };
      else {
        shares = sharesFromTokens(v, BigInt(Amount));
        [v, paid] = withoutShares(v, shares);
      }
      assert.deepEqual([shares, paid, v.tokens, v.shares].map(String), [Shares, Paid, Tokens, Total], `history ${i}: ${Op} ${Amount}`);
    }
  }
});

test('the last share takes all that is left, and an empty validator goes when its time is over', () => {
  const { w, cast } = world({ unbonding_time: '5s' });
  accept(w, create(cast[1], '1', 3_000_001n));
  punish(w, '1', w.height, 3n, ONE / 3n);
  accept(w, undelegate(cast[1], cast[1], tokens(w, cast[1])));
  assert.deepEqual([w.validator(cast[1])?.delegatorShares, w.validator(cast[1])?.tokens], ['0', '0']);
  w.block([], { seconds: 4n });
  assert.equal(w.validator(cast[1])?.status, pb.BondStatus.BOND_STATUS_UNBONDING);
  w.block([], { seconds: 1n });
  assert.equal(w.validator(cast[1]), undefined);
  assert.equal(owns(w, cast[1]), FUNDS - 999_999n);
});

test('gives no new shares where no token stands behind the old ones', () => {
  const { w, cast } = world();
  accept(w, create(cast[1], '1', TEN));
  assert.equal(punish(w, '1', w.height, 10n, ONE), TEN);
  const code = (m: Any): number | undefined => w.block([m]).refused[0]?.code;
  assert.equal(code(delegate(cast[2], cast[1], 5n)), 34);
  assert.equal(code(undelegate(cast[1], cast[1], 5n)), 22);
  assert.equal(w.validator(cast[1])?.status, pb.BondStatus.BOND_STATUS_UNBONDING);
});

test('jails an operator that keeps less than its minimum self-delegation', () => {
  const { w, cast } = world();
  accept(w, create(cast[1], '1', TEN, { minSelfDelegation: '5000000' }), delegate(cast[2], cast[1], TEN));
  accept(w, undelegate(cast[1], cast[1], 5_000_000n));
  assert.equal(w.validator(cast[1])?.jailed, false);
  accept(w, undelegate(cast[1], cast[1], 1n));
  assert.equal(w.validator(cast[1])?.jailed, true);
});

test('unbonds at most seven times at once, counting all of one block as one', () => {
  const { w, cast } = world();
  accept(w, ...Array.from({ length: 9 }, () => undelegate(cast[0], cast[0], 1n)));
  for (let i = 1; i < 7; i++) accept(w, undelegate(cast[0], cast[0], 1n));
  assert.equal(w.block([undelegate(cast[0], cast[0], 1n)]).refused[0]?.code, 27);
  const [, u] = [...state.unbondings.entries(w.context('query'))][0] ?? [];
  assert.deepEqual(
    u?.entries.map((e) => e.balance),
    ['9', '1', '1', '1', '1', '1', '1'],
  );
});

test('cancels part and rest of an unbonding, and nothing that is not there', () => {
  const { w, cast } = world({ unbonding_time: '5s' });
  accept(w, undelegate(cast[0], cast[0], 1_000_000n));
  const at = w.height;
  const codes = w.block([cancel(cast[0], cast[0], 1_000_001n, at), cancel(cast[0], cast[0], 1n, at + 1n), cancel(cast[1], cast[0], 1n, at)]).refused;
  assert.deepEqual(
    codes.map((e) => `${e?.codespace}/${e?.code}`),
    ['sdk/18', 'sdk/38', 'sdk/22'],
  );
  accept(w, cancel(cast[0], cast[0], 400_000n, at), cancel(cast[0], cast[0], 600_000n, at));
  assert.equal(tokens(w, cast[0]), TEN);
  const before = owns(w, cast[0]);
  w.block([], { seconds: 10n });
  assert.equal(owns(w, cast[0]), before);
});

test('refuses to redelegate in circles, in chains, to nobody, or more often than allowed', () => {
  const { w, cast } = world();
  const [a, b, c, d] = cast;
  accept(w, create(b, '1', TEN), create(c, '2', TEN), delegate(d, a, TEN));
  const code = (m: Any): number | undefined => w.block([m]).refused[0]?.code;
  assert.equal(code(redelegate(d, a, a, 5n)), 29);
  assert.equal(code(redelegate(d, a, cast[5], 5n)), 31);
  assert.equal(code(redelegate(d, a, b, 1_000_000n)), undefined);
  assert.equal(code(redelegate(d, b, c, 1n)), 32);
  for (let i = 0; i < 6; i++) assert.equal(code(redelegate(d, a, b, 1n)), undefined);
  assert.equal(code(redelegate(d, a, b, 1n)), 33);
});

test('keeps the last set while nobody can be elected, and lets it go when somebody can', () => {
  const { w, cast } = world({ unbonding_time: '5s' });
  const all = undelegate(cast[0], cast[0], TEN);
  assert.deepEqual(w.block([all]).updates, []);
  w.block([], { seconds: 20n });
  assert.equal(w.validator(cast[0])?.status, pb.BondStatus.BOND_STATUS_BONDED);
  assert.equal(owns(w, cast[0]), FUNDS);
  const { updates } = w.block([create(cast[1], '1', TEN)]);
  assert.deepEqual(
    updates.map((u) => u.power),
    [10n, 0n],
  );
  w.block([], { seconds: 20n });
  assert.equal(w.validator(cast[0]), undefined);
});

test('tells a change of power once', () => {
  const { w, cast } = world();
  assert.equal(w.block([delegate(cast[1], cast[0], TEN)]).updates.length, 1);
  assert.deepEqual(applyValidatorSetUpdates(w.context()), []);
  assert.deepEqual(w.block([delegate(cast[1], cast[0], 5n)]).updates, []);
});

test('keeps as much history as its parameter says', () => {
  const { w } = world({ historical_entries: 3 });
  for (let i = 0; i < 5; i++) w.block();
  const heights = [...state.history.entries(w.context('query'))].map(([h]) => h);
  assert.deepEqual(heights, [3n, 4n, 5n]);
  const none = world({ historical_entries: 0 }).w;
  none.block();
  assert.deepEqual([...state.history.entries(none.context('query'))], []);
});

test('stake that moves away from an unbonding validator is free with it, from an unbonded one at once', () => {
  const { w, cast } = world({ unbonding_time: '20s' });
  const [a, b, , d] = cast;
  accept(w, create(b, '1', TEN), delegate(d, b, 1_000_000n));
  accept(w, undelegate(b, b, TEN));
  // The operator kept nothing of its own: jailed, and unbonding since that block.
  const since = w.height;
  const until = w.time + 20n * 1_000_000_000n;
  w.block([redelegate(d, b, a, 5n)], { seconds: 7n });
  const [, r] = [...state.redelegations.entries(w.context('query'))][0] ?? [];
  assert.equal(r?.entries[0]?.creationHeight, since);
  assert.deepEqual(r?.entries[0]?.completionTime, toTimestamp(until));
  w.block([], { seconds: 13n });
  assert.equal(w.validator(b)?.status, pb.BondStatus.BOND_STATUS_UNBONDED);
  assert.deepEqual([...state.redelegations.entries(w.context('query'))], []);
  accept(w, redelegate(d, b, a, 5n));
  assert.deepEqual([...state.redelegations.entries(w.context('query'))], []);
});
