// SPDX-License-Identifier: Apache-2.0
// The decision about one opened leaf: what an honest opening is, and every way of departing from it.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { leafHash } from '../../../../core/merkle.ts';
import { checkOpening, type OpeningContext, type OpeningResult } from '../../../../modules/pogo/opening.ts';
import { roundSeed } from '../../../../modules/pogo/seeds.ts';
import { Fault, type LeafOpening, type OpenedLeaf, type OpenedRecord } from '../../../../proto/gen/pogo.v1.ts';
import { stateTree } from '../../../../train/round.ts';
import { batchDigest } from '../../../../train/samples.ts';
import { finalState, INIT_STATE, LAYOUT, open, quantised, rebuild, rootsOf, SPEC, TRAINING, train, type Work } from '../../../app/pogo-work.ts';
import { TERMS } from '../../../app/pogo-world.ts';

const SEED = roundSeed(new Uint8Array(32), { job: 1n, round: 1n });
const binding = { chainId: 'pogo-1', job: 1n, round: 1n, miner: new Uint8Array(20).fill(1) };
let honest: Work;

async function work(change: Partial<Work['input']> = {}): Promise<Work> {
  return train({ binding, roundSeed: SEED, parentState: INIT_STATE, stepsBefore: 0, terms: { ...TERMS, steps: 5 }, ...change });
}

function contextOf(w: Work): OpeningContext {
  return {
    binding,
    spec: SPEC,
    terms: w.input.terms,
    roundSeed: SEED,
    samples: TRAINING.size,
    parentRoot: stateTree(SPEC, INIT_STATE).root,
    stepsBefore: 0,
    ...rootsOf(w),
  };
}

const check = (w: Work, opening: LeafOpening, ctx: Partial<OpeningContext> = {}): OpeningResult => checkOpening({ ...contextOf(w), ...ctx }, opening);

function assertMalformed(result: OpeningResult, rule: RegExp): void {
  assert.equal(result.kind, 'malformed', JSON.stringify(result));
  assert.match(result.kind === 'malformed' ? result.message : '', rule);
}

function assertFault(result: OpeningResult, fault: number, rule = /./): void {
  assert.equal(result.kind, 'fault', JSON.stringify(result));
  if (result.kind !== 'fault') return;
  assert.equal(result.fault, fault, result.message);
  assert.match(result.message, rule);
}

/** A copy whose parts can be changed. */
async function forged(change: (w: Work) => void): Promise<Work> {
  const w = await work();
  change(w);
  return w;
}

describe('opening', () => {
  before(async () => {
    honest = await work();
  });

  test('every leaf of every segment of honest work is in order, the short last segment included', () => {
    for (let segment = 0; segment < 3; segment++) {
      for (let leaf = 0; leaf < LAYOUT.leafCount; leaf++) assert.deepEqual(check(honest, open(honest, segment, leaf)), { kind: 'ok' });
    }
  });

  test('indices off by one are malformed', () => {
    const o = open(honest, 1, 2);
    assertMalformed(check(honest, { ...o, segment: 3 }), /segment: 3 is not below 3/);
    assertMalformed(check(honest, { ...o, leaf: 4 }), /leaf: 4 is not below 4/);
    assertMalformed(check(honest, { ...o, leaf: 1 }), /old_leaf: its path does not lead/);
    assertMalformed(check(honest, { ...open(honest, 0, 2), segment: 1 }), /before: expected exactly/);
    assertMalformed(check(honest, { ...o, segment: 2 }), /records: 2 given, segment 2 has 1 steps/);
  });

  test('missing and surplus parts are malformed', () => {
    const o = open(honest, 1, 0);
    const last = open(honest, 2, 0);
    assertMalformed(check(honest, { ...o, records: o.records.slice(1) }), /records: 1 given/);
    assertMalformed(check(honest, { ...o, codes: [...o.codes, ...o.codes] }), /codes: 4 given/);
    assertMalformed(check(honest, { ...o, before: undefined }), /before/);
    assertMalformed(check(honest, { ...o, oldLeaf: undefined }), /old_leaf: is required/);
    assertMalformed(check(honest, { ...o, newLeaf: undefined }), /new_leaf: is required/);
    assertMalformed(check(honest, { ...o, code4Leaf: last.code4Leaf }), /code4_leaf: expected exactly/);
    assertMalformed(check(honest, { ...last, code4Leaf: undefined }), /code4_leaf: expected exactly/);
  });

  test('forged contents and paths are malformed, never a fault: anybody could send them', () => {
    const o = open(honest, 1, 0);
    const flip = (b: Uint8Array): Uint8Array => b.map((x, i) => (i === 5 ? x ^ 1 : x));
    const leaf = (l: OpenedLeaf | undefined): OpenedLeaf => ({ leaf: flip(l?.leaf as Uint8Array), path: l?.path ?? [] });
    const records = (change: (r: OpenedRecord) => OpenedRecord): LeafOpening => ({
      ...o,
      records: o.records.map((r, i) => (i === 1 ? change(r) : r)),
    });
    assertMalformed(check(honest, { ...o, oldLeaf: leaf(o.oldLeaf) }), /old_leaf: its path/);
    assertMalformed(check(honest, { ...o, newLeaf: leaf(o.newLeaf) }), /new_leaf: its path/);
    assertMalformed(check(honest, { ...o, codes: o.codes.map((c, i) => (i === 1 ? leaf(c) : c)) }), /codes\[1\]: its path/);
    assertMalformed(
      check(
        honest,
        records((r) => ({ ...r, record: flip(r.record) })),
      ),
      /record of step 4: its path/,
    );
    assertMalformed(
      check(
        honest,
        records((r) => ({ ...r, path: r.path.slice(1) })),
      ),
      /record of step 4: its path/,
    );
    assertMalformed(
      check(
        honest,
        records((r) => ({ ...r, path: [...r.path, r.record.slice(0, 32)] })),
      ),
      /record of step 4: its path/,
    );
    assertMalformed(check(honest, { ...o, before: { ...(o.before as OpenedRecord), path: [] } }), /record of step 2: its path/);
    const swapped = { ...o, records: [...o.records].reverse() };
    assertMalformed(check(honest, swapped), /record of step 3: its path/);
    const last = open(honest, 2, 0);
    assertMalformed(check(honest, { ...last, code4Leaf: leaf(last.code4Leaf) }), /code4_leaf: its path/);
  });

  test('an inner node passed off as a leaf does not verify', () => {
    const o = open(honest, 1, 0);
    // Leaves are hashed behind 0x00, nodes behind 0x01; a path of another length belongs to another tree.
    const { leaf, path } = o.newLeaf as OpenedLeaf;
    const node = new Uint8Array([...leafHash(leaf), ...(path[0] as Uint8Array)]);
    const rest = path.slice(1);
    assertMalformed(check(honest, { ...o, newLeaf: { leaf: node, path: rest } }), /new_leaf: its path/);
  });

  test("records of another chain, job, round or miner are faults of whoever committed them: the copycat's case", () => {
    const other: readonly Partial<typeof binding>[] = [{ chainId: 'pogo-2' }, { job: 2n }, { round: 2n }, { miner: new Uint8Array(20).fill(9) }];
    for (const change of other) {
      const result = check(honest, open(honest, 0, 0), { binding: { ...binding, ...change } });
      assertFault(result, Fault.FAULT_FOREIGN_BINDING, /binds another chain, job, round or miner/);
    }
  });

  test('a batch other than the prescribed one is a fault, also of the record before the segment', async () => {
    for (const step of [2, 4]) {
      const w = await forged((f) => {
        f.records[step - 1] = { ...(f.records[step - 1] as Work['records'][number]), batchDigest: batchDigest(new Uint32Array(8)) };
      });
      assertFault(check(w, open(w, 1, 0)), Fault.FAULT_FOREIGN_BINDING, new RegExp(`record of step ${step}: it names another batch`));
    }
  });

  test('a batch drawn for another round seed is a fault', async () => {
    const w = await work({ roundSeed: new Uint8Array(32).fill(3) });
    assertFault(check(w, open(w, 0, 0)), Fault.FAULT_FOREIGN_BINDING, /another batch/);
  });

  test('a record that names another step is a fault', async () => {
    const w = await forged((f) => {
      f.records[2] = { ...(f.records[3] as Work['records'][number]), step: 4 };
    });
    assertFault(check(w, open(w, 1, 0)), Fault.FAULT_FOREIGN_BINDING, /record of step 3: it names step 4/);
  });

  test('a state root that is missing at a checkpoint, or stands elsewhere, is a fault', async () => {
    const missing = await forged((f) => {
      const { stateRoot: _, ...rest } = f.records[3] as Work['records'][number];
      f.records[3] = rest;
    });
    assertFault(check(missing, open(missing, 1, 0)), Fault.FAULT_WRONG_LEAF, /step 4: a state root stands at checkpoints/);
    assertFault(check(missing, open(missing, 2, 0)), Fault.FAULT_WRONG_LEAF, /step 4/);
    const surplus = await forged((f) => {
      f.records[2] = { ...(f.records[2] as Work['records'][number]), stateRoot: new Uint8Array(32) };
    });
    assertFault(check(surplus, open(surplus, 1, 0)), Fault.FAULT_WRONG_LEAF, /step 3/);
  });

  test('a final state root other than that of the last record is a fault', () => {
    assertFault(check(honest, open(honest, 2, 0), { stateRoot: new Uint8Array(32) }), Fault.FAULT_WRONG_LEAF, /not the commit's/);
  });

  test('one wrong bit of a parameter, of a moment or of padding is a fault of that leaf alone', async () => {
    for (const at of [0, 4096 + 3, 4095, 8191]) {
      const w = await forged((f) => {
        const state = Uint8Array.from(f.states.get(4) as Uint8Array);
        state[at] = (state[at] as number) ^ 1;
        f.states.set(4, state);
        rebuild(f);
      });
      assertFault(check(w, open(w, 1, 0)), Fault.FAULT_WRONG_LEAF, /leaf 0 after step 4 does not follow/);
      assert.deepEqual(check(w, open(w, 1, 1)), { kind: 'ok' });
      assert.deepEqual(check(w, open(w, 0, 0)), { kind: 'ok' });
    }
  });

  test('NaN and infinity in a committed state are faults, old leaf or new', async () => {
    for (const bits of [0x7fc00000, 0x7f800000, 0xff800000]) {
      const w = await forged((f) => {
        const state = Uint8Array.from(f.states.get(2) as Uint8Array);
        new DataView(state.buffer).setUint32(0, bits, true);
        f.states.set(2, state);
        rebuild(f);
      });
      assertFault(check(w, open(w, 0, 0)), Fault.FAULT_WRONG_LEAF);
      assertFault(check(w, open(w, 1, 0)), Fault.FAULT_WRONG_STEP, /not finite/);
    }
  });

  test('codes that no encoder makes are faults: negative zero, exponents out of range, all zero with an exponent', async () => {
    const spoil: readonly ((codes: Uint8Array) => void)[] = [
      (c) => c.set([8], 1),
      (c) => c.set([0], 0),
      (c) => c.set([255], 0),
      (c) => {
        c.fill(0, 0, 33);
        c[0] = 90;
      },
    ];
    for (const change of spoil) {
      const w = await forged((f) => {
        change(f.codes[1] as Uint8Array);
        rebuild(f);
      });
      assertFault(check(w, open(w, 0, 0)), Fault.FAULT_WRONG_STEP, /codes/);
    }
  });

  test('a 4-bit model that is not the quantisation is a fault of the last segment', async () => {
    const w = await forged((f) => {
      f.model4 = quantised(INIT_STATE);
    });
    assertFault(check(w, open(w, 2, 0)), Fault.FAULT_WRONG_CODE4, /not the quantisation/);
    assert.deepEqual(check(w, open(w, 1, 0)), { kind: 'ok' });
    assert.deepEqual(quantised(finalState(honest)), honest.model4);
  });

  test('segment 0 starts from the head, not from a state of the miner', () => {
    assertMalformed(check(honest, open(honest, 0, 0), { parentRoot: new Uint8Array(32) }), /old_leaf: its path/);
  });

  test('the global step count of the head enters the learning rate', () => {
    assertFault(check(honest, open(honest, 0, 0), { stepsBefore: 500 }), Fault.FAULT_WRONG_LEAF);
  });
});
