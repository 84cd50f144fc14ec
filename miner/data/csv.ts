// SPDX-License-Identifier: Apache-2.0
// Comma-separated values as RFC 4180 has them: records end with a line end, fields may stand in double quotes, in which
// a quote is written twice and commas and line ends count as text. The first record names the columns.
import { DataError } from './idx.ts';
import { textOf } from './vocabulary.ts';

export interface CsvRecord {
  /** Line on which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

type State = 'start' | 'plain' | 'quoted' | 'closed';

/** One record at a time, character by character. */
class Parser {
  readonly #file: string;
  #state: State = 'start';
  #field = '';
  #fields: string[] = [];
  #line = 1;
  #begun = 1;

  constructor(file: string) {
    this.#file = file;
  }

  /** The record that ends with this character. */
  take(c: string): CsvRecord | undefined {
    if (c === '\n') this.#line++;
    if (this.#state === 'quoted') {
      if (c === '"') this.#state = 'closed';
      else this.#field += c;
    } else if (c === '"') this.#quote();
    else if (c === ',') this.#endField();
    else if (c === '\n') return this.#endRecord();
    else if (this.#state === 'closed') throw this.#broken('something follows the closing quote of a field');
    else {
      this.#field += c;
      this.#state = 'plain';
    }
    return undefined;
  }

  /** The record that ends with the file. */
  end(): CsvRecord | undefined {
    if (this.#state === 'quoted') throw this.#broken('a quoted field has no closing quote', this.#begun);
    return this.#endRecord();
  }

  #quote(): void {
    if (this.#state === 'plain') throw this.#broken('a quote stands in the middle of a field; a field with quotes must stand in quotes itself');
    if (this.#state === 'closed') this.#field += '"';
    this.#state = 'quoted';
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#state = 'start';
  }

  #endRecord(): CsvRecord | undefined {
    const empty = this.#fields.length === 0 && this.#field === '' && this.#state === 'start';
    const line = this.#begun;
    this.#begun = this.#line;
    if (empty) return undefined;
    this.#endField();
    const fields = this.#fields;
    this.#fields = [];
    return { line, fields };
  }

  #broken(rule: string, line: number = this.#line): DataError {
    return new DataError(`${this.#file}: line ${line}: ${rule}`);
  }
}

/** The records of a CSV text; empty lines are left out. DataError names the line and the rule. */
export function* recordsOf(chunks: Iterable<Uint8Array>, file: string): Generator<CsvRecord> {
  const parser = new Parser(file);
  for (const text of textOf(chunks)) {
    for (const c of text) {
      const record = parser.take(c);
      if (record !== undefined) yield record;
    }
  }
  const last = parser.end();
  if (last !== undefined) yield last;
}
