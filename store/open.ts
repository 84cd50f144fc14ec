// SPDX-License-Identifier: Apache-2.0
// Opens the folder of a disk store: lock, format, last commit, and whether the kept versions are all there.
import { mkdir, readdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import type { CommitInfo } from '../core/store.ts';
import { corrupt, storeError } from './errors.ts';
import { decodeLast, FORMAT, FORMAT_KEY, heightOfRootsKey, LAST_KEY, rootsKey } from './records.ts';

/** An open folder: its last commit, and the first height that is kept (0 before the first commit). */
export interface Opened {
  readonly db: ClassicLevel<Uint8Array, Uint8Array>;
  readonly last: CommitInfo;
  readonly first: bigint;
}

const MAX_HEIGHT = 0xffffffffffffffffn;
/** How many of the latest kept heights are checked to be without a gap. */
const CHECKED_HEIGHTS = 1000;

/** Whether the folder is new. LevelDB would take a folder that lost its CURRENT file for one, and clear it. */
async function isNew(dir: string): Promise<boolean> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const files = await readdir(dir);
  if (files.includes('CURRENT')) return false;
  if (files.some((file) => /^MANIFEST-|\.(log|ldb|sst)$/.test(file))) throw corrupt(dir, 'its file CURRENT is missing');
  return true;
}

async function checkFormat(db: Opened['db'], dir: string, names: readonly string[], fresh: boolean): Promise<void> {
  const line = `${FORMAT} ${names.join(',')}`;
  const found = db.getSync(FORMAT_KEY);
  if (found === undefined) {
    // The first start may have died between making the folder and writing its format line.
    if (!fresh && (await db.keys({ limit: 1 }).all()).length > 0) throw corrupt(dir, 'its format line is missing');
    await db.put(FORMAT_KEY, new TextEncoder().encode(line), { sync: true });
    return;
  }
  const text = new TextDecoder().decode(found);
  const [format = '', stores = ''] = text.split(' ');
  if (format !== FORMAT) {
    const advice = 'start the program that wrote it, or move the folder away and sync again';
    throw new Error(`store ${dir}: its format is "${format}", this program reads "${FORMAT}"; ${advice}`);
  }
  if (text !== line) throw new Error(`store ${dir}: it holds the stores ${stores}, this program wants ${names.join(',')}`);
}

/** First kept height; refuses a gap among the latest ones (LevelDB drops a damaged piece of its log without a word). */
async function checkHeights(db: Opened['db'], dir: string, last: bigint): Promise<bigint> {
  const [lowest] = await db.keys({ gte: rootsKey(0n), lte: rootsKey(MAX_HEIGHT), limit: 1 }).all();
  if (last === 0n && lowest === undefined) return 0n;
  const upward = await db.keys({ gte: rootsKey(0n), lte: rootsKey(MAX_HEIGHT), reverse: true, limit: CHECKED_HEIGHTS }).all();
  upward.forEach((key, i) => {
    if (heightOfRootsKey(key) !== last - BigInt(i)) throw corrupt(dir, `the roots of height ${last - BigInt(i)} are missing or not the last`);
  });
  if (lowest === undefined || upward.length === 0) throw corrupt(dir, `the last commit is ${last}, but there are no roots`);
  return heightOfRootsKey(lowest);
}

/** Opens or makes the folder; see `openDiskStore` for what is refused. */
export async function openLevel(dir: string, names: readonly string[]): Promise<Opened> {
  const fresh = await isNew(dir).catch((error: unknown) => Promise.reject(storeError(dir, 'opening', error)));
  const db = new ClassicLevel<Uint8Array, Uint8Array>(dir, { keyEncoding: 'view', valueEncoding: 'view', writeBufferSize: 8 * 1024 * 1024 });
  try {
    await db.open({ createIfMissing: fresh });
    await checkFormat(db, dir, names, fresh);
    const bytes = db.getSync(LAST_KEY);
    const last = bytes === undefined ? { height: 0n, appHash: new Uint8Array(0) } : decodeLast('the record of the last commit', bytes);
    return { db, last, first: await checkHeights(db, dir, last.height) };
  } catch (error) {
    await db.close();
    throw storeError(dir, 'opening', error);
  }
}
