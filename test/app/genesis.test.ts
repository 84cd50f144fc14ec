// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, type Json, type JsonObject } from '../../core/json.ts';
import { CHAIN, coinsSend, fixture, genesisOf, type Signer, signer } from '../helpers/fixture.ts';
import { MockComet } from '../helpers/mockcomet.ts';
import { reexport } from '../helpers/reexport.ts';

const start = (appState: JsonObject): MockComet => new MockComet({ chainId: CHAIN.chainId, appState });
const exported = (comet: MockComet): JsonObject => comet.app.exportGenesis().appState as JsonObject;

test('the export of a used chain gives itself again, and starts a chain that goes on', async () => {
  const { comet, accounts } = fixture(3);
  const [a, b] = accounts as [Signer, Signer];
  await comet.deliver([coinsSend(a, b, 5n), coinsSend(b, signer('fresh'), 7n)]);
  const once = exported(comet);
  assert.equal(canonicalJson(reexport(once)), canonicalJson(once));
  const again = start(once);
  assert.equal((await again.deliver([coinsSend(a, b, 5n)])).txResults[0]?.code, 0);
});

test('gives accounts that share a number the next free ones, in order', async () => {
  const accounts = ['x', 'y', 'z'].map((name) => signer(name, 0n));
  const comet = start(genesisOf(accounts, 10n));
  await comet.advance(1);
  const list = ((exported(comet)['auth'] as JsonObject)['accounts'] as readonly JsonObject[])
    .filter((a) => a['@type'] === '/cosmos.auth.v1beta1.BaseAccount')
    .map((a) => [a['address'], a['account_number']]);
  assert.deepEqual(
    list,
    accounts.map((a, i) => [a.address, `${i}`]),
  );
});

/** The genesis with one value replaced. */
function changed(path: readonly (string | number)[], value: Json | undefined): JsonObject {
  const copy = JSON.parse(canonicalJson(genesisOf([signer('a', 0n), signer('b', 1n)], 10n))) as JsonObject;
  let at = copy as unknown as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = path.at(-1) as string;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const a = signer('a');
const BAD: readonly (readonly [path: readonly (string | number)[], value: Json | undefined, text: RegExp])[] = [
  [['chain'], undefined, /app_state.chain/],
  [['auth'], undefined, /app_state.auth: missing/],
  [['mint'], {}, /app_state.mint: no module has this name/],
  [['chain', 'bond_denom'], '1', /app_state.chain.bond_denom: invalid denom: 1/],
  [['chain', 'address_prefix'], 'P', /app_state.chain.address_prefix: expected 2 to 30 lower-case letters/],
  [['chain', 'version', 'app'], '0', /app_state.chain.version.app: must be at least 1/],
  [['chain', 'version', 'app'], '99', /app_state.chain.version.app: 99 is newer than 1/],
  [['chain', 'gas_table'], null, /app_state.chain.gas_table: required/],
  [['chain', 'surprise'], '1', /app_state.chain.surprise: GenesisState has no such field/],
  [['auth', 'params', 'tx_sig_limit'], '0', /app_state.auth.params.tx_sig_limit: must be positive/],
  [['auth', 'params', 'tx_size_cost_per_byte'], '-1', /txSizeCostPerByte: -1 is outside uint64/],
  [['auth', 'accounts', 0, '@type'], '/cosmos.bank.v1beta1.MsgSend', /app_state.auth.accounts\[0\]/],
  [['auth', 'accounts', 1, 'address'], a.address, /app_state.auth.accounts\[1\].address: .* stands twice/],
  [
    ['auth', 'accounts', 0, 'address'],
    'cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a',
    /app_state.auth.accounts\[0\].address: invalid Bech32 prefix; expected pogo, got cosmos/,
  ],
  [['bank', 'balances', 0, 'coins', 0, 'amount'], '-5', /app_state.bank.balances\[0\].coins\[0\].amount: expected a non-negative integer/],
  [['bank', 'balances', 0, 'coins', 0, 'amount'], 5, /app_state.bank.balances\[0\].coins\[0\].amount: expected a string/],
  [['bank', 'balances', 1, 'address'], a.address, /app_state.bank.balances: .* stands twice/],
  [['bank', 'supply'], [{ denom: 'upogo', amount: '21' }], /app_state.bank.supply: 21upogo is not the sum of the balances, 20upogo/],
  [['bank', 'balances', 0, 'coins', 0, 'amount'], (2n ** 255n - 1n).toString(), /app_state.bank.balances: the sum of upogo exceeds 2\^255-1/],
  [['bank', 'params'], null, /app_state.bank.params: required/],
  [['bank', 'denom_metadata', 0, 'display'], 'atom', /app_state.bank.denom_metadata\[0\].display: must be one of denom_units/],
  [['bank', 'send_enabled'], [{ denom: 'b', enabled: true }], /app_state.bank.send_enabled\[0\].denom: invalid denom/],
];

for (const [path, value, text] of BAD) {
  test(`refuses a genesis whose ${path.join('.')} is ${value === undefined ? 'missing' : canonicalJson(value)}`, () => {
    assert.throws(() => start(changed(path, value)), text);
  });
}

test('starts at an initial height other than 1', async () => {
  const { comet, accounts } = fixture(2, { initialHeight: 100n });
  const [x, y] = accounts as [Signer, Signer];
  const block = await comet.deliver([coinsSend(x, y, 1n)]);
  assert.equal(block.height, 100n);
  assert.equal(block.txResults[0]?.code, 0);
});
