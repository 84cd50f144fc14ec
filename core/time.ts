// SPDX-License-Identifier: Apache-2.0
// Block time: bigint nanoseconds since 1970-01-01T00:00:00Z, never a Date.
import type { Timestamp } from '../proto/gen/google.protobuf.ts';

const SECOND = 1_000_000_000n;

/** Nanoseconds of a protobuf timestamp; absent is CometBFT's zero time, 0001-01-01. */
export function fromTimestamp(t: Timestamp | undefined): bigint {
  return t === undefined ? -62_135_596_800n * SECOND : t.seconds * SECOND + BigInt(t.nanos);
}

/** Protobuf timestamp of nanoseconds. */
export function toTimestamp(ns: bigint): Timestamp {
  const nanos = ((ns % SECOND) + SECOND) % SECOND;
  return { seconds: (ns - nanos) / SECOND, nanos: Number(nanos) };
}

/** Days since 1970-01-01 to year, month, day (proleptic Gregorian; Hinnant, "chrono-compatible low-level date algorithms"). */
function civil(days: bigint): readonly [year: bigint, month: bigint, day: bigint] {
  const z = days + 719_468n;
  const era = (z >= 0n ? z : z - 146_096n) / 146_097n;
  const doe = z - era * 146_097n;
  const yoe = (doe - doe / 1460n + doe / 36_524n - doe / 146_096n) / 365n;
  const doy = doe - (365n * yoe + yoe / 4n - yoe / 100n);
  const mp = (5n * doy + 2n) / 153n;
  const month = mp < 10n ? mp + 3n : mp - 9n;
  return [yoe + era * 400n + (month <= 2n ? 1n : 0n), month, doy - (153n * mp + 2n) / 5n + 1n];
}

function daysOf(year: bigint, month: bigint, day: bigint): bigint {
  const y = month <= 2n ? year - 1n : year;
  const era = (y >= 0n ? y : y - 399n) / 400n;
  const yoe = y - era * 400n;
  const doy = (153n * (month > 2n ? month - 3n : month + 9n) + 2n) / 5n + day - 1n;
  return era * 146_097n + yoe * 365n + yoe / 4n - yoe / 100n + doy - 719_468n;
}

const pad = (n: bigint, width: number): string => n.toString().padStart(width, '0');

/** RFC 3339 text in UTC, nanoseconds without trailing zeros. */
export function formatTime(ns: bigint): string {
  const { seconds, nanos } = toTimestamp(ns);
  const rest = ((seconds % 86_400n) + 86_400n) % 86_400n;
  const [year, month, day] = civil((seconds - rest) / 86_400n);
  const fraction = nanos === 0 ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(rest / 3600n, 2)}:${pad((rest / 60n) % 60n, 2)}:${pad(rest % 60n, 2)}${fraction}Z`;
}

/** Nanoseconds of RFC 3339 text with `Z`; throws on another form. */
export function parseTime(text: string): bigint {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (m === null) throw new Error(`time: expected RFC 3339 in UTC, got "${text}"`);
  const n = (i: number): bigint => BigInt(m[i] as string);
  const seconds = daysOf(n(1), n(2), n(3)) * 86_400n + n(4) * 3600n + n(5) * 60n + n(6);
  return seconds * SECOND + BigInt((m[7] ?? '').padEnd(9, '0'));
}
