// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, type Json, type JsonObject } from '../../../core/json.ts';
import { slashing } from '../../../modules/slashing/index.ts';
import { staking } from '../../../modules/staking/index.ts';
import { CHAIN, consensusKey, type Signer } from '../../helpers/fixture.ts';
import { create, delegate, redelegate, StakeWorld, undelegate } from '../../helpers/stakeworld.ts';

const TEN = 10_000_000n;

/** A chain with everything in it: two validators, delegations, an unbonding, a redelegation, missed blocks. */
function used(): StakeWorld {
  const w = new StakeWorld({ slashing: { signed_blocks_window: '4' } });
  const [a, b, c] = w.accounts as [Signer, Signer, Signer];
  w.block([create(b, '1', TEN), delegate(c, a, TEN)]);
  w.block([undelegate(c, a, 5n), redelegate(c, a, b, 7n)]);
  for (let i = 0; i < 4; i++) w.block([], { absent: i === 2 ? [consensusKey('1').address] : [] });
  return w;
}
const genesis = used().export();

/** A copy of the exported genesis with one value replaced; `undefined` removes it. */
function changed(path: readonly (string | number)[], value: Json | undefined): JsonObject {
  const copy = JSON.parse(canonicalJson(genesis)) as JsonObject;
  let at = copy as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const part = (module: string, list: string, index: number): Json => ((genesis[module] as JsonObject)[list] as readonly Json[])[index] as Json;
const S = 'staking';
const V = [S, 'validators', 0];
const D = [S, 'delegations', 0];
const U = [S, 'unbonding_delegations', 0];
const R = [S, 'redelegations', 0];
const L = 'slashing';
const BAD: readonly (readonly [path: readonly (string | number)[], value: Json | undefined, text: RegExp])[] = [
  [[S, 'params'], undefined, /staking.params: required/],
  [[S, 'params', 'unbonding_time'], '0s', /params.unbonding_time: must be positive/],
  [[S, 'params', 'unbonding_time'], '9999999999s', /params.unbonding_time: must be at most 100 years/],
  [[S, 'params', 'unbonding_time'], 'soon', /params.unbonding_time: expected a duration/],
  [[S, 'params', 'max_validators'], 0, /params.max_validators: must be 1 to 10000/],
  [[S, 'params', 'max_validators'], 10_001, /params.max_validators: must be 1 to 10000/],
  [[S, 'params', 'max_entries'], 0, /params.max_entries: must be positive/],
  [[S, 'params', 'bond_denom'], 'uatom', /params.bond_denom: must be upogo/],
  [[S, 'params', 'min_commission_rate'], '1.1', /params.min_commission_rate: must be 0 to 1/],
  [[S, 'params', 'surprise'], 1, /staking.params.surprise: Params has no such field/],
  [[...V, 'operator_address'], 'pogo1x', /validators\[0\].operator_address/],
  [[...V, 'consensus_pubkey'], undefined, /validators\[0\].consensus_pubkey: expected an ed25519 key/],
  [[...V, 'consensus_pubkey', 'key'], 'AAAA', /validators\[0\].consensus_pubkey: expected an ed25519 key of 32 bytes/],
  [[...V, 'tokens'], '-1', /validators\[0\].tokens: expected a non-negative integer/],
  [[...V, 'tokens'], 'ten', /validators\[0\].tokens: expected a non-negative integer/],
  [[...V, 'delegator_shares'], '5.0', /validators\[0\].delegator_shares: must be the sum/],
  [[...V, 'delegator_shares'], '-5.0', /validators\[0\].delegator_shares: must not be negative/],
  [[...V, 'status'], 'BOND_STATUS_UNSPECIFIED', /validators\[0\].status: must be unbonded, unbonding or bonded/],
  [[...V, 'unbonding_on_hold_ref_count'], '1', /validators\[0\].unbonding_on_hold_ref_count: holds on unbonding are not supported/],
  [[S, 'validators', 1], part(S, 'validators', 0), /validators\[1\].operator_address: .* stands twice/],
  [
    [S, 'validators', 1, 'consensus_pubkey'],
    (part(S, 'validators', 0) as JsonObject)['consensus_pubkey'] as Json,
    /validators\[1\].consensus_pubkey: .* stands twice/,
  ],
  [[...D, 'shares'], '0.0', /delegations\[0\].shares: must be positive/],
  [[...D, 'delegator_address'], 'x', /delegations\[0\].delegator_address/],
  [[...D, 'validator_address'], 'x', /delegations\[0\].validator_address: x is none of the validators/],
  [[S, 'delegations', 1], part(S, 'delegations', 0), /delegations\[1\]: the pair of delegator and validator stands twice/],
  [[...U, 'entries'], [], /unbonding_delegations\[0\].entries: must not be empty/],
  [[...U, 'entries', 0, 'balance'], '-2', /unbonding_delegations\[0\].entries\[0\].balance/],
  [[...U, 'entries', 0, 'creation_height'], '-2', /unbonding_delegations\[0\].entries\[0\].creation_height: must not be negative/],
  [[...U, 'delegator_address'], '', /unbonding_delegations\[0\].delegator_address/],
  [[...R, 'entries', 0, 'initial_balance'], '', /redelegations\[0\].entries\[0\].initial_balance/],
  [[...R, 'entries', 0, 'shares_dst'], '-1.0', /redelegations\[0\].entries\[0\].shares_dst: must not be negative/],
  [
    [...R, 'validator_dst_address'],
    (part(S, 'redelegations', 0) as JsonObject)['validator_src_address'] as Json,
    /redelegations\[0\].validator_dst_address: must differ/,
  ],
  [[S, 'last_total_power'], '1', /last_total_power: must be the sum/],
  [[S, 'last_validator_powers', 0, 'power'], '0', /last_validator_powers\[0\].power: must be 1 to/],
  [[S, 'last_validator_powers', 0, 'power'], '9000000000000000000', /last_validator_powers\[0\].power: must be 1 to/],
  [[S, 'last_validator_powers', 0, 'address'], 'x', /last_validator_powers\[0\].address: x is none of the bonded validators/],
  [[S, 'last_validator_powers', 1], part(S, 'last_validator_powers', 0), /last_validator_powers\[1\].address: .* stands twice/],
  [[S, 'last_validator_powers'], [], /last_validator_powers: must name every bonded validator/],
  [[S, 'exported'], false, /last_validator_powers: must be empty unless exported/],
  [[L, 'params'], undefined, /slashing.params: required/],
  [[L, 'params', 'signed_blocks_window'], '0', /params.signed_blocks_window: must be 1 to/],
  [[L, 'params', 'downtime_jail_duration'], '-1s', /params.downtime_jail_duration: must be positive/],
  [[L, 'params', 'downtime_jail_duration'], '9999999999s', /params.downtime_jail_duration: must be at most 100 years/],
  [[L, 'params', 'min_signed_per_window'], '1.5', /params.min_signed_per_window: must be 0 to 1/],
  [[L, 'params', 'slash_fraction_double_sign'], '-0.1', /params.slash_fraction_double_sign: must be 0 to 1/],
  [[L, 'params', 'slash_fraction_downtime'], 'much', /params.slash_fraction_downtime/],
  [[L, 'signing_infos', 0, 'address'], 'x', /signing_infos\[0\].address/],
  [[L, 'signing_infos', 1], part(L, 'signing_infos', 0), /signing_infos\[1\].address: .* stands twice/],
  [[L, 'signing_infos', 0, 'validator_signing_info'], undefined, /signing_infos\[0\].validator_signing_info: required/],
  [[L, 'signing_infos', 0, 'validator_signing_info', 'address'], 'x', /signing_infos\[0\].validator_signing_info.address: must be/],
  [[L, 'signing_infos', 0, 'validator_signing_info', 'index_offset'], '-1', /start_height and index_offset must not be negative/],
  [[L, 'signing_infos', 0, 'validator_signing_info', 'missed_blocks_counter'], '9', /missed_blocks_counter: must be \d, the number of missed_blocks/],
  [[L, 'missed_blocks', 0, 'address'], 'x', /missed_blocks/],
  [[L, 'missed_blocks', 1], part(L, 'missed_blocks', 0), /missed_blocks\[1\].address: .* stands twice/],
  [
    [L, 'missed_blocks', 0, 'missed_blocks'],
    [{ index: '4', missed: true }],
    /missed_blocks\[0\].missed_blocks: indexes must lie within the window of 4/,
  ],
  [
    [L, 'missed_blocks', 0, 'missed_blocks'],
    [
      { index: '1', missed: true },
      { index: '1', missed: true },
    ],
    /missed_blocks\[0\].missed_blocks: an index stands twice/,
  ],
];
for (const [path, value, text] of BAD) {
  test(`refuses a genesis whose ${path.join('.')} is ${value === undefined ? 'missing' : canonicalJson(value).slice(0, 40)}`, () => {
    const bad = changed(path, value);
    assert.throws(() => {
      staking.genesis.validate(bad[S] as Json, CHAIN);
      slashing.genesis.validate(bad[L] as Json, CHAIN);
    }, text);
  });
}

test('the export of a chain with everything in it starts a chain that exports the same', () => {
  for (const list of ['validators', 'delegations', 'unbonding_delegations', 'redelegations', 'last_validator_powers'])
    assert.ok(((genesis[S] as JsonObject)[list] as readonly Json[]).length > 0, list);
  assert.match(canonicalJson(genesis[L] as Json), /"missed":true/);
  const again = new StakeWorld({ appState: genesis });
  assert.equal(canonicalJson(again.export()), canonicalJson(genesis));
});

test('refuses pools that hold something else than what is staked', () => {
  const bank = genesis['bank'] as JsonObject;
  const balances = (bank['balances'] as readonly JsonObject[]).map((b) => ({ ...b, coins: [{ denom: 'upogo', amount: '1' }] }));
  const bad = { ...genesis, bank: { ...bank, balances, supply: [] } } as unknown as JsonObject;
  assert.throws(() => new StakeWorld({ appState: bad }), /bonded_tokens_pool .* holds 1upogo, app_state.staking asks for/);
});

/** The genesis as somebody would write it by hand: bonded validators, no set yet. */
const fresh = (change: JsonObject): JsonObject => ({
  ...genesis,
  [S]: { ...(genesis[S] as JsonObject), exported: false, last_validator_powers: [], last_total_power: '0', ...change },
});

test('elects the set of a genesis that was not exported', () => {
  const w = new StakeWorld({ appState: fresh({}) });
  assert.deepEqual([...(w.sets.get(1n)?.values() ?? [])].sort(), [10n, 19n]);
});

test('refuses bonded validators that could not be elected', () => {
  const params = { ...((genesis[S] as JsonObject)['params'] as JsonObject), max_validators: 1 };
  assert.throws(() => new StakeWorld({ appState: fresh({ params }) }), /validators\[\d\].status: bonded, but not among the 1 strongest/);
  const validators = ((genesis[S] as JsonObject)['validators'] as readonly JsonObject[]).map((v) => ({ ...v, jailed: true }));
  assert.throws(() => new StakeWorld({ appState: fresh({ validators }) }), /validators\[0\].status: bonded, but jailed or without power/);
});
