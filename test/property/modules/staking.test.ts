// SPDX-License-Identifier: Apache-2.0
// Random stakers, faults and clocks, against the validator set as CometBFT would hold it and a ledger of what was burned.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { consensusAddress } from '../../../core/address.ts';
import { compareBytes, toHex } from '../../../core/bytes.ts';
import { canonicalJson } from '../../../core/json.ts';
import { getSupply } from '../../../modules/bank/index.ts';
import * as state from '../../../modules/staking/state.ts';
import { MsgUnjail } from '../../../proto/gen/cosmos.slashing.v1beta1.ts';
import type { Any } from '../../../proto/gen/google.protobuf.ts';
import { message, type Signer } from '../../helpers/fixture.ts';
import { cancel, create, delegate, FUNDS, type Powers, redelegate, StakeWorld, undelegate } from '../../helpers/stakeworld.ts';

const ACCOUNTS = 6;
const PARAMS = {
  staking: { unbonding_time: '12s', max_validators: 3, historical_entries: 4 },
  slashing: { signed_blocks_window: '4', downtime_jail_duration: '6s' },
};

interface Op {
  readonly kind: 'create' | 'delegate' | 'undelegate' | 'redelegate' | 'cancel' | 'unjail';
  readonly who: number;
  readonly to: number;
  readonly via: number;
  readonly amount: bigint;
  readonly age: bigint;
}
interface Step {
  readonly ops: readonly Op[];
  readonly seconds: bigint;
  /** Which of the voters were absent, as bits. */
  readonly absent: number;
  readonly evidence: readonly { readonly member: number; readonly age: bigint; readonly attack: boolean }[];
}

const party = fc.integer({ min: 0, max: ACCOUNTS - 1 });
const amount = fc.oneof(fc.bigInt(1n, 5n), fc.bigInt(900_000n, 1_100_000n), fc.bigInt(1n, 40_000_000n), fc.constant(10_000_000n));
const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom('create', 'delegate', 'undelegate', 'undelegate', 'redelegate', 'cancel', 'unjail'),
  who: party,
  to: party,
  via: party,
  amount,
  age: fc.bigInt(0n, 4n),
});
const step: fc.Arbitrary<Step> = fc.record({
  ops: fc.array(op, { maxLength: 5 }),
  seconds: fc.bigInt(0n, 8n),
  absent: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 7 }) }),
  evidence: fc.oneof(
    { weight: 12, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.record({ member: fc.integer({ min: 0, max: 2 }), age: fc.bigInt(1n, 5n), attack: fc.boolean() }), { maxLength: 3 }),
    },
  ),
});

const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % (list.length === 0 ? 1 : list.length)];

/** Most operations aim at what exists; every fourth aims anywhere, so that refusals are seen too. */
function toMessage(world: StakeWorld, o: Op): Any {
  const ctx = world.context('query');
  const anywhere = o.age === 0n;
  const account = (i: number): Signer => world.accounts[i] as Signer;
  const owner = (bytes: Uint8Array | undefined, other: number): Signer =>
    world.accounts.find((a) => bytes !== undefined && compareBytes(a.bytes, bytes) === 0) ?? account(other);
  const validators = [...state.validators.entries(ctx)].map(([operator]) => operator);
  const to = anywhere ? account(o.to) : owner(pick(validators, o.to), o.to);
  const [held] = pick([...state.delegations.entries(ctx)], o.via) ?? [];
  switch (o.kind) {
    case 'create':
      // Keys of others are tried too.
      return create(account(o.who), `${anywhere ? o.to : o.who}`, o.amount);
    case 'delegate':
      return delegate(account(o.who), to, o.amount);
    case 'undelegate':
      return undelegate(owner(held?.[0], o.who), owner(held?.[1], o.to), o.amount);
    case 'redelegate':
      return redelegate(owner(held?.[0], o.who), owner(held?.[1], o.via), to, o.amount);
    case 'cancel': {
      const [pair, u] = pick([...state.unbondings.entries(ctx)], o.via) ?? [];
      const entry = pick(u?.entries ?? [], o.to);
      const amount = entry === undefined || o.amount < BigInt(entry.balance) ? o.amount : BigInt(entry.balance) || 1n;
      return cancel(owner(pair?.[0], o.who), owner(pair?.[1], o.to), amount, entry?.creationHeight ?? 1n);
    }
    case 'unjail':
      return message(MsgUnjail, { validatorAddr: to.operator });
    default:
      return o.kind satisfies never;
  }
}

/** The strongest free validators, found without any index; the set of before when there are none. */
function expectedSet(world: StakeWorld, before: Powers, max: number): Powers {
  const ctx = world.context('query');
  const free = [...state.validators.entries(ctx)].map(([, v]) => v).filter((v) => !v.jailed && v.tokens >= 1_000_000n);
  free.sort((a, b) => {
    const [p, q] = [a.tokens / 1_000_000n, b.tokens / 1_000_000n];
    return p === q ? compareBytes(a.operator, b.operator) : p > q ? -1 : 1;
  });
  if (free.length === 0) return before;
  return new Map(free.slice(0, max).map((v) => [toHex(consensusAddress(v.publicKey)), v.tokens / 1_000_000n]));
}

const sorted = (set: Powers): readonly (readonly [string, bigint])[] => [...set].sort(([a], [b]) => (a < b ? -1 : 1));
const burned = (world: StakeWorld): bigint =>
  world.events
    .filter((e) => e.type === 'burn')
    .reduce((sum, e) => sum + BigInt(e.attributes.find((a) => a.key === 'amount')?.value.replace('upogo', '') ?? '0'), 0n);

function run(world: StakeWorld, steps: readonly Step[]): void {
  let lost = 0n;
  for (const s of steps) {
    const voters = [...(world.sets.get(world.height) ?? new Map<string, bigint>()).keys()].sort();
    const absent = voters.filter((_, i) => (s.absent & (1 << i)) !== 0);
    const misbehavior = s.evidence.flatMap(({ member, age, attack }) => {
      const height = world.height + 1n - age;
      const address = [...(world.sets.get(height)?.keys() ?? [])].sort()[member];
      return height < 1n || address === undefined ? [] : [world.evidence(address, height, attack ? 'light_client_attack' : 'duplicate_vote')];
    });
    const before = world.sets.get(world.height + 2n) as Powers;
    world.block(
      s.ops.map((o) => toMessage(world, o)),
      { seconds: s.seconds, absent, misbehavior },
    );
    lost += burned(world);
    const now = world.sets.get(world.height + 2n) as Powers;
    assert.deepEqual(sorted(now), sorted(expectedSet(world, before, PARAMS.staking.max_validators)));
    assert.equal(getSupply(world.context('query'), 'upogo') + lost, FUNDS * BigInt(ACCOUNTS));
  }
}

test('random stakers and faults never empty the set, repeat an update or remove a stranger, and no coin is lost but what is burned', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      run(new StakeWorld({ accounts: ACCOUNTS, ...PARAMS }), steps);
    }),
    { numRuns: 150 },
  );
});

test('a chain exported after any history gives its export again and goes on with the same set', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.array(op, { maxLength: 5 }), (steps, more) => {
      const world = new StakeWorld({ accounts: ACCOUNTS, ...PARAMS });
      run(world, steps);
      const exported = world.export();
      const again = new StakeWorld({ accounts: ACCOUNTS, appState: exported });
      again.height = world.height;
      again.time = world.time;
      for (const [h, set] of world.sets) again.sets.set(h, set);
      assert.equal(canonicalJson(again.export()), canonicalJson(exported));
      const messages = more.map((o) => toMessage(world, o));
      const [a, b] = [world.block(messages, { seconds: 30n }), again.block(messages, { seconds: 30n })];
      assert.deepEqual(
        a.refused.map((e) => e?.message),
        b.refused.map((e) => e?.message),
      );
      assert.deepEqual(a.updates, b.updates);
    }),
    { numRuns: 60 },
  );
});
