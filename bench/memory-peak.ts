// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** Peak resident KiB of this process so far. Linux, which alone tells it. */
export function peakKiB(): number {
  const kib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
  if (!(kib > 0)) throw new Error('bench: this system does not tell the peak memory of a process');
  return kib;
}
