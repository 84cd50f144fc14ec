// SPDX-License-Identifier: Apache-2.0

/** Name of an enumeration's value, or the number when it has none. */
export function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(values).find((name) => values[name] === value) ?? value.toString();
}
