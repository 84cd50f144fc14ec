// SPDX-License-Identifier: Apache-2.0
// Byte-pair vocabularies from a tokenizer.json, the format of the Hugging Face tokenizers libraries, through
// @huggingface/tokenizers: any published or self-made one of at most 65,536 tokens. A text is encoded line by line, each
// with its line end, so that a book of any size goes through in parts; no special tokens are added. bpe-train.ts makes new ones.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isLearned, WORDS } from './bpe-train.ts';
import { DataError } from './idx.ts';
import { linesOf, ownString, textOf, type Vocabulary } from './vocabulary.ts';

const PACKAGE = '@huggingface/tokenizers';

const shape = z.looseObject({ model: z.looseObject({ type: z.literal('BPE').optional(), vocab: z.record(z.string(), z.int().min(0)) }) });

/** Reads and checks a tokenizer.json. DataError names the file and the rule. */
export async function bpeVocabulary(file: string): Promise<Vocabulary> {
  const json = readTokenizer(file);
  const { Tokenizer } = await load();
  const tokenizer = new Tokenizer(json, {});
  let size = 0;
  for (const token of tokenizer.get_vocab(true).values()) size = Math.max(size, 1 + token);
  if (size > 65_536) throw new DataError(`${file}: has ${size} tokens, at most 65536 can be numbered`);
  const whole = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const tokens = isLearned(json) ? byWords(whole) : (text: string): Uint16Array => Uint16Array.from(whole(text));
  return {
    kind: 'bpe',
    size,
    *encode(chunks) {
      for (const line of linesOf(textOf(chunks))) yield tokens(line);
    },
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })),
  };
}

/** Words whose tokens are remembered. */
const MOST_REMEMBERED = 2 ** 18;

/** The same tokens as of the whole text when words are encoded one by one, which is ten times as fast because they come again. */
function byWords(whole: (text: string) => number[]): (text: string) => Uint16Array {
  const words = new RegExp(WORDS, 'gu');
  const remembered = new Map<string, number[]>();
  return (text) => {
    const out: number[] = [];
    for (const word of text.match(words) ?? []) {
      let tokens = remembered.get(word);
      if (tokens === undefined) {
        tokens = whole(word);
        if (remembered.size < MOST_REMEMBERED) remembered.set(ownString(word), tokens);
      }
      for (const token of tokens) out.push(token);
    }
    return Uint16Array.from(out);
  };
}

async function load(): Promise<typeof import('@huggingface/tokenizers')> {
  try {
    return await import('@huggingface/tokenizers');
  } catch (error) {
    throw new DataError(`byte-pair vocabularies need the npm package ${PACKAGE}: ${(error as Error).message}`);
  }
}

function readTokenizer(file: string): object {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new DataError(`${file}: cannot be read as JSON: ${(error as Error).message}`);
  }
  const parsed = shape.safeParse(json);
  if (parsed.success) return json as object;
  const issue = parsed.error.issues[0];
  throw new DataError(`${file}: is not the tokenizer.json of a BPE model: ${issue?.path.join('.')}: ${issue?.message}`);
}
