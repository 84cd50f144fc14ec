// SPDX-License-Identifier: Apache-2.0
// Byte-pair vocabularies learned from a text: by hand, against a plain search, and through the library that reads them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../../core/bytes.ts';
import { sha256 } from '../../../core/hash.ts';
import { bpeVocabulary } from '../../../miner/data/bpe.ts';
import { type Learned, learnPairs, tokenizerJson, WORDS } from '../../../miner/data/bpe-train.ts';
import { isBuiltin } from '../../../miner/data/builtin.ts';
import { CORPORA, type Corpus } from '../../../miner/data/corpora.ts';
import { openDataset, recomputeRoot, vocabularyOf } from '../../../miner/data/dataset.ts';
import { DataError } from '../../../miner/data/idx.ts';
import { PairHeap } from '../../../miner/data/pair-heap.ts';
import { tokensOf, type Vocabulary } from '../../../miner/data/vocabulary.ts';

const KJV = CORPORA.find(({ name }) => name === 'kjv') as Corpus;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const learn = (text: string, size: number): Learned => learnPairs([bytesOf(text)], size);
const mergesOf = ({ tokens, merges }: Learned): string[] => merges.map(([a, b]) => `${tokens[a]} ${tokens[b]}`);

describe('learned pairs', () => {
  it('are those of the small example by hand', () => {
    // aaabdaaabac: aa 4 times. ZabdZabac with Z = aa: Za and ab twice, a is the lower token. ZYdZYac: ZY twice. XdXac: none.
    assert.deepEqual(mergesOf(learn('aaabdaaabac', 259)), ['a a', 'a b', 'aa ab']);
    assert.throws(
      () => learn('aaabdaaabac', 260),
      (error: Error) => error instanceof DataError && /repeat for 259 tokens only, take bpe:259 or fewer/.test(error.message),
    );
  });

  it('count words as often as they appear, and no pair reaches from one into the next', () => {
    assert.deepEqual(mergesOf(learn('ab cd ab cd ab\n', 260)), ['a b', 'c d', 'Ġ ab', 'Ġ cd']);
    assert.throws(() => learn('a1a1a1a1', 257), /no pair of bytes repeats within words/);
  });

  it('of equally frequent ones are the one with the lowest first token, then the lowest second', () => {
    assert.deepEqual(mergesOf(learn('zx,zx,ba,ba,by,by,', 259)), ['b a', 'b y', 'z x']);
  });

  it('are what a plain count of all words finds, token by token', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'é'), minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 60 }), (words) => {
        const text = words.join(',');
        const plain = plainly(text);
        if (plain.length === 0) {
          assert.throws(() => learn(text, 257), DataError);
          return;
        }
        const learned = learn(text, 256 + plain.length);
        assert.deepEqual(mergesOf(learned), plain);
        assert.equal(new Set(learned.tokens).size, 256 + plain.length, 'no text twice');
      }),
    );
  });

  it('put every character of any text into one word', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const whole = text.toWellFormed();
        assert.equal((whole.match(new RegExp(WORDS, 'gu')) ?? []).join(''), whole);
      }),
    );
    assert.deepEqual(' the 12345  end.\n'.match(new RegExp(WORDS, 'gu')), [' the', ' 123', '45', ' ', ' end', '.', '\n']);
  });
});

/** The merges by counting all pairs anew each time. */
function plainly(text: string): string[] {
  const letters = new Map([...Array(256).keys()].map((byte) => [byte, alphabetOf(byte)]));
  let words = (text.match(new RegExp(WORDS, 'gu')) ?? []).map((w) => [...bytesOf(w)].map((b) => letters.get(b) as string));
  const tokens = [...letters.values()].sort((a, b) => (a < b ? -1 : 1));
  const out: string[] = [];
  for (;;) {
    const counts = new Map<string, number>();
    for (const w of words) for (let i = 1; i < w.length; i++) counts.set(`${w[i - 1]} ${w[i]}`, (counts.get(`${w[i - 1]} ${w[i]}`) ?? 0) + 1);
    const rank = (pair: string): number => pair.split(' ').reduce((n, t) => n * 65_536 + tokens.indexOf(t), 0);
    const able = [...counts].filter(([, n]) => n > 1);
    const best = able.sort(([p, n], [q, m]) => m - n || rank(p) - rank(q))[0]?.[0];
    if (best === undefined) return out;
    const [a, b] = best.split(' ');
    out.push(best);
    tokens.push(`${a}${b}`);
    words = words.map((w) => {
      const next: string[] = [];
      for (let i = 0; i < w.length; i++) {
        const found = w[i] === a && w[i + 1] === b;
        next.push(found ? `${a}${b}` : (w[i] as string));
        if (found) i++;
      }
      return next;
    });
  }
}

/** GPT-2's character of a byte. */
function alphabetOf(byte: number): string {
  if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174) return String.fromCharCode(byte);
  return String.fromCharCode(256 + (byte < 33 ? byte : byte < 161 ? byte - 127 + 33 : 67));
}

describe('a learned tokenizer.json', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pogo-bpe-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const TEXT = 'constructor: In the beginning was the Word, and the Word was with 1234 others;\n'.repeat(9);
  const open = async (learned: Learned, change: (json: string) => string = (json) => json): Promise<Vocabulary> => {
    const file = join(folder, 't.json');
    writeFileSync(file, change(tokenizerJson(learned)));
    return await bpeVocabulary(file);
  };

  it('gives back any text that it encodes, whatever it was learned from', async () => {
    const vocabulary = await open(learn(TEXT, 290));
    assert.equal(vocabulary.size, 290);
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...'the Word 12\n\t.é世😀'), maxLength: 200 }),
    );
    fc.assert(
      fc.property(text, (drawn) => {
        // As texts are read: no byte order mark, line ends as "\n".
        const whole = drawn
          .toWellFormed()
          .replace(/^\uFEFF/, '')
          .replaceAll('\r\n', '\n');
        const tokens = tokensOf(vocabulary, whole);
        assert.ok(tokens.every((t) => t < 290));
        assert.equal(vocabulary.decode(tokens), whole);
      }),
    );
  });

  it('numbers tokens as they were learned, and encodes words as they were merged', async () => {
    const learned = learn(TEXT, 297);
    const vocabulary = await open(learned);
    assert.ok(learned.tokens.includes('constructor'), 'a name that objects know otherwise');
    for (const [token, text] of learned.tokens.entries()) {
      if (!/^[!-~]+$/.test(text)) continue;
      assert.equal(vocabulary.decode([token]), text);
      if (token > 255 && /^[A-Za-z]+$|^_+$/.test(text)) assert.deepEqual(tokensOf(vocabulary, text), [token], text);
    }
  });

  it('encodes as the library does without the words that are remembered', async () => {
    const learned = learn(TEXT, 290);
    const fast = await open(learned);
    const plain = await open(learned, (json) => json.replace('"post_processor":null', '"post_processor":{"type":"Sequence","processors":[]}'));
    for (const text of [TEXT, 'was  the\tWord\u00a0世界 12345\n\n  x', `${'x'.repeat(100)}${' '.repeat(40)}y`]) {
      assert.deepEqual(tokensOf(fast, text), tokensOf(plain, text));
    }
  });

  it('is the same bytes for the same text, however it is cut, and on every machine', () => {
    const whole = tokenizerJson(learn(TEXT, 290));
    for (let cut = 0; cut < 100; cut += 7) {
      assert.equal(tokenizerJson(learnPairs([bytesOf(TEXT.slice(0, cut)), bytesOf(TEXT.slice(cut))], 290)), whole);
    }
    const json = tokenizerJson(learnPairs(KJV.chunks(), 1024));
    assert.equal(toHex(sha256(bytesOf(json))), '6092bf7fac3ac3710f6006c9c7a53e496e28013953b258bf6c8569b6d7f1a650');
  });
});

describe('a built-in text in learned tokens', () => {
  it('is made when it is asked for, and named by its size and context', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pogo-bpe-'));
    try {
      const options = { sets: join(folder, 'none'), built: folder };
      const [set, vocabulary] = [await openDataset('kjv-bpe300-64/holdout', options), await vocabularyOf('kjv-bpe300-64/holdout', options)];
      assert.equal(vocabulary?.size, 300);
      assert.equal(set.sampleBytes, 130);
      const sample = set.sample(0);
      const text = vocabulary.decode(Array.from({ length: 65 }, (_, i) => ((sample[2 * i] as number) << 8) | (sample[2 * i + 1] as number)));
      assert.ok(new TextDecoder().decode([...KJV.chunks()][0]).includes(text), text);
      assert.deepEqual(recomputeRoot(set), set.root);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    assert.ok(isBuiltin('kjv-bpe257-64') && isBuiltin('sotu-bpe65536-4096'));
    for (const name of ['kjv-bpe256-64', 'kjv-bpe65537-64', 'kjv-bpe-64', 'kjv-bpe0300-64', 'kjv-bpe300']) assert.ok(!isBuiltin(name), name);
  });
});

describe('a heap of pairs', () => {
  it('gives back what was put in, the highest count first, of equal ones the lowest key', () => {
    const entry = fc.record({ key: fc.integer({ min: 0, max: 50 }), count: fc.integer({ min: 0, max: 9 }) }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(entry), fc.array(entry), (first, then) => {
        const heap = new PairHeap();
        const order = (entries: readonly { key: number; count: number }[]): unknown[] =>
          [...entries].sort((a, b) => b.count - a.count || a.key - b.key);
        for (const { key, count } of first) heap.push(key, count);
        const top = heap.pop();
        assert.deepEqual(top, order(first)[0]);
        for (const { key, count } of then) heap.push(key, count);
        const rest = [...(order(first).slice(1) as typeof first), ...then];
        assert.deepEqual(
          rest.map(() => heap.pop()),
          order(rest),
        );
        assert.equal(heap.pop(), undefined);
      }),
    );
  });
});
