// SPDX-License-Identifier: Apache-2.0
// The daemon's journal: what it has signed for, written and synced before it is sent. One JSON object per line,
// preceded by the SHA-256 (first 16 hex digits) of the line before and the object, so that a changed, lost or moved line
// shows. A last line without its newline is a write that never finished, hence nothing that was sent; it is cut off.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { equalBytes, fromHex, toHex, utf8 } from '../core/bytes.ts';
import { sha256 } from '../core/hash.ts';

/** Something signed, by kind and key; the content of a key never changes. */
export interface LedgerEntry {
  /** `commit`, `attestation`, `claim`. */
  readonly kind: string;
  /** What it was signed for, e.g. `job/round` or `job/round/miner`. */
  readonly key: string;
  /** The message's bytes. */
  readonly content: Uint8Array;
  /** What must never be lost, such as a salt. */
  readonly secret: Uint8Array;
}

/** The journal cannot be trusted, or was asked to contradict itself. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
}

export class Ledger {
  readonly #file: string;
  #handle: number;
  readonly #entries: Map<string, LedgerEntry> = new Map();
  #last = '';

  /** Opens or creates the journal (0600). LedgerError names file and line of damage. */
  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.#file = file;
    this.#handle = openSync(file, 'a+', 0o600);
    if ((fstatSync(this.#handle).mode & 0o077) !== 0) {
      closeSync(this.#handle);
      throw new LedgerError(`${file}: must not be readable by others (mode 0600), for it holds salts`);
    }
    const text = readFileSync(this.#handle);
    const end = text.lastIndexOf(10) + 1;
    if (end < text.length) {
      ftruncateSync(this.#handle, end);
      fsyncSync(this.#handle);
    }
    const lines = text.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    lines.forEach((line, i) => {
      const entry = this.#parse(line);
      if (entry === undefined) {
        closeSync(this.#handle);
        throw new LedgerError(`${file}: line ${i + 1} is damaged; restore the file, for without it the daemon might sign twice for one round`);
      }
      this.#entries.set(idOf(entry.kind, entry.key), entry);
    });
  }

  get(kind: string, key: string): LedgerEntry | undefined {
    return this.#entries.get(idOf(kind, key));
  }

  /** All entries of a kind, oldest first. */
  all(kind: string): LedgerEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === kind);
  }

  /** Writes the entry durably. The same again is nothing new; LedgerError for other content under the same key. */
  record(entry: LedgerEntry): void {
    const earlier = this.get(entry.kind, entry.key);
    if (earlier !== undefined) {
      if (equalBytes(earlier.content, entry.content) && equalBytes(earlier.secret, entry.secret)) return;
      throw new LedgerError(`${entry.kind} ${entry.key}: something else was signed already`);
    }
    const json = JSON.stringify({ kind: entry.kind, key: entry.key, content: toHex(entry.content), secret: toHex(entry.secret) });
    const line = this.#line(json);
    const bytes = utf8(`${line}\n`);
    const { size } = fstatSync(this.#handle);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at);
      fsyncSync(this.#handle);
    } catch (error) {
      // A full disk must not leave half a line for the next one to be glued to.
      ftruncateSync(this.#handle, size);
      throw error;
    }
    this.#last = line;
    this.#entries.set(idOf(entry.kind, entry.key), entry);
  }

  /** Size of the file in bytes. */
  get size(): number {
    return fstatSync(this.#handle).size;
  }

  /** Rewrites the journal with the entries for which `keep` holds: to a new file, synced, that then takes the old one's name. */
  compact(keep: (entry: LedgerEntry) => boolean): void {
    const kept = [...this.#entries.values()].filter(keep);
    rmSync(`${this.#file}.new`, { force: true });
    const next = new Ledger(`${this.#file}.new`);
    for (const entry of kept) next.record(entry);
    renameSync(`${this.#file}.new`, this.#file);
    closeSync(this.#handle);
    this.#handle = next.#handle;
    this.#last = next.#last;
    this.#entries.clear();
    for (const entry of kept) this.#entries.set(idOf(entry.kind, entry.key), entry);
  }

  close(): void {
    closeSync(this.#handle);
  }

  #line(json: string): string {
    return `${toHex(sha256(utf8(`${this.#last}\n${json}`))).slice(0, 16)} ${json}`;
  }

  #parse(line: string): LedgerEntry | undefined {
    const json = line.slice(17);
    if (line !== this.#line(json)) return undefined;
    this.#last = line;
    const { kind, key, content, secret } = JSON.parse(json) as Record<'kind' | 'key' | 'content' | 'secret', string>;
    return { kind, key, content: fromHex(content), secret: fromHex(secret) };
  }
}

function idOf(kind: string, key: string): string {
  return `${kind} ${key}`;
}
