// SPDX-License-Identifier: Apache-2.0
// JSON with one text per value: object keys in code-unit order, no whitespace, integers only as numbers.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quote(text: string): string {
  // Lone surrogates have no UTF-8 form, so two writers would differ.
  if (!(text as unknown as { isWellFormed(): boolean }).isWellFormed()) throw new Error('json: the string is not well-formed Unicode');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 wants exactly these escaped
  return `"${text.replace(/["\\\u0000-\u001f]/g, (c) => ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
}

/** Canonical text (as RFC 8785, restricted to safe integers); throws on a fraction, NaN or undefined. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new Error(`json: ${value} is not a safe integer`);
    return Object.is(value, -0) ? '0' : String(value);
  }
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const object = value as JsonObject;
  const keys = Object.keys(object).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${keys.map((k) => `${quote(k)}:${canonicalJson(object[k] as Json)}`).join(',')}}`;
}

/** `value` as an object; throws naming `path`. */
export function asObject(value: Json | undefined, path: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path}: expected an object`);
  return value as JsonObject;
}
