// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex, utf8 } from '../../../core/bytes.ts';
import type { Misbehavior } from '../../../core/context.ts';
import { ONE } from '../../../core/dec.ts';
import { getBalance } from '../../../modules/bank/index.ts';
import { clearMissed, isMissed, missedIndexes, setMissed } from '../../../modules/slashing/bitmap.ts';
import { getSigningInfo } from '../../../modules/slashing/index.ts';
import * as state from '../../../modules/slashing/state.ts';
import { DEFAULT_PARAMS, maxMissed } from '../../../modules/slashing/types.ts';
import * as stake from '../../../modules/staking/state.ts';
import { MsgUnjail, type ValidatorSigningInfo } from '../../../proto/gen/cosmos.slashing.v1beta1.ts';
import { BondStatus } from '../../../proto/gen/cosmos.staking.v1beta1.ts';
import type { Any } from '../../../proto/gen/google.protobuf.ts';
import { transitionContext } from '../../helpers/context.ts';
import { consensusKey, message, type Signer } from '../../helpers/fixture.ts';
import { SECOND } from '../../helpers/mockcomet.ts';
import { create, delegate, StakeWorld, undelegate } from '../../helpers/stakeworld.ts';

const TEN = 10_000_000n;
const KEY = consensusKey('1').address;
const FAR = 1_000_000n;
/** Two validators of ten each; a window of four blocks of which two may be missed. */
function world(
  staking: Record<string, string> = {},
  slashing: Record<string, string> = {},
): { readonly w: StakeWorld; readonly who: readonly Signer[] } {
  const w = new StakeWorld({ staking, slashing: { signed_blocks_window: '4', downtime_jail_duration: '60s', ...slashing } });
  const who = w.accounts;
  const [refusal] = w.block([create(who[1] as Signer, '1', TEN)]).refused;
  assert.equal(refusal, undefined);
  return { w, who };
}
const info = (w: StakeWorld, key = KEY): ValidatorSigningInfo => {
  const found = getSigningInfo(w.context('query'), fromHex(key));
  assert.ok(found !== undefined);
  return found;
};
const tokens = (w: StakeWorld, who: Signer | undefined): bigint => BigInt(w.validator(who as Signer)?.tokens ?? -1);
const unjail = (who: Signer | undefined): Any => message(MsgUnjail, { validatorAddr: (who as Signer).operator });
const code = (w: StakeWorld, any: Any, seconds = 1n): string => {
  const [refusal] = w.block([any], { seconds }).refused;
  return refusal === undefined ? 'ok' : `${refusal.codespace}/${refusal.code}`;
};
const blocks = (w: StakeWorld, count: number, absent: readonly string[] = []): void => {
  for (let i = 0; i < count; i++) w.block([], { absent });
};

test('keeps the bytes of its keys', () => {
  const address = Uint8Array.of(7, 8);
  assert.equal(toHex(state.infos.prefix) + toHex(state.infos.key.encode(address)), '01020708');
  assert.equal(toHex(state.missed.prefix) + toHex(state.missed.key.encode([address, 3n])), '020207080000000000000003');
});

test('remembers missed blocks across chunks, and nothing once they are signed', () => {
  const ctx = transitionContext();
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
  const indexes = [0n, 7n, 8n, 1023n, 1024n, 5000n];
  for (const i of indexes) setMissed(ctx, a, i, true);
  setMissed(ctx, b, 5n, true);
  assert.deepEqual(missedIndexes(ctx, a), indexes);
  assert.deepEqual([isMissed(ctx, a, 1023n), isMissed(ctx, a, 1022n), isMissed(ctx, b, 5n), isMissed(ctx, b, 0n)], [true, false, true, false]);
  for (const i of indexes.slice(1)) setMissed(ctx, a, i, false);
  assert.deepEqual(missedIndexes(ctx, a), [0n]);
  assert.equal([...state.missed.entries(ctx)].length, 2);
  clearMissed(ctx, a);
  assert.deepEqual([missedIndexes(ctx, a), missedIndexes(ctx, b)], [[], [5n]]);
});

test('rounds the blocks that must be signed to the nearest, halves to even', () => {
  const with_ = (window: bigint, share: bigint): bigint =>
    maxMissed({ ...DEFAULT_PARAMS, signedBlocksWindow: window, minSignedPerWindow: utf8(share.toString()) });
  assert.deepEqual([with_(100n, ONE / 2n), with_(5n, ONE / 2n), with_(7n, ONE / 2n), with_(10n, 0n), with_(10n, ONE)], [50n, 3n, 3n, 10n, 0n]);
});

test('knows a validator from the block in which it enters the set, and starts anew when it comes back', () => {
  const { w, who } = world();
  assert.deepEqual([info(w).startHeight, info(w).jailedUntil, info(w).tombstoned], [1n, { seconds: 0n, nanos: 0 }, false]);
  blocks(w, 8);
  blocks(w, 3, [KEY]);
  assert.equal(w.validator(who[1] as Signer)?.jailed, true);
  assert.equal(code(w, unjail(who[1]), 60n), 'ok');
  assert.equal(info(w).startHeight, w.height);
});

test('punishes nobody before its first window is over', () => {
  const { w, who } = world({}, { min_signed_per_window: '1.0' });
  // Entered at 1: the first vote is counted at 4, the window of four is over after 5.
  blocks(w, 4, [KEY]);
  assert.deepEqual([w.height, info(w).missedBlocksCounter, tokens(w, who[1])], [5n, 2n, TEN]);
  blocks(w, 1, [KEY]);
  assert.deepEqual([tokens(w, who[1]), w.validator(who[1] as Signer)?.jailed], [TEN - TEN / 100n, true]);
});

/** Balances of what unbonds, in order of time. */
const unbonds = (w: StakeWorld): readonly string[] =>
  [...stake.unbondings.entries(w.context('query'))].flatMap(([, u]) => u.entries.map((e) => e.balance));

test('slashes for downtime what left since two heights before, when the missed vote was decided', () => {
  const { w, who } = world({}, { min_signed_per_window: '1.0' });
  const leave = undelegate(who[1] as Signer, who[1] as Signer, 1_000_000n);
  blocks(w, 2);
  for (const _ of [4, 5]) w.block([leave]);
  // Punished at 6 for its vote on 5: what left at 4 and 5 pays a hundredth, what left at 3 would not.
  blocks(w, 1, [KEY]);
  assert.equal(w.validator(who[1] as Signer)?.jailed, true);
  assert.deepEqual(unbonds(w), ['990000', '990000']);
});

test('slashes for a double signature at h what left at h-1 or later, and not what is free in this very block', () => {
  const { w, who } = world({ unbonding_time: '10s' });
  const leave = undelegate(who[1] as Signer, who[1] as Signer, 1_000_000n);
  blocks(w, 2);
  w.block([leave]);
  w.block([leave], { seconds: 2n });
  w.block([leave]);
  w.block([leave]);
  // Left at 4, 5, 6 and 7; the fault was at 6.
  const proof = w.evidence(KEY, 6n);
  const early = new StakeWorld({ appState: w.export() });
  w.block([], { misbehavior: [proof] });
  assert.deepEqual(unbonds(w), ['1000000', '950000', '950000', '950000']);
  early.height = w.height - 1n;
  early.time = w.time - SECOND;
  for (const [h, set] of w.sets) early.sets.set(h, set);
  // The one of 5 is due in this block: paid in full, though it answered for the fault.
  const owned = (): bigint => getBalance(early.context('query'), (who[1] as Signer).bytes, 'upogo');
  const before = owned();
  early.block([], { misbehavior: [proof], seconds: 8n });
  assert.deepEqual(unbonds(early), ['950000', '950000']);
  assert.equal(owned(), before + 2_000_000n);
});

test('forgets what lies outside the window', () => {
  const { w, who } = world();
  blocks(w, 6);
  for (let round = 0; round < 5; round++) {
    blocks(w, 2, [KEY]);
    blocks(w, 2);
  }
  assert.equal(w.validator(who[1] as Signer)?.jailed, false);
  assert.ok(info(w).missedBlocksCounter <= 2n);
});

test('counts no votes of a jailed validator, and clears what it missed', () => {
  const { w } = world();
  blocks(w, 6);
  blocks(w, 3, [KEY]);
  assert.deepEqual([info(w).missedBlocksCounter, info(w).indexOffset], [0n, 0n]);
  blocks(w, 2, [KEY]);
  assert.deepEqual([info(w).missedBlocksCounter, info(w).indexOffset], [0n, 0n]);
  assert.deepEqual(missedIndexes(w.context('query'), fromHex(KEY)), []);
});

test('says why a validator stays in jail', () => {
  const { w, who } = world();
  blocks(w, 6);
  assert.equal(code(w, unjail(who[3])), 'slashing/2');
  assert.equal(code(w, unjail(who[1])), 'slashing/5');
  blocks(w, 3, [KEY]);
  assert.equal(code(w, unjail(who[1])), 'slashing/4');
  assert.equal(code(w, undelegate(who[1] as Signer, who[1] as Signer, tokens(w, who[1]) - 5n)), 'ok');
  assert.equal(code(w, message(MsgUnjail, { validatorAddr: (who[1] as Signer).address })), 'sdk/7');
  assert.equal(code(w, unjail(who[1]), 60n), 'ok');
});

test('a validator whose operator left too little or nothing of its own stays in jail', () => {
  const { w, who } = world();
  const [, , operator, other] = who as [Signer, Signer, Signer, Signer];
  assert.equal(code(w, create(operator, '2', TEN, { minSelfDelegation: '5000000' })), 'ok');
  assert.equal(code(w, delegate(other, operator, TEN)), 'ok');
  assert.equal(code(w, undelegate(operator, operator, 6_000_000n)), 'ok');
  assert.equal(code(w, unjail(operator)), 'slashing/7');
  assert.equal(code(w, undelegate(operator, operator, 4_000_000n)), 'ok');
  assert.equal(code(w, unjail(operator)), 'slashing/6');
});

const evidence = (w: StakeWorld, height: bigint, kind: Misbehavior['kind'] = 'duplicate_vote'): Misbehavior => w.evidence(KEY, height, kind);

test('punishes a double signer once, whatever the height, kind or number of proofs', () => {
  const { w, who } = world();
  blocks(w, 5);
  const proofs = [evidence(w, 4n), evidence(w, 4n), evidence(w, 4n, 'light_client_attack'), evidence(w, 3n)];
  w.block([], { misbehavior: proofs });
  assert.equal(tokens(w, who[1]), TEN - TEN / 20n);
  w.block([], { misbehavior: proofs });
  assert.equal(tokens(w, who[1]), TEN - TEN / 20n);
  assert.deepEqual([info(w).tombstoned, info(w).jailedUntil?.seconds], [true, 253_402_300_799n]);
  assert.equal(code(w, unjail(who[1]), FAR), 'slashing/4');
});

test('takes by the power of the time of the fault, not of today', () => {
  const { w, who } = world();
  blocks(w, 4);
  const proof = evidence(w, 4n);
  assert.equal(code(w, delegate(who[2] as Signer, who[1] as Signer, 9n * TEN)), 'ok');
  w.block([], { misbehavior: [proof] });
  assert.equal(tokens(w, who[1]), 10n * TEN - TEN / 20n);
});

test('reaches a double signer that has left the set, and slashes what it took along', () => {
  const { w, who } = world();
  blocks(w, 4);
  const proof = evidence(w, 4n);
  assert.equal(code(w, undelegate(who[1] as Signer, who[1] as Signer, TEN)), 'ok');
  blocks(w, 3);
  assert.equal(w.validator(who[1] as Signer)?.status, BondStatus.BOND_STATUS_UNBONDING);
  const supply = (): string => JSON.stringify((w.export()['bank'] as { supply: unknown }).supply);
  const before = supply();
  w.block([], { misbehavior: [{ ...proof, time: w.time }] });
  assert.notEqual(supply(), before);
  assert.equal(info(w).tombstoned, true);
});

test('an operator that is gone keeps its tombstone: the key never comes back', () => {
  const { w, who } = world({ unbonding_time: '5s' });
  blocks(w, 4);
  const proof = evidence(w, 4n);
  assert.equal(code(w, undelegate(who[1] as Signer, who[1] as Signer, TEN)), 'ok');
  w.block([], { seconds: 10n });
  assert.equal(w.validator(who[1] as Signer), undefined);
  w.block([], { misbehavior: [{ ...proof, time: w.time }] });
  assert.equal(info(w).tombstoned, true);
  assert.equal(code(w, create(who[1] as Signer, '1', TEN)), 'slashing/9');
  assert.equal(code(w, create(who[1] as Signer, 'fresh', TEN)), 'ok');
});

test('takes nothing of a validator whose stake was free before the proof came', () => {
  const { w, who } = world({ unbonding_time: '5s' });
  blocks(w, 4);
  const proof = evidence(w, 4n);
  assert.equal(code(w, undelegate(who[1] as Signer, who[1] as Signer, TEN - 1n)), 'ok');
  w.block([], { seconds: 10n });
  assert.equal(w.validator(who[1] as Signer)?.status, BondStatus.BOND_STATUS_UNBONDED);
  w.block([], { misbehavior: [{ ...proof, time: w.time }] });
  assert.deepEqual([tokens(w, who[1]), w.validator(who[1] as Signer)?.jailed, info(w).tombstoned], [1n, true, true]);
});

test('ignores proofs that are too old by both measures, and those against strangers', () => {
  const { w, who } = world();
  blocks(w, 4);
  const old = evidence(w, 3n);
  // 48 hours alone are not enough: the proof is young in blocks.
  w.block([], { seconds: 172_801n + 60n, misbehavior: [{ ...old, address: fromHex(consensusKey('stranger').address) }] });
  assert.equal(getSigningInfo(w.context('query'), fromHex(consensusKey('stranger').address)), undefined);
  const aged = new StakeWorld({ slashing: { signed_blocks_window: '4' } });
  aged.block([create(aged.accounts[1] as Signer, '1', TEN)]);
  aged.height = 200_000n;
  const set = aged.sets.get(3n);
  assert.ok(set !== undefined);
  for (const h of [200_000n, 200_001n, 200_002n, 200_003n]) aged.sets.set(h, set);
  const proof = { kind: 'duplicate_vote', address: fromHex(KEY), power: 10n, height: 3n, time: aged.time } as const;
  aged.block([], { seconds: 172_801n, misbehavior: [proof] });
  assert.equal(tokens(aged, aged.accounts[1]), TEN);
  w.block([], { misbehavior: [old] });
  assert.equal(tokens(w, who[1]), TEN - TEN / 20n);
});

test('goes on when the last validators are jailed, which then stay in the set', () => {
  const { w } = world();
  blocks(w, 6);
  const all = [KEY, consensusKey('0').address];
  blocks(w, 3, all);
  assert.equal(w.sets.get(w.height + 2n)?.size, 2);
  blocks(w, 3, all);
  // One unjails: the other goes.
  assert.equal(code(w, unjail(w.accounts[1]), 60n), 'ok');
  assert.deepEqual([...(w.sets.get(w.height + 2n)?.keys() ?? [])], [KEY]);
});
