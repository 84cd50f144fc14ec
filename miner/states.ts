// SPDX-License-Identifier: Apache-2.0
// Model states on disk, each under its root, so that a daemon that starts again has its head at once.
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes, toHex } from '../core/bytes.ts';
import { layoutOf } from '../train/layout.ts';
import { inParts, type Parts } from '../train/parts.ts';
import { stateTree } from '../train/round.ts';
import type { TrainSpec } from '../train/spec.ts';
import { type FileParts, openParts } from './artifact/file-parts.ts';

export class StateStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  has(root: Uint8Array): boolean {
    return existsSync(this.#fileOf(root));
  }

  /** The state of that root, to be closed; undefined when it is not here. A file that does not hash to the root is removed. */
  get(spec: TrainSpec, root: Uint8Array): FileParts | undefined {
    if (!this.has(root)) return undefined;
    const state = openParts(this.#fileOf(root));
    if (isState(spec, state, root)) return state;
    state.close();
    rmSync(this.#fileOf(root), { force: true });
    return undefined;
  }

  /** Keeps a state whose root the caller computed or checked. */
  put(spec: TrainSpec, root: Uint8Array, state: Parts): void {
    const file = this.#fileOf(root);
    if (existsSync(file)) return;
    // Two threads of a daemon may keep the same state at once.
    const beside = `${file}.${randomUUID()}.tmp`;
    const handle = openSync(beside, 'w', 0o600);
    try {
      for (const part of inParts(state, layoutOf(spec).stateLeafBytes)) writeFileSync(handle, part);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(beside, file);
  }

  /** Removes all but the `keep` newest and those of `roots`. */
  prune(keep: number, roots: readonly Uint8Array[]): void {
    const kept = new Set(roots.map((root) => toHex(root)));
    // What another thread has renamed meanwhile is none of the oldest.
    const at = (name: string): number => statSync(join(this.#folder, name), { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    const dated = readdirSync(this.#folder).map((name) => ({ name, at: at(name) }));
    dated.sort((a, b) => b.at - a.at);
    for (const { name } of dated.slice(keep)) if (!kept.has(name)) rmSync(join(this.#folder, name), { force: true });
  }

  #fileOf(root: Uint8Array): string {
    return join(this.#folder, toHex(root));
  }
}

/** Whether `state` has the length that the specification asks for and this root. */
export function isState(spec: TrainSpec, state: Parts, root: Uint8Array): boolean {
  return state.length === layoutOf(spec).stateBytes && equalBytes(stateTree(spec, state).root, root);
}
