// SPDX-License-Identifier: Apache-2.0
// An RFC 6962 root over leaves as they come, in memory of the tree's depth: complete subtrees wait on a stack, as the
// bits of the number of leaves say, and are joined from the right at the end.
import { innerHash, leafHash } from '../../core/merkle.ts';
import { DataError } from './idx.ts';

export class RootBuilder {
  /** Roots of complete subtrees, largest first; sizes are the powers of two in `#count`. */
  readonly #stack: Uint8Array[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(leaf: Uint8Array): void {
    let hash = leafHash(leaf);
    for (let n = this.#count; n % 2 === 1; n = (n - 1) / 2) hash = innerHash(this.#stack.pop() as Uint8Array, hash);
    this.#stack.push(hash);
    this.#count++;
  }

  /** DataError without leaves: an empty set is none. */
  root(): Uint8Array {
    let root = this.#stack.at(-1);
    if (root === undefined) throw new DataError('a data set must have samples');
    for (let i = this.#stack.length - 2; i >= 0; i--) root = innerHash(this.#stack[i] as Uint8Array, root);
    return root;
  }
}
