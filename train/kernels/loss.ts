// SPDX-License-Identifier: Apache-2.0
// Softmax by table: cross entropy with its loss in fixed point, causal probabilities, and the way back through them.
// Tables as int32. A row's table entries and mantissas go through scratch memory as long as the row.

import { flushed, INFINITE, lanes, largest, LIMIT_14, magnitude, storeFew } from './shared/vector';

// Largest of n values.
// @ts-ignore: decorator
@inline
function rowTop(x: usize, n: i32): f32 {
  let i = 0;
  let m = load<f32>(x);
  if (n >= 4) {
    let v = v128.load(x);
    for (i = 4; i + 4 <= n; i += 4) v = f32x4.max(v, v128.load(x + (<usize>i << 2)));
    m = max(max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)), max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
  }
  for (; i < n; i++) m = max(m, load<f32>(x + (<usize>i << 2)));
  return m;
}

// Table entries of n distances top - x to `entries`; their sum in chunks of 256.
// @ts-ignore: decorator
@inline
function lookUp(x: usize, n: i32, top: f32, exp: usize, entries: usize): f32 {
  const vt = f32x4.splat(top), scale = f32x4.splat(64), most = f32x4.splat(1023), magic = f32x4.splat(12582912);
  let sum: f32 = 0;
  for (let from = 0; from < n; from += 256) {
    let total: i32 = 0, i = from;
    const to = min(from + 256, n);
    for (; i + 4 <= to; i += 4) {
      const at = <usize>i << 2;
      const d = f32x4.min(f32x4.mul(scale, f32x4.sub(vt, v128.load(x + at))), most);
      const id = i32x4.shl(i32x4.sub(f32x4.add(d, magic), magic), 2);
      const t0 = load<i32>(exp + <usize>i32x4.extract_lane(id, 0)), t1 = load<i32>(exp + <usize>i32x4.extract_lane(id, 1));
      const t2 = load<i32>(exp + <usize>i32x4.extract_lane(id, 2)), t3 = load<i32>(exp + <usize>i32x4.extract_lane(id, 3));
      total += t0 + t1 + t2 + t3;
      store<i32>(entries + at, t0); store<i32>(entries + at, t1, 4); store<i32>(entries + at, t2, 8); store<i32>(entries + at, t3, 12);
    }
    for (; i < to; i++) {
      const d: f32 = 64 * (top - load<f32>(x + (<usize>i << 2)));
      const entry = load<i32>(exp + (<usize><i32>nearest<f32>(min<f32>(d, 1023)) << 2));
      total += entry;
      store<i32>(entries + (<usize>i << 2), entry);
    }
    sum += <f32>total;
  }
  return sum;
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
 * Loss, class and gradient (p - onehot) * share of rows of `classes` logits. labels: u16, below classes.
 */
export function crossEntropy(x: usize, rows: i32, classes: i32, labels: usize, share: f32, exp: usize, log: usize, ln2: i32, entries: usize, losses: usize, predicted: usize, out: usize): void {
  const st = <usize>classes << 2, one = f32x4.splat(share);
  for (let r = 0; r < rows; r++, x += st, labels += 2, losses += 4, predicted += 2) {
    const target = <i32>load<u16>(labels), top = rowTop(x, classes);
    let argmax = 0;
    while (load<f32>(x + (<usize>argmax << 2)) != top) argmax++;
    const sum = lookUp(x, classes, top, exp, entries);
    const distance = min<f32>(top - load<f32>(x + (<usize>target << 2)), 16384);
    store<i32>(losses, <i32>nearest<f32>(distance * 65536) + logOfSum(sum, log, ln2));
    store<u16>(predicted, <u16>argmax);
    const p = (<f32>load<i32>(entries + (<usize>target << 2)) / sum - 1) * share, vs = f32x4.splat(sum);
    const to = out + (<usize>target << 2);
    let c = 0, q = entries;
    for (; c + 4 <= classes; c += 4, q += 16, out += 16) v128.store(out, flushed(f32x4.mul(f32x4.div(f32x4.convert_i32x4_s(v128.load(q)), vs), one)));
    if (c < classes) {
      storeFew(out, flushed(f32x4.mul(f32x4.div(f32x4.convert_i32x4_s(v128.load(q)), vs), one)), classes - c);
      out += <usize>(classes - c) << 2;
    }
    store<f32>(to, abs<f32>(p) < reinterpret<f32>(67 << 23) ? 0 : p);
  }
}

/** In place: x * scale up to the diagonal, +0 beyond. `rows` rows of `context`, the first of them row 0 of a head. */
export function scaleScores(x: usize, rows: i32, context: i32, scale: f32): i32 {
  const s = f32x4.splat(scale);
  let top = i32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    const n = (r % context) + 1;
    let c = 0;
    for (; c + 4 <= n; c += 4, x += 16) {
      const y = flushed(f32x4.mul(v128.load(x), s));
      top = i32x4.max_s(top, magnitude(y));
      v128.store(x, y);
    }
    for (; c < context; c++, x += 4) {
      const y: f32 = c < n ? load<f32>(x) * scale : 0;
      const few: f32 = abs<f32>(y) < reinterpret<f32>(67 << 23) ? 0 : y;
      top = i32x4.max_s(top, magnitude(f32x4.splat(few)));
      store<f32>(x, few);
    }
  }
  return largest(top);
}

/** out[r][c] = entry / sum over the columns up to the diagonal, +0 beyond. */
export function causalSoftmax(x: usize, rows: i32, context: i32, exp: usize, entries: usize, out: usize): void {
  const st = <usize>context << 2;
  for (let r = 0; r < rows; r++, x += st, out += st) {
    const n = (r % context) + 1;
    const sum = lookUp(x, n, rowTop(x, n), exp, entries), vs = f32x4.splat(sum);
    let c = 0;
    for (; c + 4 <= n; c += 4) v128.store(out + (<usize>c << 2), f32x4.div(f32x4.convert_i32x4_s(v128.load(entries + (<usize>c << 2))), vs));
    for (; c < n; c++) store<f32>(out + (<usize>c << 2), <f32>load<i32>(entries + (<usize>c << 2)) / sum);
    memory.fill(out + (<usize>n << 2), 0, <usize>(context - n) << 2);
  }
}

/**
 * ds = p * (dp - dot(P8, Q14(dp))) * scale up to the diagonal, +0 beyond; dp is 0 there. Returns 0, or 1 where
 * a scale is above 2^50 or an output is not finite. Values behind a row's end are read, up to the next multiple of 4.
 */
export function causalSoftmaxGrad(p: usize, dp: usize, rows: i32, context: i32, scale: f32, out: usize): i32 {
  const st = <usize>context << 2, magic = f32x4.splat(12582912), unit = f32x4.splat(128), most = f32x4.splat(127);
  let all = i32x4.splat(0);
  for (let r = 0; r < rows; r++, p += st, dp += st, out += st) {
    const n = (r % context) + 1;
    let m = i32x4.splat(0);
    for (let c = 0; c < n; c += 4) m = i32x4.max_s(m, v128.and(magnitude(v128.load(dp + (<usize>c << 2))), lanes(n - c)));
    if (largest(m) > LIMIT_14) return 1;
    const e = max(-50, ((largest(m) + 0x7ff) >> 23) - 139);
    const inv = f32x4.splat(reinterpret<f32>((127 - e) << 23)), up = reinterpret<f32>((127 + e - 7) << 23);
    let sum: f32 = 0;
    for (let from = 0; from < n; from += 1024) {
      let total = i32x4.splat(0);
      const to = min(from + 1024, n);
      for (let c = from; c < to; c += 4) {
        const a = i32x4.sub(f32x4.add(f32x4.min(f32x4.mul(v128.load(p + (<usize>c << 2)), unit), most), magic), magic);
        const b = i32x4.sub(f32x4.add(f32x4.mul(v128.load(dp + (<usize>c << 2)), inv), magic), magic);
        total = i32x4.add(total, v128.and(i32x4.mul(a, b), lanes(to - c)));
      }
      const t = i32x4.add(total, i32x4.shuffle(total, total, 2, 3, 0, 1));
      const value = <f32>(i32x4.extract_lane(t, 0) + i32x4.extract_lane(t, 1)) * up;
      sum = from == 0 ? value : sum + value;
    }
    const s = f32x4.splat(sum), k = f32x4.splat(scale);
    for (let c = 0; c < context; c += 4) {
      const at = <usize>c << 2;
      const y = v128.and(flushed(f32x4.mul(f32x4.mul(v128.load(p + at), f32x4.sub(v128.load(dp + at), s)), k)), lanes(n - c));
      all = i32x4.max_s(all, magnitude(y));
      if (c + 4 <= context) v128.store(out + at, y);
      else storeFew(out + at, y, context - c);
    }
  }
  return <i32>(largest(all) >= INFINITE);
}
