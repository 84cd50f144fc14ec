// SPDX-License-Identifier: Apache-2.0
// A CSV file into a set for classification. One column is the label, all others are inputs. A column whose values are all
// numbers is one input: its least value in the training rows is byte 0, its greatest byte 255, between them in proportion, beyond
// them cut off. Any other column is one input per value, 255 for the row's own and 0 for the others. Classes and values
// are numbered in the order of their code units. Of each ten rows the last is kept back (windows.ts).
import { type CsvRecord, recordsOf } from './csv.ts';
import { chunksOf } from './files.ts';
import { DataError } from './idx.ts';
import type { PartRecords, TableInput, TableManifest } from './manifest.ts';
import { PartWriter } from './part.ts';
import type { SetContent } from './set.ts';
import { LEAST_UNITS, PARTS, type PartName, partOf } from './windows.ts';

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const MOST_VALUES = 256;

/** What a first reading of the file finds in a column. */
interface Column {
  readonly name: string;
  numeric: boolean;
  least: number;
  greatest: number;
  /** Undefined once there are more than can be inputs. */
  values: Set<string> | undefined;
}

interface Header {
  readonly names: readonly string[];
  readonly label: number;
}

/** The records behind the header, each with as many fields as it. */
function* rowsOf(file: string, label: string | undefined): Generator<{ readonly header: Header; readonly row: CsvRecord; readonly index: number }> {
  let header: Header | undefined;
  let index = 0;
  for (const row of recordsOf(chunksOf(file), file)) {
    if (header === undefined) {
      header = headerOf(row, label, file);
      continue;
    }
    if (row.fields.length !== header.names.length)
      throw new DataError(`${file}: line ${row.line}: has ${row.fields.length} fields, the header has ${header.names.length}`);
    yield { header, row, index: index++ };
  }
  if (header === undefined) throw new DataError(`${file}: has no header line`);
}

function headerOf({ fields, line }: CsvRecord, label: string | undefined, file: string): Header {
  const names = fields.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (names.length < 2) throw new DataError(`${file}: line ${line}: a table must have an input and a label`);
  if (names.includes('')) throw new DataError(`${file}: line ${line}: column ${names.indexOf('') + 1} has no name`);
  if (twice !== undefined) throw new DataError(`${file}: line ${line}: two columns are named "${twice}"`);
  const at = label === undefined ? names.length - 1 : names.indexOf(label);
  if (at < 0) throw new DataError(`${file}: line ${line}: there is no column "${label}"; there are ${names.join(', ')}`);
  return { names, label: at };
}

function survey(file: string, label: string | undefined): { readonly columns: readonly Column[]; readonly label: number } {
  let columns: Column[] = [];
  let at = 0;
  let rows = 0;
  for (const { header, row, index } of rowsOf(file, label)) {
    if (index === 0) {
      at = header.label;
      columns = header.names.map((name) => ({ name, numeric: true, least: Infinity, greatest: -Infinity, values: new Set() }));
    }
    row.fields.forEach((field, i) => {
      if (field.trim() === '') throw new DataError(`${file}: line ${row.line}: column "${header.names[i]}" is empty`);
      note(columns[i] as Column, field.trim(), partOf(index) === 'train');
    });
    rows++;
  }
  if (rows < LEAST_UNITS) throw new DataError(`${file}: has ${rows} rows, at least ${LEAST_UNITS} are needed`);
  return { columns, label: at };
}

function note(column: Column, value: string, training: boolean): void {
  if (!NUMBER.test(value) || !Number.isFinite(Number(value))) column.numeric = false;
  else if (training) {
    column.least = Math.min(column.least, Number(value));
    column.greatest = Math.max(column.greatest, Number(value));
  }
  column.values?.add(value);
  if ((column.values?.size ?? 0) > MOST_VALUES) column.values = undefined;
}

const ordered = (values: Iterable<string>): string[] => [...values].sort((a, b) => (a < b ? -1 : 1));

function plan(file: string, label: string | undefined): { readonly table: TableManifest; readonly label: number } {
  const { columns, label: at } = survey(file, label);
  const labels = columns[at] as Column;
  const many = (column: Column): DataError => new DataError(`${file}: column "${column.name}" has more than ${MOST_VALUES} values`);
  if (labels.values === undefined) throw many(labels);
  if (labels.values.size < 2) throw new DataError(`${file}: column "${labels.name}" must have at least two values to tell apart`);
  const inputs = columns.flatMap((column, i): TableInput[] => {
    if (i === at) return [];
    if (column.numeric) return [{ name: column.name, least: column.least, greatest: column.greatest }];
    if (column.values === undefined) throw many(column);
    return [{ name: column.name, values: ordered(column.values) }];
  });
  return { table: { label: labels.name, classes: ordered(labels.values), inputs }, label: at };
}

/** Bytes of an input for a value. */
function encodeInput(input: TableInput, value: string): number[] {
  if ('values' in input) return input.values.map((v) => (v === value ? 255 : 0));
  const { least, greatest } = input;
  if (greatest === least) return [0];
  return [Math.round(255 * Math.min(1, Math.max(0, (Number(value) - least) / (greatest - least))))];
}

/** Writes the parts of a table; reads the file twice. DataError names file, line or column, and rule. */
export function writeTable(
  file: string,
  label: string | undefined,
  files: (part: PartName) => string,
): Pick<SetContent, 'sample_bytes' | 'parts' | 'table'> {
  const { table, label: at } = plan(file, label);
  const numbers = new Map(table.classes.map((name, i) => [name, i]));
  const writers = Object.fromEntries(PARTS.map((part) => [part, new PartWriter(files(part))])) as Record<PartName, PartWriter>;
  let bytes = 0;
  for (const { row, index } of rowsOf(file, label)) {
    const fields = row.fields.map((field) => field.trim());
    const inputs = fields.filter((_, i) => i !== at).flatMap((field, i) => encodeInput(table.inputs[i] as TableInput, field));
    const sample = Uint8Array.from([...inputs, numbers.get(fields[at] as string) as number]);
    bytes = sample.length;
    const writer = writers[partOf(index)];
    writer.write(sample);
    writer.sample(sample);
  }
  const parts = Object.fromEntries(PARTS.map((part) => [part, writers[part].finish()])) as PartRecords;
  return { sample_bytes: bytes, parts, table };
}
