// SPDX-License-Identifier: Apache-2.0
// Openings of leaves from an artifact and the parent's state: answers to challenges, and proofs of fraud.

import { type Steps, segmentCount, segmentSteps } from '../../modules/pogo/segments.ts';
import type { LeafOpening, OpenedLeaf, OpenedRecord } from '../../proto/gen/pogo.v1.ts';
import { MODEL4_LEAF_BYTES } from '../../train/layout.ts';
import { type MerkleTree, pathOf, treeOf } from '../../train/merkle.ts';
import { type Parts, treeOfParts } from '../../train/parts.ts';
import type { ArtifactReader } from '../artifact/reader.ts';

interface Leaves {
  readonly bytes: Parts;
  readonly tree: MerkleTree;
}

/** Opens leaves of one artifact. Trees are kept, since challenges share segments; leaves are read where they lie. */
export class Opener {
  readonly #reader: ArtifactReader;
  readonly #parent: Parts;
  readonly #terms: Steps;
  readonly #records: readonly Uint8Array[];
  readonly #trace: MerkleTree;
  readonly #kept: Map<string, Leaves> = new Map();

  /** `parent` is the state before step 1. ArtifactError when the records are malformed. */
  constructor(reader: ArtifactReader, parent: Parts) {
    this.#reader = reader;
    this.#parent = parent;
    this.#terms = reader.shape;
    this.#records = reader.records();
    this.#trace = treeOf(this.#records);
  }

  open(segment: number, leaf: number): LeafOpening {
    const { first, last } = segmentSteps(this.#terms, segment);
    const steps = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const opening: LeafOpening = {
      segment,
      leaf,
      records: steps.map((step) => this.#record(step)),
      oldLeaf: this.#leaf(this.#state(first - 1), leaf),
      codes: steps.map((step) => this.#leaf(this.#codes(step), leaf)),
      newLeaf: this.#leaf(this.#state(last), leaf),
    };
    const before = segment === 0 ? {} : { before: this.#record(first - 1) };
    const code4 = segment < segmentCount(this.#terms) - 1 ? {} : { code4Leaf: this.#leaf(this.#model4(), leaf) };
    return { ...opening, ...before, ...code4 };
  }

  #record(step: number): OpenedRecord {
    return { record: this.#records[step - 1] as Uint8Array, path: pathOf(this.#trace, step - 1) };
  }

  #leaf({ bytes, tree }: Leaves, leaf: number): OpenedLeaf {
    const size = bytes.length / tree.count;
    return { leaf: new Uint8Array(bytes.subarray(leaf * size, (leaf + 1) * size)), path: pathOf(tree, leaf) };
  }

  #state(step: number): Leaves {
    return this.#keep(`state ${step}`, this.#reader.shape.stateLeafBytes, () => (step === 0 ? this.#parent : this.#reader.state(step)));
  }

  #codes(step: number): Leaves {
    return this.#keep(`codes ${step}`, this.#reader.shape.codeLeafBytes, () => this.#reader.codesInPlace(step));
  }

  #model4(): Leaves {
    return this.#keep('model4', MODEL4_LEAF_BYTES, () => this.#reader.model4());
  }

  #keep(key: string, leafBytes: number, read: () => Parts): Leaves {
    let leaves = this.#kept.get(key);
    if (leaves === undefined) {
      const bytes = read();
      leaves = { bytes, tree: treeOfParts(bytes, leafBytes) };
      this.#kept.set(key, leaves);
    }
    return leaves;
  }
}
