// SPDX-License-Identifier: Apache-2.0
// Who runs an operation: every thread of a team walks through the same operations and takes its share of each pass.
// Integer sums make any split exact, so shares change no bit.

export interface Team {
  /** 0 for the thread that called the trainer. */
  readonly id: number;
  readonly size: number;
  /** Calls `run` for this thread's share of 0..units-1, cut at multiples of `granule`; not at all when it is empty. */
  split(units: number, granule: number, run: (from: number, to: number) => void): void;
  /** Until every thread is here. */
  wait(): void;
  /** The largest of all threads' values (int32), the same on every thread; waits. */
  top(value: number): number;
}

/** A team of one. */
export const SOLO: Team = {
  id: 0,
  size: 1,
  split: (units, _granule, run) => {
    if (units > 0) run(0, units);
  },
  wait: () => {},
  top: (value) => value,
};

/** Int32 words that the threads of a team share; the slots of `top` follow, two for each thread. */
export const CONTROL = { arrived: 0, phase: 1, asleep: 2, failed: 3, command: 4, slots: 16 } as const;

/** A thread of the team died or hangs: the trainer is unusable. */
export class TeamError extends Error {
  override readonly name = 'TeamError';
}

/** Control words for `size` threads. */
export function createControl(size: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * (CONTROL.slots + 2 * size)));
}

/**
 * How often a waiting thread looks before it sleeps: 30 to 200 microseconds. Waking up costs some 50, so looking pays
 * while the others are about to come; where a core is taken away they are not, and looking would take its time from
 * them. So each wait that ended asleep halves the looks of the next ones, and each that did not doubles them.
 */
const LOOKS = { least: 6000, most: 40_000 } as const;
const PATIENCE_MS = 60_000;

/** What a thread has learnt about looking. */
export interface Looks {
  next: number;
}

export function createLooks(): Looks {
  return { next: LOOKS.most };
}

/** Until `control[word]` is no longer `value`: looks a while, then sleeps. TeamError when a thread failed or none comes. */
export function awaitChange(
  control: Int32Array<SharedArrayBuffer>,
  word: number,
  value: number,
  looks: Looks,
  patienceMs: number = PATIENCE_MS,
): void {
  for (let i = 0; i < looks.next && Atomics.load(control, word) === value; i++);
  const came = Atomics.load(control, word) !== value;
  looks.next = came ? Math.min(LOOKS.most, 2 * looks.next) : Math.max(LOOKS.least, looks.next >> 1);
  if (!came) sleep(control, word, value, patienceMs);
  if (Atomics.load(control, CONTROL.failed) !== 0) throw new TeamError('wasm: a thread of the trainer failed');
}

function sleep(control: Int32Array<SharedArrayBuffer>, word: number, value: number, patienceMs: number): void {
  Atomics.add(control, CONTROL.asleep, 1);
  try {
    while (Atomics.load(control, word) === value) {
      if (Atomics.wait(control, word, value, patienceMs) === 'timed-out') throw new TeamError('wasm: a thread of the trainer does not answer');
    }
  } finally {
    Atomics.sub(control, CONTROL.asleep, 1);
  }
}

/** Changes a word and wakes who sleeps on it. */
export function signal(control: Int32Array<SharedArrayBuffer>, word: number): void {
  Atomics.add(control, word, 1);
  if (Atomics.load(control, CONTROL.asleep) > 0) Atomics.notify(control, word);
}

/** Thread `id` of a team of `size`. */
export function joinTeam(control: Int32Array<SharedArrayBuffer>, id: number, size: number): Team {
  let parity = 0;
  const looks = createLooks();
  const wait = (): void => {
    const phase = Atomics.load(control, CONTROL.phase);
    if (Atomics.add(control, CONTROL.arrived, 1) + 1 < size) {
      awaitChange(control, CONTROL.phase, phase, looks);
      return;
    }
    Atomics.store(control, CONTROL.arrived, 0);
    signal(control, CONTROL.phase);
  };
  return {
    id,
    size,
    split: (units, granule, run) => {
      const cut = (i: number): number => Math.min(units, Math.ceil((units * i) / size / granule) * granule);
      const [from, to] = [cut(id), cut(id + 1)];
      if (from < to) run(from, to);
    },
    wait,
    top: (value) => {
      // Two sets of slots: a thread may write its next value while another still reads this one.
      const slots = CONTROL.slots + parity * size;
      parity ^= 1;
      Atomics.store(control, slots + id, value);
      wait();
      let top = value;
      for (let i = 0; i < size; i++) top = Math.max(top, Atomics.load(control, slots + i));
      return top;
    },
  };
}
