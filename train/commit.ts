// SPDX-License-Identifier: Apache-2.0
// What computes the roots that a round's records hold. Here it happens at once; a host may hash elsewhere while the
// next steps train, and the roots are the same.
import type { Awaitable } from './backend.ts';
import type { Layout } from './layout.ts';
import { treeOfLeaves } from './merkle.ts';
import { type Parts, treeOfParts } from './parts.ts';

/** Roots over a step's codes and, at a checkpoint, over the state after it. */
export interface Roots {
  readonly codeRoot: Uint8Array;
  readonly stateRoot?: Uint8Array;
}

/** Takes what steps commit, in order, and gives their roots back in the same order. Errors of the hashing come out of either. */
export interface Committer {
  /** Steps that may be put before the first of them is taken: 1 or more. */
  readonly depth: number;
  /** Whether states are put as they lie in the trainer, for nobody else will read them; absent: each is a copy, and progress has it. */
  readonly inPlace?: boolean;
  /** What a step commits; the bytes are copied or hashed when it resolves. Waits while there is no room. */
  put(codes: Uint8Array, state: Parts | undefined): Awaitable<void>;
  /** Whether `take` would not have to wait. */
  ready(): boolean;
  /** Roots of the oldest step that was put and not yet taken. */
  take(): Awaitable<Roots>;
}

/** Hashes in the calling thread, when something is put. */
export function inlineCommitter(layout: Layout): Committer {
  let roots: Roots | undefined;
  return {
    depth: 1,
    put: (codes, state) => {
      const codeRoot = treeOfLeaves(codes, layout.codeLeafBytes).root;
      roots = state === undefined ? { codeRoot } : { codeRoot, stateRoot: treeOfParts(state, layout.stateLeafBytes).root };
    },
    ready: () => roots !== undefined,
    take: () => {
      if (roots === undefined) throw new Error('commit: nothing was put');
      const taken = roots;
      roots = undefined;
      return taken;
    },
  };
}
