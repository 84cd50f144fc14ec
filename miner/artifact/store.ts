// SPDX-License-Identifier: Apache-2.0
// Artifacts on disk by root: <folder>/<root>/data and <folder>/<root>/hashes (chunk hashes, 32 bytes each). A folder
// of that name is complete; `.part` folders are downloads to be resumed, `.draft` folders are thrown away at start.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { equalBytes, fromHex, toHex } from '../../core/bytes.ts';
import { chunkCount, rootOfChunks } from './chunks.ts';

export interface Stored {
  readonly root: Uint8Array;
  /** Bytes. */
  readonly size: number;
  /** File of the whole byte string. */
  readonly file: string;
  /** Chunk hashes, 32 bytes each. */
  readonly hashes: Uint8Array;
}

/** Artifacts whose chunk hashes stay in memory: those that are being served; 32 MiB of hashes for each 64 GiB. */
const REMEMBERED = 16;

interface Remembered {
  readonly hashes: Uint8Array;
  /** Of the file of hashes, when they were checked. */
  readonly mtimeMs: number;
}

export class ArtifactStore {
  readonly folder: string;
  /** Checked hashes by folder, last used last: a download makes one request for each MiB. */
  readonly #checked: Map<string, Remembered> = new Map();
  /** Downloads under way in each `.part` folder. */
  readonly #underway: Map<string, number> = new Map();

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Removes what a killed process left unfinished; for the one owner of the folder, at start. */
  sweep(): void {
    for (const name of readdirSync(this.folder)) if (name.endsWith('.draft')) rmSync(join(this.folder, name), { recursive: true, force: true });
  }

  /** The artifact of that root, if complete here. */
  get(root: Uint8Array): Stored | undefined {
    const folder = this.#folderOf(root);
    const file = join(folder, 'data');
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined) return undefined;
    const hashes = this.#hashesIn(folder, root);
    if (hashes === undefined || hashes.length !== 32 * chunkCount(size)) {
      // A damaged entry is as good as none: it can be fetched or trained again.
      this.remove(root);
      return undefined;
    }
    return { root, size, file, hashes };
  }

  /** The chunk hashes in a folder; undefined when there are none, or they do not lead to the root. */
  #hashesIn(folder: string, root: Uint8Array): Uint8Array | undefined {
    const file = join(folder, 'hashes');
    const mtimeMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    if (mtimeMs === undefined) return undefined;
    const known = this.#checked.get(folder);
    this.#checked.delete(folder);
    const fresh = known?.mtimeMs === mtimeMs ? known : { hashes: new Uint8Array(readFileSync(file)), mtimeMs };
    if (fresh !== known && !equalBytes(rootOfChunks(fresh.hashes), root)) return undefined;
    this.#checked.set(folder, fresh);
    for (const oldest of this.#checked.keys()) {
      if (this.#checked.size <= REMEMBERED) break;
      this.#checked.delete(oldest);
    }
    return fresh.hashes;
  }

  /** Roots of the complete artifacts, least recently made first. */
  list(): Uint8Array[] {
    const names = readdirSync(this.folder).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const dated = names.map((name) => ({ name, at: statSync(join(this.folder, name)).mtimeMs }));
    return dated.sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1)).map(({ name }) => fromHex(name));
  }

  /** Removes an artifact whole, if it is here: a process that dies meanwhile leaves a draft, never half an artifact. */
  remove(root: Uint8Array): void {
    const folder = this.#folderOf(root);
    this.#checked.delete(folder);
    if (!existsSync(folder)) return;
    const gone = join(this.folder, `${randomUUID()}.draft`);
    renameSync(folder, gone);
    this.discard(gone);
  }

  /** A new folder for an artifact in the making, its data file open for writing. */
  draft(): { readonly folder: string; readonly handle: number } {
    const folder = join(this.folder, `${randomUUID()}.draft`);
    mkdirSync(folder);
    return { folder, handle: openSync(join(folder, 'data'), 'w', 0o600) };
  }

  discard(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }

  /** Downloads into the folder where what there is of that root lies while it is incomplete; it stays until the end. */
  async inPart<T>(root: Uint8Array, download: (folder: string) => Promise<T>): Promise<T> {
    const folder = `${this.#folderOf(root)}.part`;
    mkdirSync(folder, { recursive: true });
    this.#underway.set(folder, (this.#underway.get(folder) ?? 0) + 1);
    try {
      return await download(folder);
    } finally {
      const others = (this.#underway.get(folder) ?? 1) - 1;
      if (others > 0) this.#underway.set(folder, others);
      else this.#underway.delete(folder);
    }
  }

  /** Removes all but the newest incomplete downloads and those under way: of many artifacts only the final state is ever asked for. */
  pruneParts(keep: number): void {
    const dated = readdirSync(this.folder)
      .filter((name) => name.endsWith('.part'))
      .map((name) => ({ path: join(this.folder, name), at: statSync(join(this.folder, name)).mtimeMs }));
    dated.sort((a, b) => b.at - a.at);
    for (const { path } of dated.slice(keep)) if (!this.#underway.has(path)) this.discard(path);
  }

  /** Makes a folder with a complete, synced `data` the artifact of that root. */
  adopt(folder: string, root: Uint8Array, size: number, hashes: Uint8Array): Stored {
    writeSynced(join(folder, 'hashes'), hashes);
    const target = this.#folderOf(root);
    if (this.get(root) !== undefined) this.discard(folder);
    else {
      // What is no artifact stands in the way of one.
      this.remove(root);
      renameSync(folder, target);
    }
    syncFolder(this.folder);
    return { root, size, file: join(target, 'data'), hashes };
  }

  #folderOf(root: Uint8Array): string {
    return join(this.folder, toHex(root));
  }
}

/** Writes a file and waits until it is on the disk. */
export function writeSynced(file: string, bytes: Uint8Array): void {
  const handle = openSync(file, 'w', 0o600);
  try {
    writeFileSync(handle, bytes);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
