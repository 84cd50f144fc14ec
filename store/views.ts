// SPDX-License-Identifier: Apache-2.0
// Read access to one version of the state.
import type { Entry, MultiReadStore, Range, ReadStore } from '../core/store.ts';
import type { NodeSource, TreeNode } from './node.ts';
import { treeEntries, treeGet } from './tree.ts';

/** The trees of one version, in the order of the sorted store names. */
export type Roots = readonly (TreeNode | undefined)[];

function treeView(source: NodeSource, root: TreeNode | undefined): ReadStore {
  return {
    get: (key: Uint8Array): Uint8Array | undefined => treeGet(source, root, key),
    has: (key: Uint8Array): boolean => treeGet(source, root, key) !== undefined,
    iterate: (range?: Range): IterableIterator<Entry> => treeEntries(source, root, range),
  };
}

/** View of a version's trees. */
export function multiView(names: readonly string[], sources: readonly NodeSource[], roots: Roots): MultiReadStore {
  const views = new Map<string, ReadStore>();
  names.forEach((name, i) => {
    views.set(name, treeView(sources[i] as NodeSource, roots[i]));
  });
  return {
    names,
    store(name: string): ReadStore {
      const view = views.get(name);
      if (view === undefined) throw new Error(`store: there is no store "${name}"; there are ${names.join(', ')}`);
      return view;
    },
  };
}
