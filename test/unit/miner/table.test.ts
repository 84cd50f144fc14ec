// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { addSet } from '../../../miner/data/add.ts';
import { recordsOf } from '../../../miner/data/csv.ts';
import { openDataset } from '../../../miner/data/dataset.ts';
import { PARTS, partOf } from '../../../miner/data/windows.ts';

const records = (text: string): (readonly string[])[] => [...recordsOf([new TextEncoder().encode(text)], 'f.csv')].map((r) => r.fields);

describe('comma-separated values', () => {
  it('are read as RFC 4180 writes them', () => {
    assert.deepEqual(records('a,b\r\n"x, ""y""\nz",2\n\n,\n"",3'), [
      ['a', 'b'],
      ['x, "y"\nz', '2'],
      ['', ''],
      ['', '3'],
    ]);
    assert.deepEqual(records(''), []);
    assert.deepEqual(
      [...recordsOf([new TextEncoder().encode('"a\nb"\nc\n')], 'f')].map((r) => r.line),
      [1, 3],
    );
  });

  it('survive being written and read, in quotes or plain', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é'), maxLength: 6 });
    const row = fc.array(cell, { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
        const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const plain = (text: string): string => (/[",\n]/.test(text) ? quoted(text) : text);
        assert.deepEqual(records(rows.map((r) => r.map(quoted).join(',')).join('\n')), rows);
        assert.deepEqual(records(rows.map((r) => `${r.map(plain).join(',')}\n`).join('')), rows);
      }),
    );
  });

  const BROKEN: readonly (readonly [text: string, message: RegExp])[] = [
    ['a,b\nc,d"e"', /f\.csv: line 2: a quote stands in the middle of a field/],
    ['a\n"b"c', /f\.csv: line 2: something follows the closing quote/],
    ['a\n\n"b\n\n', /f\.csv: line 3: a quoted field has no closing quote/],
  ];
  for (const [text, message] of BROKEN)
    it(`that break the form are refused: ${JSON.stringify(text)}`, () => assert.throws(() => records(text), message));
});

describe('a table', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-table-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  let number = 0;
  const write = (text: string): string => {
    const file = join(folder, `t${++number}.csv`);
    writeFileSync(file, text);
    return file;
  };
  const options = (): { sets: string } => ({ sets: join(folder, 'sets') });

  /** 60 plants: a height 0..59 cm, a colour, and whether they bloom. Row 9, kept back, is taller than all others. */
  const rows = Array.from({ length: 60 }, (_, i) => [i === 9 ? '500' : `${i}`, ['red', 'white', 'blue'][i % 3] as string, i < 30 ? 'no' : 'yes']);
  const plants = ['height,colour,blooms', ...rows.map((r) => r.join(','))].join('\n');

  it('becomes bytes: numbers in proportion to the training rows, other columns one input per value', async () => {
    const manifest = await addSet(write(plants), { name: 'plants' }, options().sets);
    assert.equal(manifest.sample_bytes, 5);
    assert.deepEqual(manifest.table, {
      label: 'blooms',
      classes: ['no', 'yes'],
      inputs: [
        { name: 'height', least: 0, greatest: 58 },
        { name: 'colour', values: ['blue', 'red', 'white'] },
      ],
    });
    for (const part of PARTS) {
      const set = await openDataset(`plants/${part}`, options());
      const kept = rows.filter((_, i) => partOf(i) === part);
      assert.equal(set.size, kept.length);
      kept.forEach(([height, colour, blooms], i) => {
        const one = (value: string): number => (colour === value ? 255 : 0);
        const byte = Math.min(255, Math.round((255 * Number(height)) / 58));
        assert.deepEqual([...set.sample(i)], [byte, one('blue'), one('red'), one('white'), blooms === 'yes' ? 1 : 0]);
      });
    }
  });

  it('takes any column as the label', async () => {
    const manifest = await addSet(write(plants), { name: 'colours', label: 'colour' }, options().sets);
    assert.deepEqual(manifest.table?.classes, ['blue', 'red', 'white']);
    assert.deepEqual(
      manifest.table?.inputs.map((input) => input.name),
      ['height', 'blooms'],
    );
  });

  const many = (row: (i: number) => string): string => `a,b\n${Array.from({ length: 400 }, (_, i) => row(i)).join('\n')}`;
  const REFUSED: readonly (readonly [name: string, text: string, message: RegExp, label?: string])[] = [
    ['no header', '', /has no header line/],
    ['a single column', 'a\n1', /line 1: a table must have an input and a label/],
    ['two columns of one name', 'a,b,a\n', /line 1: two columns are named "a"/],
    ['a column without a name', 'a,,b\n', /line 1: column 2 has no name/],
    ['a label that is not there', 'a,b\n1,2', /line 1: there is no column "c"; there are a, b/, 'c'],
    ['a row of another length', 'a,b\n1,2\n3', /line 3: has 1 fields, the header has 2/],
    ['an empty field', 'a,b\n1,2\n ,3', /line 3: column "a" is empty/],
    ['too few rows', 'a,b\n1,2\n2,3', /has 2 rows, at least 40 are needed/],
    ['one class only', many(() => '1,x'), /column "b" must have at least two values/],
    ['too many classes', many((i) => `1,c${i}`), /column "b" has more than 256 values/],
    ['a text column of too many values', many((i) => `v${i},${i % 2}`), /column "a" has more than 256 values/],
  ];
  for (const [name, text, message, label] of REFUSED) {
    it(`is refused with ${name}, naming file, place and rule`, async () => {
      const file = write(text);
      await assert.rejects(addSet(file, { name: 'x', ...(label === undefined ? {} : { label }) }, options().sets), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(file), error.message);
        return true;
      });
    });
  }
});
