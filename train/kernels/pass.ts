// SPDX-License-Identifier: Apache-2.0
// Element-wise passes and the loss. Activations lie feature by feature: [features][ld samples], ld a multiple of 16,
// so a lane is a sample and no pass crosses lanes. Lanes beyond the last sample hold finite values that nobody reads.

const TINY_BITS: i32 = (67 << 23) - 1;

// @ts-ignore: decorator
@inline
function magnitude(x: v128): v128 {
  return v128.and(x, i32x4.splat(0x7fffffff));
}

// @ts-ignore: decorator
@inline
function flushed(y: v128): v128 {
  return v128.and(y, i32x4.gt_s(magnitude(y), i32x4.splat(TINY_BITS)));
}

// @ts-ignore: decorator
@inline
function largest(m: v128): i32 {
  return max(max(i32x4.extract_lane(m, 0), i32x4.extract_lane(m, 1)), max(i32x4.extract_lane(m, 2), i32x4.extract_lane(m, 3)));
}

/** out[f][s] = x[f][s] + b[f], flushed. Returns the largest magnitude (bits). */
export function addBias(x: usize, b: usize, out: usize, features: i32, ld: i32): i32 {
  let top = i32x4.splat(0);
  for (let i = 0; i < features; i++, b += 4) {
    const bias = v128.load32_splat(b);
    for (const end = x + (<usize>ld << 2); x < end; x += 16, out += 16) {
      const y = flushed(f32x4.add(v128.load(x), bias));
      top = i32x4.max_s(top, magnitude(y));
      v128.store(out, y);
    }
  }
  return largest(top);
}

/** out = on > 0 ? value : +0, n a multiple of 4. Returns the largest magnitude (bits) of value, selected or not. */
export function select(on: usize, value: usize, out: usize, n: i32): i32 {
  const zero = f32x4.splat(0);
  let top = i32x4.splat(0);
  for (const end = on + (<usize>n << 2); on < end; on += 16, value += 16, out += 16) {
    const v = v128.load(value);
    top = i32x4.max_s(top, magnitude(v));
    v128.store(out, v128.and(v, f32x4.gt(v128.load(on), zero)));
  }
  return largest(top);
}

// Sum of the mantissas of n values: adding 1.5 * 2^23 leaves the integer nearest (ties to even) in the low bits.
// @ts-ignore: decorator
@inline
function mantissaSum(p: usize, n: i32, down: f32): i32 {
  const inv = f32x4.splat(down), magic = f32x4.splat(12582912);
  let total = i32x4.splat(0), t = 0;
  for (; t + 4 <= n; t += 4, p += 16) total = i32x4.add(total, i32x4.sub(f32x4.add(f32x4.mul(v128.load(p), inv), magic), magic));
  let sum = i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3);
  for (; t < n; t++, p += 4) sum += <i32>nearest<f32>(load<f32>(p) * down);
  return sum;
}

/** out[r] = sum over t of Q(x)[r][t] in chunks of 1,024 terms, flushed. Terms are the first `terms` of a row of ld. */
export function sumRows(x: usize, ld: i32, rows: i32, terms: i32, up: usize, inv: usize, out: usize): void {
  for (let r = 0; r < rows; r++, up += 4, inv += 4, out += 4) {
    const p = x + (<usize>(r * ld) << 2), scale = load<f32>(up), down = load<f32>(inv);
    let sum: f32 = 0;
    for (let from = 0; from < terms; from += 1024) {
      const value = <f32>mantissaSum(p + (<usize>from << 2), min(1024, terms - from), down) * scale;
      sum = from == 0 ? value : sum + value;
    }
    store<f32>(out, abs<f32>(sum) < reinterpret<f32>(67 << 23) ? 0 : sum);
  }
}

/** Copies rows of `cols` values that lie ldFrom apart to rows that follow one another. */
export function compact(from: usize, ldFrom: i32, rows: i32, cols: i32, to: usize): void {
  for (let r = 0; r < rows; r++, from += <usize>ldFrom << 2, to += <usize>cols << 2) memory.copy(to, from, <usize>cols << 2);
}

/** rows x cols with rows ld apart to cols x rows, closely packed. */
export function transpose(from: usize, ld: i32, rows: i32, cols: i32, to: usize): void {
  for (let c = 0; c < cols; c++)
    for (let r = 0; r < rows; r++, to += 4) store<f32>(to, load<f32>(from + (<usize>(r * ld + c) << 2)));
}

// Natural logarithm of sum / 65,536 in 2^-16, by table and linear interpolation.
// @ts-ignore: decorator
@inline
function logOfSum(sum: f32, log: usize, ln2: i32): i32 {
  const bits = reinterpret<i32>(sum);
  const exponent = (bits >> 23) - 127 - 16, high = (bits >> 13) & 1023, low = bits & 8191;
  const at = load<i32>(log + (<usize>high << 2)), next = load<i32>(log + (<usize>high << 2), 4);
  return ((exponent * ln2 + 128) >> 8) + at + (((next - at) * low + 4096) >> 13);
}

/**
 * Softmax by table and loss of `samples` columns of x[classes][ld]; out gets (p - onehot) * share, flushed, unless 0.
 * labels: the label byte of sample 0, `stride` bytes apart. exp, log: the tables as int32. Returns the samples done:
 * less than `samples` when a label is not below `classes`.
 */
export function crossEntropy(x: usize, ld: i32, classes: i32, samples: i32, labels: usize, stride: i32, share: f32, exp: usize, log: usize, ln2: i32, entries: usize, losses: usize, predicted: usize, out: usize): i32 {
  const st = <usize>ld << 2;
  for (let s = 0; s < samples; s++, x += 4, labels += stride, losses += 4, predicted += 2) {
    const target = <i32>load<u8>(labels);
    if (target >= classes) return s;
    let top = load<f32>(x), argmax = 0;
    for (let c = 1; c < classes; c++) {
      const v = load<f32>(x + <usize>c * st);
      if (v > top) {
        top = v;
        argmax = c;
      }
    }
    let sum: f32 = 0;
    for (let start = 0; start < classes; start += 256) {
      let total: i32 = 0;
      for (let c = start, end = min(start + 256, classes); c < end; c++) {
        const d: f32 = 64 * (top - load<f32>(x + <usize>c * st));
        const entry = load<i32>(exp + (<usize><i32>nearest<f32>(d < 1023 ? d : 1023) << 2));
        store<i32>(entries + (<usize>c << 2), entry);
        total += entry;
      }
      sum += <f32>total;
    }
    const distance = top - load<f32>(x + <usize>target * st);
    store<i32>(losses, <i32>nearest<f32>((distance < 16384 ? distance : 16384) * 65536) + logOfSum(sum, log, ln2));
    store<u16>(predicted, <u16>argmax);
    if (out) {
      for (let c = 0; c < classes; c++) {
        const p = <f32>load<i32>(entries + (<usize>c << 2)) / sum;
        const y: f32 = (p - <f32>(c == target)) * share;
        store<f32>(out + <usize>c * st, abs<f32>(y) < reinterpret<f32>(67 << 23) ? 0 : y);
      }
      out += 4;
    }
  }
  return samples;
}
