// SPDX-License-Identifier: Apache-2.0
// Operations that only move values to where they belong: embeddings and their gradients, patches of images and theirs.

import { flushed, lanes, largest, magnitude, storeFew } from './shared/vector';

/** out[r] = e[token of r] + p[position of r], rows of `width`; row 0 has position 0. tokens: u16. */
export function embed(tokens: usize, rows: i32, context: i32, width: i32, e: usize, p: usize, out: usize): i32 {
  let top = i32x4.splat(0);
  for (let r = 0; r < rows; r++, tokens += 2) {
    let x = e + (<usize>(<i32>load<u16>(tokens) * width) << 2), y = p + (<usize>((r % context) * width) << 2), n = width;
    for (; n >= 4; n -= 4, x += 16, y += 16, out += 16) {
      const v = flushed(f32x4.add(v128.load(x), v128.load(y)));
      top = i32x4.max_s(top, magnitude(v));
      v128.store(out, v);
    }
    if (n > 0) {
      const v = v128.and(flushed(f32x4.add(v128.load(x), v128.load(y))), lanes(n));
      top = i32x4.max_s(top, magnitude(v));
      storeFew(out, v, n);
      out += <usize>n << 2;
    }
  }
  return largest(top);
}

/**
 * sums[v][c] = sum over the rows r with index v of Q14(dy)[r][c], for columns 0..cols-1 of rows of ld, in chunks of
 * 1,024 rows; sums and totals (int32) have rows of ld, are 0 before, and totals are 0 again after. index: u16, or
 * r % context where index is 0. Columns come in fours; what lies behind the last is not stored.
 */
export function scatter(index: usize, context: i32, dy: usize, ld: i32, rows: i32, cols: i32, up: usize, inv: usize, totals: usize, sums: usize): void {
  const st = <usize>ld << 2, magic = f32x4.splat(12582912);
  for (let from = 0; from < rows; from += 1024) {
    const to = min(from + 1024, rows);
    for (let r = from; r < to; r++) {
      const v = index ? <i32>load<u16>(index + (<usize>r << 1)) : r % context;
      const p = dy + <usize>r * st, t = totals + <usize>v * st;
      let c: i32 = 0;
      for (; c + 4 <= cols; c += 4) {
        const at = <usize>c << 2;
        v128.store(t + at, i32x4.add(v128.load(t + at), i32x4.sub(f32x4.add(f32x4.mul(v128.load(p + at), v128.load(inv + at)), magic), magic)));
      }
      for (; c < cols; c++) {
        const at = <usize>c << 2;
        store<i32>(t + at, load<i32>(t + at) + <i32>nearest<f32>(load<f32>(p + at) * load<f32>(inv + at)));
      }
    }
    for (let r = from; r < to; r++) {
      const v = index ? <i32>load<u16>(index + (<usize>r << 1)) : r % context;
      const t = totals + <usize>v * st, s = sums + <usize>v * st;
      for (let c = 0; c < cols; c++) {
        const at = <usize>c << 2;
        store<f32>(s + at, load<f32>(s + at) + <f32>load<i32>(t + at) * load<f32>(up + at));
        store<i32>(t + at, 0);
      }
    }
  }
}

/** out = x, flushed. */
export function copyFlushed(x: usize, out: usize, n: i32): void {
  for (; n >= 4; n -= 4, x += 16, out += 16) v128.store(out, flushed(v128.load(x)));
  if (n > 0) storeFew(out, flushed(v128.load(x)), n);
}

// @ts-ignore: decorator
@inline
function inside(o: i32, stride: i32, tap: i32, pad: i32): i32 {
  return o * stride + tap - pad;
}

/** out[patch][(channel, ky, kx)] = x[pixel][channel] of `images` images, +0 outside. */
export function patches(x: usize, images: i32, height: i32, width: i32, channels: i32, kernel: i32, stride: i32, pad: i32, outHeight: i32, outWidth: i32, out: usize): void {
  for (let n = 0; n < images; n++, x += <usize>(height * width * channels) << 2)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++)
          for (let ky = 0; ky < kernel; ky++) {
            const iy = inside(oy, stride, ky, pad);
            for (let kx = 0; kx < kernel; kx++, out += 4) {
              const ix = inside(ox, stride, kx, pad);
              const here = iy >= 0 && iy < height && ix >= 0 && ix < width;
              store<f32>(out, here ? load<f32>(x + (<usize>((iy * width + ix) * channels + c) << 2)) : 0);
            }
          }
}

/** out[pixel][channel] = sum over (ky, kx), ascending, of the patch elements that came from it. */
export function patchesGrad(dy: usize, images: i32, height: i32, width: i32, channels: i32, kernel: i32, stride: i32, pad: i32, outHeight: i32, outWidth: i32, out: usize): i32 {
  const area = kernel * kernel, pixels = height * width * channels, patch = outHeight * outWidth * channels * area;
  let top: i32 = 0;
  for (let n = 0; n < images; n++, dy += <usize>patch << 2, out += <usize>pixels << 2) {
    memory.fill(out, 0, <usize>pixels << 2);
    for (let ky = 0; ky < kernel; ky++)
      for (let kx = 0; kx < kernel; kx++)
        for (let oy = 0; oy < outHeight; oy++) {
          const iy = inside(oy, stride, ky, pad);
          if (iy < 0 || iy >= height) continue;
          for (let ox = 0; ox < outWidth; ox++) {
            const ix = inside(ox, stride, kx, pad);
            if (ix < 0 || ix >= width) continue;
            for (let c = 0; c < channels; c++) {
              const to = out + (<usize>((iy * width + ix) * channels + c) << 2);
              const from = dy + (<usize>(((oy * outWidth + ox) * channels + c) * area + ky * kernel + kx) << 2);
              store<f32>(to, load<f32>(to) + load<f32>(from));
            }
          }
        }
    for (let i = 0; i < pixels; i++) {
      const at = out + (<usize>i << 2), y = load<f32>(at);
      top = max(top, reinterpret<i32>(y) & 0x7fffffff);
      if (abs<f32>(y) < reinterpret<f32>(67 << 23)) store<f32>(at, 0);
    }
  }
  return top;
}
