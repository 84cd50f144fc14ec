// SPDX-License-Identifier: Apache-2.0
// What commands print: JSON on one line, or the same value as indented text (a subset of YAML) for people.
import type { Json, JsonObject } from '../../core/json.ts';

export type OutputFormat = 'text' | 'json';

function scalar(value: null | boolean | number | string): string {
  if (typeof value !== 'string') return String(value);
  // Quoted whenever YAML could read something else than this very text.
  return /^[A-Za-z/][A-Za-z0-9 _./:+-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value) && !/[:\s]$|: /.test(value)
    ? value
    : JSON.stringify(value);
}

function isScalar(value: Json): value is null | boolean | number | string {
  return value === null || typeof value !== 'object';
}

function inline(value: Json): string | undefined {
  if (isScalar(value)) return scalar(value);
  if (Array.isArray(value)) return value.length === 0 ? '[]' : undefined;
  return Object.keys(value).length === 0 ? '{}' : undefined;
}

/** Value as indented text. */
export function toText(value: Json, indent = ''): string {
  const flat = inline(value);
  if (flat !== undefined) return `${indent}${flat}\n`;
  if (Array.isArray(value)) {
    return value
      .map((item: Json) =>
        inline(item) === undefined ? `${indent}- ${toText(item, `${indent}  `).slice(indent.length + 2)}` : `${indent}- ${inline(item)}\n`,
      )
      .join('');
  }
  return Object.entries(value as JsonObject)
    .map(([key, item]) => {
      const one = inline(item);
      const name = /^[A-Za-z_]/.test(key) ? key : JSON.stringify(key);
      if (one !== undefined) return `${indent}${name}: ${one}\n`;
      return `${indent}${name}:\n${toText(item, Array.isArray(item) ? indent : `${indent}  `)}`;
    })
    .join('');
}

/** Writes a value to standard output. */
export function print(value: Json, format: OutputFormat): void {
  process.stdout.write(format === 'json' ? `${JSON.stringify(value)}\n` : toText(value));
}

/** Writes a line to standard output. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a line for people to standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
