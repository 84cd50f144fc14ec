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

/** The records of a CSV text; empty lines are left out. DataError names the line and the rule. */
export function* recordsOf(chunks: Iterable<Uint8Array>, file: string): Generator<CsvRecord> {
  let state: State = 'start';
  let field = '';
  let fields: string[] = [];
  let line = 1;
  let begun = 1;
  const broken = (rule: string): DataError => new DataError(`${file}: line ${line}: ${rule}`);
  const endField = (): void => {
    fields.push(field);
    field = '';
    state = 'start';
  };
  for (const text of textOf(chunks)) {
    for (const c of text) {
      if (state === 'quoted') {
        if (c === '"') state = 'closed';
        else field += c;
        if (c === '\n') line++;
        continue;
      }
      if (c === ',') endField();
      else if (c === '\n') {
        const empty = fields.length === 0 && field === '' && state === 'start';
        endField();
        if (!empty) yield { line: begun, fields };
        fields = [];
        begun = ++line;
      } else if (c === '"') {
        if (state === 'plain') throw broken('a quote stands in the middle of a field; a field with quotes must stand in quotes itself');
        if (state === 'closed') field += '"';
        state = 'quoted';
      } else if (state === 'closed') throw broken('something follows the closing quote of a field');
      else {
        field += c;
        state = 'plain';
      }
    }
  }
  if (state === 'quoted') throw new DataError(`${file}: line ${begun}: a quoted field has no closing quote`);
  if (fields.length > 0 || field !== '' || state !== 'start') {
    endField();
    yield { line: begun, fields };
  }
}
