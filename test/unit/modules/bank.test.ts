// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorruptStateError, TxError } from '../../../core/errors.ts';
import { declareModuleAccount } from '../../../modules/auth/index.ts';
import { burn, getBalance, getSupply, mint, sendFromModule } from '../../../modules/bank/index.ts';
import { invariants } from '../../../modules/bank/invariants.ts';
import * as state from '../../../modules/bank/state.ts';
import { checkMetadata, sumCoins } from '../../../modules/bank/types.ts';
import { transitionContext } from '../../helpers/context.ts';
import { signer } from '../../helpers/fixture.ts';

const maker = declareModuleAccount('test_maker', ['minter', 'burner']);
const idle = declareModuleAccount('test_idle');
const coins = (amount: bigint): readonly { denom: string; amount: bigint }[] => [{ denom: 'upogo', amount }];

test('mints and burns in accounts declared for it, the supply following', () => {
  const ctx = transitionContext();
  mint(ctx, maker, coins(10n));
  burn(ctx, maker, coins(4n));
  assert.equal(getSupply(ctx, 'upogo'), 6n);
  assert.equal(getBalance(ctx, maker.address, 'upogo'), 6n);
  burn(ctx, maker, coins(6n));
  assert.equal(state.supply.has(ctx, 'upogo'), false);
  assert.deepEqual(invariants(ctx), []);
});

test('refuses to mint or burn where no permission was declared', () => {
  const ctx = transitionContext();
  assert.throws(() => mint(ctx, idle, coins(1n)), CorruptStateError);
  assert.throws(() => burn(ctx, idle, coins(1n)), CorruptStateError);
});

test('burns no more than there is', () => {
  const ctx = transitionContext();
  mint(ctx, maker, coins(3n));
  assert.throws(
    () => burn(ctx, maker, coins(4n)),
    (e: unknown) => e instanceof TxError && e.code === 5,
  );
});

test('treats unsorted, repeated or zero coins from another module as a defect', () => {
  const ctx = transitionContext();
  mint(ctx, maker, coins(3n));
  const to = signer('x').bytes;
  const one = { denom: 'upogo', amount: 1n };
  for (const bad of [[one, one], [{ denom: 'zzz', amount: 1n }, one], coins(0n), coins(-1n)]) {
    assert.throws(() => sendFromModule(ctx, maker, to, bad), CorruptStateError);
  }
});

test('removes a balance and its holder at zero', () => {
  const ctx = transitionContext();
  const to = signer('x').bytes;
  mint(ctx, maker, coins(3n));
  sendFromModule(ctx, maker, to, coins(3n));
  assert.deepEqual(
    [...state.holders.entries(ctx)].map(([[, address]]) => address),
    [to],
  );
  assert.equal(state.balances.has(ctx, [maker.address, 'upogo']), false);
});

test('an invariant notices a supply that is not the sum, and a holder that is missing', () => {
  const ctx = transitionContext();
  mint(ctx, maker, coins(3n));
  state.supply.set(ctx, 'upogo', 4n);
  state.holders.delete(ctx, ['upogo', maker.address]);
  const found = invariants(ctx);
  assert.match(found[0] ?? '', /the supply is 4upogo, the balances sum to 3upogo/);
  assert.match(found[1] ?? '', /missing among the holders of upogo/);
});

test('sums lists of coins, sorted', () => {
  const a = [
    { denom: 'a', amount: 1n },
    { denom: 'c', amount: 2n },
  ];
  const b = [
    { denom: 'b', amount: 5n },
    { denom: 'c', amount: 3n },
  ];
  assert.deepEqual(sumCoins([a, b, []]), [
    { denom: 'a', amount: 1n },
    { denom: 'b', amount: 5n },
    { denom: 'c', amount: 5n },
  ]);
});

test('names the field of metadata that breaks a rule', () => {
  const m = {
    description: '',
    denomUnits: [{ denom: 'upogo', exponent: 0, aliases: [] }],
    base: 'upogo',
    display: 'upogo',
    name: 'pogo',
    symbol: 'POGO',
    uri: '',
    uriHash: '',
  };
  assert.equal(checkMetadata(m, 'm'), m);
  assert.throws(
    () => checkMetadata({ ...m, denomUnits: [{ denom: 'upogo', exponent: 1, aliases: [] }] }, 'm'),
    /m.denom_units\[0\]: must be the base denomination with exponent 0/,
  );
  assert.throws(() => checkMetadata({ ...m, name: ' ' }, 'm'), /m.name: must not be blank/);
});
