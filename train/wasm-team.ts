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
