// SPDX-License-Identifier: Apache-2.0
// A device that errs. Loaded into a daemon's threads by `--require`, before anything else, it flips one bit in one result
// that TensorFlow.js hands out; which one stands in `fault.json` beside the daemon's configuration. Without the file it does nothing.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** The result that is wrong: number `at`, counted from 1, of those with these rows and columns, or of all; zeros do not count. */
export interface DeviceFault {
  readonly shape?: readonly [rows: number, columns: number];
  readonly at: number;
  /** Again after so many more; once without. */
  readonly every?: number;
}

/** Carries the fault from a daemon's first thread to the one that computes. */
const VARIABLE = 'POGO_TEST_FAULT';

interface Tensor {
  readonly shape: readonly number[];
  data(): Promise<ArrayLike<number>>;
}

function announce(): void {
  const config = process.argv[process.argv.indexOf('--config') + 1] ?? '';
  const file = join(dirname(config), 'fault.json');
  if (process.argv.includes('--config') && existsSync(file)) process.env[VARIABLE] = readFileSync(file, 'utf8');
}

/** The sign of the largest of the first `count` elements, so that no rounding hides it. */
function flip(values: ArrayLike<number>, count: number): ArrayLike<number> {
  const out = Float32Array.from(values);
  const largest = out.subarray(0, count).reduce((best, value, i) => (Math.abs(value) > Math.abs(out[best] as number) ? i : best), 0);
  const bits = new Uint32Array(out.buffer);
  bits[largest] = (bits[largest] as number) ^ 0x8000_0000;
  return out;
}

function plant({ shape, at, every }: DeviceFault): void {
  const { Tensor } = createRequire(import.meta.url)('@tensorflow/tfjs-core') as { readonly Tensor: { readonly prototype: Tensor } };
  const { data } = Tensor.prototype;
  let seen = 0;
  Tensor.prototype.data = async function (this: Tensor): Promise<ArrayLike<number>> {
    const values = await data.call(this);
    const [rows, columns] = this.shape.slice(-2);
    if (shape !== undefined && (rows !== shape[0] || columns !== shape[1])) return values;
    if (Array.prototype.every.call(values, (value) => value === 0)) return values;
    seen++;
    // A result of one shape is two planes, high and low (tfjs.ts); an error in the low one can vanish where gradients are coded.
    const count = shape === undefined ? values.length : values.length / 2;
    return seen === at || (every !== undefined && seen % every === at) ? flip(values, count) : values;
  };
}

const told = process.env[VARIABLE];
if (isMainThread) announce();
else if (told !== undefined) plant(JSON.parse(told) as DeviceFault);
