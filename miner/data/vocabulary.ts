// SPDX-License-Identifier: Apache-2.0
// Vocabularies: how text becomes tokens and back. `byte`: the bytes of UTF-8, 256 of them. `character`: the code points
// of the text itself, ascending. `bpe`: a tokenizer.json (bpe.ts).
import { DataError } from './idx.ts';

export interface Vocabulary {
  readonly kind: 'byte' | 'character' | 'bpe';
  /** Tokens 0..size - 1. */
  readonly size: number;
  /** The tokens of a text that comes in parts. DataError for what has no token. */
  encode(chunks: Iterable<Uint8Array>): Iterable<Uint16Array>;
  /** The text of tokens; an unfinished character at the end is U+FFFD. */
  decode(tokens: readonly number[]): string;
}

/** All tokens of a short text. */
export function tokensOf(vocabulary: Vocabulary, text: string): number[] {
  return [...vocabulary.encode([new TextEncoder().encode(text)])].flatMap((tokens) => [...tokens]);
}

/** Turns tokens into text one by one; what does not make a whole character yet is kept back. */
export function createTextStream(vocabulary: Vocabulary): (token: number) => string {
  // What a token says may depend on the one before it, never on more.
  let before: number[] = [];
  let open: number[] = [];
  let told = '';
  return (token) => {
    open.push(token);
    const base = before.length === 0 ? 0 : vocabulary.decode(before).length;
    const whole = vocabulary.decode([...before, ...open]).slice(base);
    const text = whole.replace(/\uFFFD+$/, '');
    const news = text.slice(told.length);
    told = text;
    if (text.length === whole.length && text !== '') [before, open, told] = [open, [], ''];
    return news;
  };
}

export const BYTES: Vocabulary = {
  kind: 'byte',
  size: 256,
  *encode(chunks) {
    for (const chunk of chunks) yield Uint16Array.from(chunk);
  },
  decode: (tokens) => new TextDecoder().decode(Uint8Array.from(tokens)),
};

/** UTF-8 as text: line ends become "\n", a byte order mark is dropped. DataError for other bytes. */
export function* textOf(chunks: Iterable<Uint8Array>): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (chunk?: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new DataError('the text is not UTF-8; take the byte vocabulary for it');
    }
  };
  let kept = '';
  for (const chunk of chunks) {
    const text = kept + decode(chunk);
    // A "\r" at the end may be the first half of a line end.
    kept = text.endsWith('\r') ? '\r' : '';
    yield (kept === '' ? text : text.slice(0, -1)).replaceAll('\r\n', '\n');
  }
  yield kept + decode();
}

/** Longest line in UTF-16 code units; of a longer one the parts count as lines, so that a text without line ends is not held whole. */
const MOST_LINE = 65_536;

/** Lines with their ends, wherever the texts are cut. */
export function* linesOf(texts: Iterable<string>): Generator<string> {
  let kept = '';
  for (const text of texts) {
    kept += text;
    let from = 0;
    for (;;) {
      const end = kept.indexOf('\n', from) + 1;
      // Whether a part must end here may depend on one more code unit.
      if (end === 0 && kept.length - from <= MOST_LINE) break;
      const to = end > 0 && end - from <= MOST_LINE ? end : partEnd(kept, from);
      yield kept.slice(from, to);
      from = to;
    }
    kept = kept.slice(from);
  }
  if (kept !== '') yield kept;
}

/** A part of a text as a string of its own: V8 keeps the whole text for as long as one of its longer parts is kept. */
export function ownString(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le');
}

/** End of the part of a long line that begins at `from`; a surrogate pair stays whole. */
function partEnd(text: string, from: number): number {
  const to = from + MOST_LINE;
  const last = text.charCodeAt(to - 1);
  return last >= 0xd800 && last < 0xdc00 ? to - 1 : to;
}

/** The code points of a text, ascending. DataError for more than tokens can number. */
export function charactersOf(chunks: Iterable<Uint8Array>): string[] {
  const found = new Set<string>();
  for (const text of textOf(chunks)) for (const c of text) found.add(c);
  if (found.size > 65_536) throw new DataError(`the text has ${found.size} different characters, at most 65536 can be numbered`);
  if (found.size < 2) throw new DataError('the text must have at least two different characters');
  return [...found].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
}

/** The vocabulary of these characters, in this order. */
export function characterVocabulary(characters: readonly string[]): Vocabulary {
  const numbers = new Map(characters.map((c, i) => [c, i]));
  const number = (c: string): number => {
    const found = numbers.get(c);
    if (found === undefined) throw new DataError(`the vocabulary has no ${JSON.stringify(c)}`);
    return found;
  };
  return {
    kind: 'character',
    size: characters.length,
    *encode(chunks) {
      for (const text of textOf(chunks)) yield Uint16Array.from(Array.from(text, number));
    },
    decode: (tokens) => tokens.map((t) => characters[t] ?? '\uFFFD').join(''),
  };
}
