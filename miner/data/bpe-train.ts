// SPDX-License-Identifier: Apache-2.0
// Learns a byte-pair vocabulary from a text (Sennrich, Haddow, Birch: Neural Machine Translation of Rare Words with
// Subword Units, 2016; over bytes as in GPT-2) and writes it as a tokenizer.json, which the Hugging Face libraries load.
//
// Tokens 0..255 are the bytes in the order of their characters in GPT-2's alphabet. Then, again and again, the most frequent pair of
// neighbours within a word becomes the next token; of equally frequent ones that with the lowest first token, then the
// lowest second. The merges in their order give every word the tokens that it has here, so no two tokens have the same text.
// Counts are whole numbers and ties have a rule, so the same text and number give the same bytes everywhere.
import { DataError } from './idx.ts';
import { PairHeap } from './pair-heap.ts';
import { linesOf, ownString, textOf } from './vocabulary.ts';

export const BPE_SIZES: { readonly least: number; readonly most: number } = { least: 257, most: 65_536 };

/**
 * Words: letters, digits or other signs, each with at most one space before them; else spaces and controls, of which the last
 * is left to the word behind them. Every character beyond ASCII counts as a letter: what Unicode calls one changes from
 * year to year. The lengths bound the work on a word; every character is in one word.
 */
export const WORDS: string = [
  ' ?(?:[A-Za-z]|[^\\x00-\\x7F]){1,32}',
  ' ?[0-9]{1,3}',
  ' ?[!-/:-@\\[-`{-~]{1,16}',
  '[\\x00- \\x7F]{1,32}(?![^\\x00- \\x7F])',
  '[\\x00- \\x7F]{1,32}',
].join('|');

/** Different words whose counts are kept: some 200 MB. In a text of more, those that appear first after them are not learned from. */
const MOST_WORDS = 2 ** 20;

/** What is learned. */
export interface Learned {
  /** Texts of all tokens in GPT-2's alphabet, by number. */
  readonly tokens: readonly string[];
  /** Pairs of tokens, in the order of their merges: merge i makes token 256 + i. */
  readonly merges: readonly (readonly [number, number])[];
}

/** Learns `size` tokens from a UTF-8 text. DataError for a size out of range, other bytes, or a text that repeats too little. */
export function learnPairs(chunks: Iterable<Uint8Array>, size: number): Learned {
  const { least, most } = BPE_SIZES;
  if (!Number.isInteger(size) || size < least || size > most) throw new DataError(`vocabulary: bpe:N takes N from ${least} to ${most}, got ${size}`);
  const learner = new Learner(wordCounts(chunks));
  while (learner.tokens.length < size) {
    if (learner.next()) continue;
    const { length } = learner.tokens;
    if (length < least) throw new DataError('vocabulary: no pair of bytes repeats within words of the text; take the byte vocabulary for it');
    throw new DataError(`vocabulary: the text has pairs that repeat for ${length} tokens only, take bpe:${length} or fewer`);
  }
  return learner;
}

/** How often each word appears. */
function wordCounts(chunks: Iterable<Uint8Array>): Map<string, number> {
  const words = new RegExp(WORDS, 'gu');
  const counts = new Map<string, number>();
  for (const line of linesOf(textOf(chunks))) {
    for (const word of line.match(words) ?? []) {
      const count = counts.get(word);
      if (count !== undefined) counts.set(word, count + 1);
      else if (counts.size < MOST_WORDS) counts.set(ownString(word), 1);
    }
  }
  return counts;
}

/** A pair as one number, in the order in which ties are decided. */
const pairOf = (a: number, b: number): number => a * 65_536 + b;

interface Pair {
  /** Places of its neighbours in the text, those that overlap counted both. */
  count: number;
  /** Words that have it, or had it. */
  readonly words: number[];
}

class Learner implements Learned {
  readonly tokens: string[];
  readonly merges: (readonly [number, number])[] = [];
  readonly #words: Uint16Array[] = [];
  readonly #counts: number[] = [];
  readonly #pairs: Map<number, Pair> = new Map();
  readonly #heap: PairHeap = new PairHeap();

  constructor(words: ReadonlyMap<string, number>) {
    const bytes = byteTokens();
    this.tokens = [...bytes.texts];
    const encoder = new TextEncoder();
    for (const [word, count] of words) {
      this.#words.push(Uint16Array.from(encoder.encode(word), (byte) => bytes.numbers[byte] as number));
      this.#counts.push(count);
      this.#enter(this.#words.length - 1);
    }
    for (const [key, { count }] of this.#pairs) this.#heap.push(key, count);
  }

  /** Makes the next token; false when no pair appears twice. */
  next(): boolean {
    for (;;) {
      const top = this.#heap.pop();
      if (top === undefined || top.count < 2) return false;
      // Counts of pairs that are in the heap only fall: new ones always have the newest token.
      const pair = this.#pairs.get(top.key) as Pair;
      if (pair.count !== top.count) {
        this.#heap.push(top.key, pair.count);
        continue;
      }
      this.#merge(Math.floor(top.key / 65_536), top.key % 65_536, pair.words);
      return true;
    }
  }

  #merge(a: number, b: number, words: readonly number[]): void {
    const token = this.tokens.length;
    this.tokens.push(`${this.tokens[a]}${this.tokens[b]}`);
    this.merges.push([a, b]);
    const made = new Set<number>();
    for (const word of words) {
      const before = this.#words[word] as Uint16Array;
      const after = joined(before, a, b, token);
      if (after.length === before.length) continue;
      this.#leave(word);
      this.#words[word] = after;
      this.#enter(word, token, made);
    }
    this.#pairs.delete(pairOf(a, b));
    for (const key of made) this.#heap.push(key, this.#pairs.get(key)?.count ?? 0);
  }

  /** Counts the pairs of a word; those with `token` are new to it and noted in `made`. */
  #enter(word: number, token?: number, made?: Set<number>): void {
    const symbols = this.#words[word] as Uint16Array;
    const times = this.#counts[word] as number;
    for (let i = 1; i < symbols.length; i++) {
      const [a, b] = [symbols[i - 1] as number, symbols[i] as number];
      const key = pairOf(a, b);
      let pair = this.#pairs.get(key);
      if (pair === undefined) {
        pair = { count: 0, words: [] };
        this.#pairs.set(key, pair);
      }
      pair.count += times;
      if (token !== undefined && a !== token && b !== token) continue;
      if (pair.words.at(-1) !== word) pair.words.push(word);
      made?.add(key);
    }
  }

  #leave(word: number): void {
    const symbols = this.#words[word] as Uint16Array;
    const times = this.#counts[word] as number;
    for (let i = 1; i < symbols.length; i++) {
      (this.#pairs.get(pairOf(symbols[i - 1] as number, symbols[i] as number)) as Pair).count -= times;
    }
  }
}

/** `symbols` with each `a` `b`, from the left, as `token`. */
function joined(symbols: Uint16Array, a: number, b: number, token: number): Uint16Array {
  const out: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const found = symbols[i] === a && symbols[i + 1] === b;
    out.push(found ? token : (symbols[i] as number));
    if (found) i++;
  }
  return Uint16Array.from(out);
}

/** GPT-2's alphabet: a printable character for each byte; tokens are numbered in the order of these characters. */
function byteTokens(): { readonly texts: readonly string[]; readonly numbers: readonly number[] } {
  const isOwn = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  const order = Array.from({ length: 256 }, (_, byte) => byte);
  const own = order.filter(isOwn);
  const others = order.filter((byte) => !isOwn(byte));
  const numbers: number[] = [];
  for (const [number, byte] of [...own, ...others].entries()) numbers[byte] = number;
  return { texts: [...own, ...others.map((_, i) => 256 + i)].map((code) => String.fromCharCode(code)), numbers };
}

const LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const SPLIT = { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Isolated', invert: false };
const STEPS = { normalizer: null, pre_tokenizer: { type: 'Sequence', pretokenizers: [SPLIT, LEVEL] }, post_processor: null, decoder: LEVEL };

/** The tokenizer.json of what was learned: equal for equal tokens, tokens in the order of their numbers. */
export function tokenizerJson({ tokens, merges }: Learned): string {
  // By hand, because an object would put names such as "7" before all others.
  const vocab = tokens.map((text, number) => `${JSON.stringify(text)}:${number}`).join(',\n');
  const pairs = merges.map(([a, b]) => JSON.stringify([tokens[a], tokens[b]])).join(',\n');
  const head = JSON.stringify({ version: '1.0', truncation: null, padding: null, added_tokens: [], ...STEPS });
  const model = JSON.stringify({
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
  });
  return `${head.slice(0, -1)},"model":${model.slice(0, -1)},\n"vocab":{${vocab}},\n"merges":[${pairs}]}}\n`;
}

/** Whether a tokenizer.json cuts texts as this file does, so that words can be encoded one by one. */
export function isLearned(json: object): boolean {
  const { added_tokens: added, ...rest } = json as Record<string, unknown>;
  const same = Object.entries(STEPS).every(([name, step]) => JSON.stringify(rest[name]) === JSON.stringify(step));
  return same && Array.isArray(added) && added.length === 0;
}
