// SPDX-License-Identifier: Apache-2.0
// Data sets as folders: texts in windows, vocabularies, tables, and what is refused.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../../core/bytes.ts';
import { merkleRoot } from '../../../core/merkle.ts';
import { type AddOptions, addSet } from '../../../miner/data/add.ts';
import { openDataset, recomputeRoot, vocabularyOf } from '../../../miner/data/dataset.ts';
import { DataError } from '../../../miner/data/idx.ts';
import { RootBuilder } from '../../../miner/data/root.ts';
import { writeText } from '../../../miner/data/text.ts';
import {
  BYTES,
  charactersOf,
  characterVocabulary,
  createTextStream,
  linesOf,
  textOf,
  tokensOf,
  type Vocabulary,
} from '../../../miner/data/vocabulary.ts';
import { PARTS, partOf, sampleCount, sampleStart, windowCount, windowsOf } from '../../../miner/data/windows.ts';

/** A tokenizer.json of byte-level BPE: the printable ASCII, a space (Ġ), a line end (Ċ), and some merges. */
function tokenizer(): object {
  const base = [...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), 'Ġ', 'Ċ'];
  const merges = [
    ['t', 'h'],
    ['th', 'e'],
    ['Ġ', 'the'],
  ] as const;
  const tokens = [...base, ...merges.map((pair) => pair.join(''))];
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      vocab: Object.fromEntries(tokens.map((t, i) => [t, i])),
      merges: merges.map((p) => p.join(' ')),
    },
  };
}

describe('windows of a text', () => {
  it('keep of each ten pieces the last back, for holdout and test in turn', () => {
    assert.deepEqual(
      Array.from({ length: 40 }, (_, i) => i).filter((i) => partOf(i) !== 'train'),
      [9, 19, 29, 39],
    );
    assert.deepEqual([9, 19, 29, 39].map(partOf), ['holdout', 'test', 'holdout', 'test']);
  });

  it('lie in one piece each, one stride apart, and are counted right', () => {
    const plan = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 5000 }));
    fc.assert(
      fc.property(plan, ([context, part, more]) => {
        const stride = 1 + (part % context);
        const total = 40 * (context + 1) + more;
        const windows = windowsOf(total, context, stride);
        assert.ok(Math.floor(total / windows.piece) >= 40, 'each part has pieces');
        const tokens = total - windows.piece * 30;
        const count = sampleCount(windows, tokens);
        for (let i = 0; i < count; i++) {
          const start = sampleStart(windows, i);
          assert.equal(Math.floor(start / windows.piece), Math.floor((start + context) / windows.piece), 'in one piece');
          assert.ok(start + context + 1 <= tokens, 'in the part');
          const within = start % windows.piece;
          assert.equal(within % stride, 0);
          if (i > 0 && within > 0) assert.equal(start - sampleStart(windows, i - 1), stride);
        }
        assert.equal(windowCount(windows, context), 0);
        assert.equal(windowCount(windows, context + 1), 1);
      }),
    );
  });

  it('refuse a text that is too short for three parts', () => {
    assert.throws(() => windowsOf(40 * 65 - 1, 64), /the text has 2599 tokens, a context of 64 takes at least 2600/);
    assert.equal(windowsOf(2600, 64).piece, 65);
  });
});

describe('a root over leaves as they come', () => {
  it('is the RFC 6962 root for every number of leaves', () => {
    for (let n = 1; n <= 70; n++) {
      const leaves = Array.from({ length: n }, (_, i) => Uint8Array.of(i, n));
      const builder = new RootBuilder();
      for (const leaf of leaves) builder.add(leaf);
      assert.deepEqual(builder.root(), merkleRoot(leaves), `${n} leaves`);
      assert.equal(builder.count, n);
    }
    assert.throws(() => new RootBuilder().root(), /a data set must have samples/);
  });
});

describe('vocabularies', () => {
  it('decode text however its bytes are cut, line ends and byte order mark set aside', () => {
    const bytes = new TextEncoder().encode('\uFEFFaé\r\n€😀\rb\r\n');
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.equal([...textOf([bytes.subarray(0, cut), bytes.subarray(cut)])].join(''), 'aé\n€😀\rb\n', `cut at ${cut}`);
    }
    assert.throws(() => [...textOf([Uint8Array.of(97, 255)])], /not UTF-8; take the byte vocabulary/);
    assert.throws(() => [...textOf([Uint8Array.of(0xe2, 0x82)])], /not UTF-8/);
  });

  it('write whole characters only, however many tokens they take', () => {
    const next = createTextStream(BYTES);
    const parts = tokensOf(BYTES, 'a€b').map(next);
    assert.deepEqual(parts, ['a', '', '', '€', 'b']);
  });

  it('write a text of any length without decoding it from its beginning', () => {
    let longest = 0;
    const decode = (tokens: readonly number[]): string => {
      longest = Math.max(longest, tokens.length);
      return BYTES.decode(tokens);
    };
    const text = 'aé€😀\n'.repeat(50);
    assert.equal(
      tokensOf(BYTES, text)
        .map(createTextStream({ ...BYTES, decode }))
        .join(''),
      text,
    );
    assert.ok(longest <= 8, `${longest} tokens at once`);
  });

  it('cut a text into lines, and a long line into parts, the same wherever it is cut', () => {
    const long = `${'x'.repeat(65_535)}😀${'y'.repeat(70_000)}`;
    const text = `a\n\n${long}\nb`;
    const expected = ['a\n', '\n', 'x'.repeat(65_535), `😀${'y'.repeat(65_534)}`, `${'y'.repeat(4466)}\n`, 'b'];
    for (const cut of [0, 1, 2, 3, 4, 65_537, 65_538, 65_539, 65_540, 65_541, 131_074, 131_075, 131_076, 135_539, 135_540, text.length]) {
      assert.deepEqual([...linesOf([text.slice(0, cut), text.slice(cut)])], expected, `cut at ${cut}`);
    }
    assert.deepEqual([...linesOf(text)], expected, 'code point by code point');
    assert.deepEqual([...linesOf([`${'x'.repeat(65_535)}\n`])], [`${'x'.repeat(65_535)}\n`], 'the longest line is whole');
  });
});

describe("one's own data", () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-sets-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  const write = (name: string, text: string | Uint8Array): string => {
    writeFileSync(at(name), text);
    return at(name);
  };
  const sets = (): { sets: string; built: string } => ({ sets: at('sets'), built: at('built') });
  const add = (path: string, options: AddOptions = {}): ReturnType<typeof addSet> => addSet(path, options, at('sets'));
  const TEXT = Array.from({ length: 300 }, (_, i) => `line ${i} of the ${i % 7} thing${i % 3 === 0 ? 's' : ''}\n`).join('');

  it('holds every character of a text, and the roots are those of its windows', async () => {
    const manifest = await add(write('Some Lines.txt', TEXT), { context: 16, stride: 5 });
    assert.equal(manifest.name, 'some-lines');
    assert.equal(manifest.text?.vocab, new Set(TEXT).size);
    const vocabulary = await vocabularyOf('some-lines/train', sets());
    const windows = windowsOf(TEXT.length, 16, 5);
    const expected: Record<string, string[]> = { train: [], holdout: [], test: [] };
    for (let piece = 0; piece * windows.piece < TEXT.length; piece++) {
      const text = TEXT.slice(piece * windows.piece, (piece + 1) * windows.piece);
      for (let from = 0; from + 17 <= text.length; from += 5) expected[partOf(piece)]?.push(text.slice(from, from + 17));
    }
    for (const part of PARTS) {
      const set = await openDataset(`some-lines/${part}`, sets());
      const samples = Array.from({ length: set.size }, (_, i) => set.sample(i));
      assert.deepEqual(
        samples.map((s) => vocabulary?.decode([...s])),
        expected[part],
      );
      assert.equal(toHex(set.root), toHex(merkleRoot(samples)));
      assert.deepEqual(recomputeRoot(set), set.root);
      assert.throws(() => set.sample(set.size), RangeError);
    }
  });

  it('is the same set wherever it is made, and another one for another file', async () => {
    const one = await add(write('a.txt', TEXT), { name: 'one' });
    const two = await addSet(at('a.txt'), { name: 'one' }, at('elsewhere'));
    assert.deepEqual(one, two);
    const three = await add(write('b.txt', `${TEXT}!`), { name: 'three' });
    assert.notEqual(three.parts.train.root, one.parts.train.root);
  });

  it('takes a folder of texts in the order of their names, hidden files left out', async () => {
    mkdirSync(at('texts/deep'), { recursive: true });
    write('texts/b.txt', TEXT);
    write('texts/a.txt', TEXT);
    write('texts/deep/c.txt', TEXT);
    write('texts/.hidden', 'Z'.repeat(10_000));
    const whole = await add(at('texts'), { vocabulary: 'byte' });
    const single = await add(write('whole.txt', [TEXT, TEXT, TEXT].join('\n')), { vocabulary: 'byte' });
    assert.deepEqual(whole.parts, single.parts);
    assert.deepEqual(
      whole.source.map((s) => s.file),
      ['a.txt', 'b.txt', 'c.txt'],
    );
  });

  it('numbers more than 256 characters with two bytes', async () => {
    const letters = Array.from({ length: 300 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
    const manifest = await add(write('han.txt', letters.repeat(3)), { context: 4 });
    assert.equal(manifest.text?.vocab, 300);
    assert.equal(manifest.sample_bytes, 10);
    const set = await openDataset('han/train', sets());
    assert.deepEqual([...set.sample(0)], [0, 0, 0, 1, 0, 2, 0, 3, 0, 4]);
    // Pieces of 21 tokens hold 5 samples; the 13th training piece is piece 13, since piece 9 is kept back: token 13 * 21 + 4 * 4.
    assert.deepEqual([...set.sample(64)].slice(0, 4), [1, 289 - 256, 1, 290 - 256]);
  });

  it('is coded by the pairs of a tokenizer.json, and decodes to the text again', async () => {
    write('tokenizer.json', JSON.stringify(tokenizer()));
    const text = 'over the hills, the other way to them\n'.repeat(60);
    const manifest = await add(write('pairs.txt', text), { vocabulary: at('tokenizer.json'), context: 8 });
    assert.equal(manifest.text?.vocab, 99);
    rmSync(at('tokenizer.json'));
    const vocabulary = await vocabularyOf('pairs/train', sets());
    assert.ok(vocabulary !== undefined, 'the tokenizer was kept with the set');
    const tokens = tokensOf(vocabulary, text);
    assert.equal(vocabulary.decode(tokens), text);
    assert.ok(tokens.includes(98), 'a whole " the" is one token');
    const set = await openDataset('pairs/train', sets());
    assert.deepEqual([...set.sample(0)], tokens.slice(0, 9));
  });

  it('is coded by tokens learned from it, kept with the set', async () => {
    const manifest = await add(write('learned.txt', TEXT), { vocabulary: 'bpe:280', context: 8 });
    assert.deepEqual([manifest.text?.vocab, manifest.sample_bytes], [280, 18]);
    const again = await addSet(at('learned.txt'), { vocabulary: 'bpe:280', context: 8 }, at('elsewhere'));
    assert.deepEqual(again, manifest);
    const kept = readFileSync(at('sets/learned/tokenizer.json'));
    assert.deepEqual(readFileSync(at('elsewhere/learned/tokenizer.json')), kept);
    const vocabulary = await vocabularyOf('learned/train', sets());
    assert.ok(vocabulary !== undefined);
    const tokens = tokensOf(vocabulary, TEXT);
    assert.equal(vocabulary.decode(tokens), TEXT);
    const set = await openDataset('learned/train', sets());
    const first = Array.from({ length: 9 }, (_, i) => ((set.sample(0)[2 * i] as number) << 8) | (set.sample(0)[2 * i + 1] as number));
    assert.deepEqual(first, tokens.slice(0, 9));
    // The same tokens from a tokenizer.json of one's own.
    const file = await add(at('learned.txt'), { name: 'from-file', vocabulary: at('sets/learned/tokenizer.json'), context: 8 });
    assert.deepEqual(file.parts, manifest.parts);
  });

  it('is written while it is read, so that a text of any size is never held whole', async () => {
    await add(write('stream.txt', TEXT), { name: 'stream', vocabulary: 'bpe:270', context: 8 });
    const learned = (await vocabularyOf('stream/train', sets())) as Vocabulary;
    const characters = characterVocabulary(charactersOf([new TextEncoder().encode(TEXT)]));
    for (const vocabulary of [BYTES, characters, learned]) {
      const folder = mkdtempSync(at('stream-'));
      let before = -1;
      function* chunks(): Generator<Uint8Array> {
        for (let i = 0; i < 8; i++) {
          if (i > 0) {
            const { size } = statSync(join(folder, 'all.bin'));
            assert.ok(size > before, `${vocabulary.kind}: part ${i} is read before part ${i - 1} is written`);
            before = size;
          }
          yield new TextEncoder().encode(TEXT);
        }
      }
      const plan = { vocabulary, kept: { kind: 'byte' }, context: 8 } as const;
      const { parts } = writeText(chunks(), plan, (part) => join(folder, part), folder);
      assert.ok(before > 0 && parts.train.size > 0);
    }
  });

  it('is not opened when a file was changed or cut', async () => {
    await add(write('c.txt', TEXT), { name: 'changed' });
    const file = at('sets/changed/train.bin');
    const bytes = readFileSync(file);
    bytes[100] = (bytes[100] as number) ^ 1;
    writeFileSync(file, bytes);
    await assert.rejects(openDataset('changed/train', sets()), /train\.bin: is not the file that its manifest describes; remove the set's folder/);
    appendFileSync(file, 'x');
    await assert.rejects(openDataset('changed/train', sets()), /train\.bin: has \d+ bytes, its manifest says \d+/);
    rmSync(file);
    await assert.rejects(openDataset('changed/train', sets()), /train\.bin: cannot be read/);
    writeFileSync(at('sets/changed/set.json'), '{"format":2}');
    await assert.rejects(openDataset('changed/holdout', sets()), /set\.json: format: /);
    writeFileSync(at('sets/changed/set.json'), '{');
    await assert.rejects(openDataset('changed/holdout', sets()), /set\.json: is not JSON/);
    rmSync(at('sets/changed'), { recursive: true });
  });

  const REFUSED: readonly (readonly [name: string, path: () => string, options: AddOptions, message: RegExp])[] = [
    ['a file that is not there', () => at('none.txt'), {}, /none\.txt: cannot be read/],
    ['an empty folder', () => mkdirSync(at('empty'), { recursive: true }) as string, {}, /empty: has no files/],
    ['a name of another form', () => write('x.txt', TEXT), { name: 'My Set' }, /name: "My Set" must be 1 to 48 lower-case letters/],
    ['the name of a built-in set', () => at('x.txt'), { name: 'kjv-char-12' }, /"kjv-char-12" is that of a built-in set/],
    ['the name of MNIST', () => at('x.txt'), { name: 'mnist' }, /"mnist" is that of a built-in set/],
    ['a name that is taken', () => at('x.txt'), { name: 'some-lines' }, /there is a set "some-lines" in/],
    ['a short text', () => write('short.txt', 'abc'.repeat(10)), {}, /the text has 30 tokens, a context of 64 takes at least 2600/],
    ['a text of one letter', () => write('letter.txt', 'a'.repeat(9000)), {}, /at least two different characters/],
    ['bytes as characters', () => write('raw.bin', new Uint8Array(9000).fill(255)), {}, /not UTF-8; take the byte vocabulary/],
    ['a context of zero', () => at('x.txt'), { context: 0 }, /context: must be an integer from 1 to 4096, got 0/],
    ['a stride above the context', () => at('x.txt'), { context: 8, stride: 9 }, /stride: must be an integer from 1 to 8, got 9/],
    [
      'an unknown vocabulary',
      () => at('x.txt'),
      { vocabulary: 'words' },
      /vocabulary: expected byte, character, bpe:N or the path of a tokenizer\.json/,
    ],
    ['less learned tokens than bytes and one', () => at('x.txt'), { vocabulary: 'bpe:256' }, /bpe:N takes N from 257 to 65536, got 256/],
    ['more learned tokens than two bytes number', () => at('x.txt'), { vocabulary: 'bpe:65537' }, /bpe:N takes N from 257 to 65536, got 65537/],
    ['more learned tokens than the text has', () => at('x.txt'), { vocabulary: 'bpe:9000' }, /repeat for \d+ tokens only, take bpe:\d+ or fewer/],
    ['bytes as learned tokens', () => at('raw.bin'), { vocabulary: 'bpe:300' }, /not UTF-8; take the byte vocabulary/],
    ['a number of tokens that is none', () => at('x.txt'), { vocabulary: 'bpe:many' }, /vocabulary: expected byte, character, bpe:N/],
    ['a tokenizer that is not there', () => at('x.txt'), { vocabulary: '/none/t.json' }, /t\.json: cannot be read as JSON/],
    ['a label for a text', () => at('x.txt'), { label: 'y' }, /label: is for tables/],
    ['a context for a table', () => write('t.csv', 'a,b\n1,2\n'), { context: 8 }, /context: is for texts/],
  ];
  for (const [name, path, options, message] of REFUSED) {
    it(`refuses ${name}, and leaves nothing behind`, async () => {
      const file = path();
      const before = existsSync(at('sets')) ? readdirSync(at('sets')) : [];
      await assert.rejects(add(file, options), (error: Error) => error instanceof DataError && message.test(error.message));
      assert.deepEqual(existsSync(at('sets')) ? readdirSync(at('sets')) : [], before);
    });
  }

  it('refuses a JSON file that is no tokenizer of pairs', async () => {
    write('wordpiece.json', JSON.stringify({ model: { type: 'WordPiece', vocab: { a: 0 } } }));
    await assert.rejects(
      add(at('x.txt'), { vocabulary: at('wordpiece.json') }),
      /wordpiece\.json: is not the tokenizer\.json of a BPE model: model\.type/,
    );
  });
});
