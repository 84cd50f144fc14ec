// SPDX-License-Identifier: Apache-2.0
// Downloads an artifact from whoever has it. Root and size come from the chain; the chunk hashes are checked against
// the root before any chunk is asked for, and each chunk against its hash while it arrives, so a source can refuse
// but never deceive. What arrived stays on disk and a later call resumes from it.
import { closeSync, constants, existsSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes, toHex } from '../../core/bytes.ts';
import { CHUNK_BYTES, chunkCount, chunkLength, isChunk, rootOfChunks } from './chunks.ts';
import { type FileParts, openParts } from './file-parts.ts';
import { type ArtifactStore, type Stored, writeSynced } from './store.ts';

/** No source had it, in whole or in part; `reasons` says what each one answered. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly reasons: readonly string[];
  constructor(root: Uint8Array, reasons: readonly string[]) {
    super(`artifact ${toHex(root)}: no source has it: ${reasons.join('; ') || 'none is known'}`);
    this.reasons = reasons;
  }
}

export interface FetchRequest {
  readonly root: Uint8Array;
  readonly size: number;
  /** HTTP base addresses, best first. */
  readonly locations: readonly string[];
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte until a source is given up; 10,000 by default. */
  readonly idleMs?: number;
}

/** Chunks of one range request: 1 MiB. */
const CHUNKS_PER_REQUEST = 16;

/** The artifact, from the store or downloaded into it. UnavailableError when the sources do not yield it. */
export async function fetchArtifact(store: ArtifactStore, request: FetchRequest): Promise<Stored> {
  const kept = store.get(request.root);
  if (kept !== undefined) return kept;
  return await store.inPart(request.root, (folder) =>
    fromAny(request, async (location) => {
      const hashes = await chunkHashes(folder, location, request);
      await download(folder, location, request, hashes, [0, chunkCount(request.size)]);
      return store.adopt(folder, request.root, request.size, hashes);
    }),
  );
}

/** The bytes `from` to `to` (exclusive) of an artifact, to be closed: only the chunks that hold them are downloaded. */
export async function fetchRange(store: ArtifactStore, request: FetchRequest, from: number, to: number): Promise<FileParts> {
  const kept = store.get(request.root);
  if (kept !== undefined) return openParts(kept.file, from, to);
  return await store.inPart(request.root, async (folder) => {
    await fromAny(request, async (location) => {
      const hashes = await chunkHashes(folder, location, request);
      await download(folder, location, request, hashes, [Math.floor(from / CHUNK_BYTES), chunkCount(to)]);
    });
    // A download of the whole may have ended meanwhile.
    return openParts(store.get(request.root)?.file ?? join(folder, 'data'), from, to);
  });
}

/** The first location that succeeds. */
async function fromAny<T>(request: FetchRequest, attempt: (location: string) => Promise<T>): Promise<T> {
  const reasons: string[] = [];
  for (const location of new Set(request.locations)) {
    request.signal?.throwIfAborted();
    try {
      if (!isHttp(location)) throw new Error('is not an HTTP address');
      return await attempt(location);
    } catch (error) {
      request.signal?.throwIfAborted();
      reasons.push(`${location}: ${describe(error)}`);
    }
  }
  throw new UnavailableError(request.root, reasons);
}

/** Whether a text from the chain is worth a request. */
export function isHttp(location: string): boolean {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  return location.length <= 256 && (url?.protocol === 'http:' || url?.protocol === 'https:');
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message}${cause}`;
}

async function chunkHashes(folder: string, location: string, request: FetchRequest): Promise<Uint8Array> {
  const file = join(folder, 'hashes');
  const fits = (hashes: Uint8Array): boolean => hashes.length === 32 * chunkCount(request.size) && equalBytes(rootOfChunks(hashes), request.root);
  if (existsSync(file)) {
    const kept = new Uint8Array(readFileSync(file));
    if (fits(kept)) return kept;
  }
  const hashes = new Uint8Array(32 * chunkCount(request.size));
  let at = 0;
  for await (const part of get(location, `/artifacts/${toHex(request.root)}/hashes`, undefined, hashes.length, request)) {
    hashes.set(part, at);
    at += part.length;
  }
  if (at !== hashes.length || !fits(hashes)) throw new Error('its chunk hashes do not lead to the root');
  writeSynced(file, hashes);
  return hashes;
}

type Chunks = readonly [first: number, end: number];

async function download(folder: string, location: string, request: FetchRequest, hashes: Uint8Array, chunks: Chunks): Promise<void> {
  const handle = openSync(join(folder, 'data'), constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const missing = missingChunks(handle, request.size, hashes, chunks);
    for (let i = 0; i < missing.length; ) {
      const first = missing[i] as number;
      let count = 1;
      while (count < CHUNKS_PER_REQUEST && missing[i + count] === first + count) count++;
      await downloadRun(handle, location, request, hashes, first, count);
      i += count;
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Chunks that are not on disk yet. Nothing but the bytes themselves is believed, so a torn write is just missing. */
function missingChunks(handle: number, size: number, hashes: Uint8Array, [first, end]: Chunks): number[] {
  const missing: number[] = [];
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let index = first; index < end; index++) {
    const n = readSync(handle, buffer, 0, chunkLength(index, size), index * CHUNK_BYTES);
    if (!isChunk(buffer.subarray(0, n), index, size, hashes)) missing.push(index);
  }
  return missing;
}

async function downloadRun(handle: number, location: string, request: FetchRequest, hashes: Uint8Array, first: number, count: number): Promise<void> {
  const start = first * CHUNK_BYTES;
  const end = Math.min((first + count) * CHUNK_BYTES, request.size) - 1;
  const buffer = new Uint8Array(CHUNK_BYTES);
  let index = first;
  let filled = 0;
  for await (const part of get(location, `/artifacts/${toHex(request.root)}`, `bytes=${start}-${end}`, end - start + 1, request)) {
    for (let at = 0; at < part.length; ) {
      const length = chunkLength(index, request.size);
      const n = Math.min(length - filled, part.length - at);
      buffer.set(part.subarray(at, at + n), filled);
      filled += n;
      at += n;
      if (filled < length) continue;
      const chunk = buffer.subarray(0, length);
      if (!isChunk(chunk, index, request.size, hashes)) throw new Error(`chunk ${index} is not the committed one`);
      writeSync(handle, chunk, 0, length, index * CHUNK_BYTES);
      index++;
      filled = 0;
    }
  }
  if (index !== first + count) throw new Error(`ended within chunk ${index}`);
}

/** The body of one answer, never more than `limit` bytes; redirects are not followed, since the address was on chain and the next is not. */
async function* get(location: string, path: string, range: string | undefined, limit: number, request: FetchRequest): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const idleMs = request.idleMs ?? 10_000;
  let timer = setTimeout(() => stop.abort(new Error(`silent for ${idleMs} ms`)), idleMs);
  const signal = request.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, request.signal]);
  try {
    const response = await fetch(location.replace(/\/+$/, '') + path, { signal, redirect: 'error', headers: range === undefined ? {} : { range } });
    if (response.status !== (range === undefined ? 200 : 206)) throw new Error(`answered ${response.status}`);
    let got = 0;
    for await (const part of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(new Error(`silent for ${idleMs} ms`)), idleMs);
      got += part.length;
      if (got > limit) throw new Error(`sent more than ${limit} bytes`);
      yield part;
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}
