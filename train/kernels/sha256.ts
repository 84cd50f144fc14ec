// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) of eight messages of equal length side by side: a lane is a message, lanes 0-3 in the first
// vector of a pair, 4-7 in the second. A step's codes are a hundred short leaves, and a native hash function is
// called once for each; here the whole tree is a few calls. Pairs end in adjacent stores, for V8's revectoriser.

// @ts-ignore: decorator
@inline
function rotr(x: v128, n: i32): v128 {
  return v128.or(i32x4.shr_u(x, n), i32x4.shl(x, 32 - n));
}

// @ts-ignore: decorator
@inline
function bigSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 2), rotr(x, 13)), rotr(x, 22));
}

// @ts-ignore: decorator
@inline
function bigSigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 6), rotr(x, 11)), rotr(x, 25));
}

// @ts-ignore: decorator
@inline
function sigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 7), rotr(x, 18)), i32x4.shr_u(x, 3));
}

// @ts-ignore: decorator
@inline
function sigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotr(x, 17), rotr(x, 19)), i32x4.shr_u(x, 10));
}

// @ts-ignore: decorator
@inline
function choose(e: v128, f: v128, g: v128): v128 {
  return v128.xor(g, v128.and(e, v128.xor(f, g)));
}

// @ts-ignore: decorator
@inline
function majority(a: v128, b: v128, c: v128): v128 {
  return v128.xor(b, v128.and(v128.xor(a, b), v128.xor(b, c)));
}

// Big-endian words of four messages, four words of each, to word vectors 32 bytes apart.
// @ts-ignore: decorator
@inline
function words(p: usize, stride: usize, w: usize): void {
  const a = v128.load(p), b = v128.load(p + stride), c = v128.load(p + 2 * stride), d = v128.load(p + 3 * stride);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ef = i32x4.shuffle(a, b, 2, 6, 3, 7), gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(w, swapped(i64x2.shuffle(ab, cd, 0, 2))); v128.store(w, swapped(i64x2.shuffle(ab, cd, 1, 3)), 32);
  v128.store(w, swapped(i64x2.shuffle(ef, gh, 0, 2)), 64); v128.store(w, swapped(i64x2.shuffle(ef, gh, 1, 3)), 96);
}

// @ts-ignore: decorator
@inline
function swapped(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

// t1 of a round: h + Sigma1(e) + Ch(e, f, g) + k + w
// @ts-ignore: decorator
@inline
function t1(h: v128, e: v128, f: v128, g: v128, k: usize, w: usize): v128 {
  return i32x4.add(i32x4.add(i32x4.add(h, bigSigma1(e)), choose(e, f, g)), i32x4.add(v128.load32_splat(k), v128.load(w)));
}

// @ts-ignore: decorator
@inline
function t2(a: v128, b: v128, c: v128): v128 {
  return i32x4.add(bigSigma0(a), majority(a, b, c));
}

/** Message schedule of a block: words 16..63 from words 0..15; a word is 32 bytes. */
function expand(w: usize): void {
  for (const end = w + 1536; w < end; w += 32) {
    const x = i32x4.add(i32x4.add(v128.load(w), v128.load(w, 288)), i32x4.add(sigma0(v128.load(w, 32)), sigma1(v128.load(w, 448))));
    const y = i32x4.add(i32x4.add(v128.load(w, 16), v128.load(w, 304)), i32x4.add(sigma0(v128.load(w, 48)), sigma1(v128.load(w, 464))));
    v128.store(w, x, 512); v128.store(w, y, 528);
  }
}

/** 64 rounds on the state at s (8 words of 32 bytes), eight to a turn so that the words need not move. */
function compress(s: usize, w: usize, k: usize): void {
  let a0 = v128.load(s, 0), a1 = v128.load(s, 16);
  let b0 = v128.load(s, 32), b1 = v128.load(s, 48);
  let c0 = v128.load(s, 64), c1 = v128.load(s, 80);
  let d0 = v128.load(s, 96), d1 = v128.load(s, 112);
  let e0 = v128.load(s, 128), e1 = v128.load(s, 144);
  let f0 = v128.load(s, 160), f1 = v128.load(s, 176);
  let g0 = v128.load(s, 192), g1 = v128.load(s, 208);
  let h0 = v128.load(s, 224), h1 = v128.load(s, 240);
  for (const end = k + 256; k < end; k += 32, w += 256) {
    h0 = t1(h0, e0, f0, g0, k, w); h1 = t1(h1, e1, f1, g1, k, w + 16);
    d0 = i32x4.add(d0, h0); d1 = i32x4.add(d1, h1);
    h0 = i32x4.add(h0, t2(a0, b0, c0)); h1 = i32x4.add(h1, t2(a1, b1, c1));
    g0 = t1(g0, d0, e0, f0, k + 4, w + 32); g1 = t1(g1, d1, e1, f1, k + 4, w + 48);
    c0 = i32x4.add(c0, g0); c1 = i32x4.add(c1, g1);
    g0 = i32x4.add(g0, t2(h0, a0, b0)); g1 = i32x4.add(g1, t2(h1, a1, b1));
    f0 = t1(f0, c0, d0, e0, k + 8, w + 64); f1 = t1(f1, c1, d1, e1, k + 8, w + 80);
    b0 = i32x4.add(b0, f0); b1 = i32x4.add(b1, f1);
    f0 = i32x4.add(f0, t2(g0, h0, a0)); f1 = i32x4.add(f1, t2(g1, h1, a1));
    e0 = t1(e0, b0, c0, d0, k + 12, w + 96); e1 = t1(e1, b1, c1, d1, k + 12, w + 112);
    a0 = i32x4.add(a0, e0); a1 = i32x4.add(a1, e1);
    e0 = i32x4.add(e0, t2(f0, g0, h0)); e1 = i32x4.add(e1, t2(f1, g1, h1));
    d0 = t1(d0, a0, b0, c0, k + 16, w + 128); d1 = t1(d1, a1, b1, c1, k + 16, w + 144);
    h0 = i32x4.add(h0, d0); h1 = i32x4.add(h1, d1);
    d0 = i32x4.add(d0, t2(e0, f0, g0)); d1 = i32x4.add(d1, t2(e1, f1, g1));
    c0 = t1(c0, h0, a0, b0, k + 20, w + 160); c1 = t1(c1, h1, a1, b1, k + 20, w + 176);
    g0 = i32x4.add(g0, c0); g1 = i32x4.add(g1, c1);
    c0 = i32x4.add(c0, t2(d0, e0, f0)); c1 = i32x4.add(c1, t2(d1, e1, f1));
    b0 = t1(b0, g0, h0, a0, k + 24, w + 192); b1 = t1(b1, g1, h1, a1, k + 24, w + 208);
    f0 = i32x4.add(f0, b0); f1 = i32x4.add(f1, b1);
    b0 = i32x4.add(b0, t2(c0, d0, e0)); b1 = i32x4.add(b1, t2(c1, d1, e1));
    a0 = t1(a0, f0, g0, h0, k + 28, w + 224); a1 = t1(a1, f1, g1, h1, k + 28, w + 240);
    e0 = i32x4.add(e0, a0); e1 = i32x4.add(e1, a1);
    a0 = i32x4.add(a0, t2(b0, c0, d0)); a1 = i32x4.add(a1, t2(b1, c1, d1));
  }
  a0 = i32x4.add(a0, v128.load(s, 0)); a1 = i32x4.add(a1, v128.load(s, 16));
  b0 = i32x4.add(b0, v128.load(s, 32)); b1 = i32x4.add(b1, v128.load(s, 48));
  c0 = i32x4.add(c0, v128.load(s, 64)); c1 = i32x4.add(c1, v128.load(s, 80));
  d0 = i32x4.add(d0, v128.load(s, 96)); d1 = i32x4.add(d1, v128.load(s, 112));
  e0 = i32x4.add(e0, v128.load(s, 128)); e1 = i32x4.add(e1, v128.load(s, 144));
  f0 = i32x4.add(f0, v128.load(s, 160)); f1 = i32x4.add(f1, v128.load(s, 176));
  g0 = i32x4.add(g0, v128.load(s, 192)); g1 = i32x4.add(g1, v128.load(s, 208));
  h0 = i32x4.add(h0, v128.load(s, 224)); h1 = i32x4.add(h1, v128.load(s, 240));
  v128.store(s, a0, 0); v128.store(s, a1, 16);
  v128.store(s, b0, 32); v128.store(s, b1, 48);
  v128.store(s, c0, 64); v128.store(s, c1, 80);
  v128.store(s, d0, 96); v128.store(s, d1, 112);
  v128.store(s, e0, 128); v128.store(s, e1, 144);
  v128.store(s, f0, 160); v128.store(s, f1, 176);
  v128.store(s, g0, 192); v128.store(s, g1, 208);
  v128.store(s, h0, 224); v128.store(s, h1, 240);
}

// Eight messages of `blocks` padded blocks, `stride` bytes apart, to eight digests at `out`.
function hashEight(p: usize, stride: usize, blocks: i32, out: usize, s: usize, w: usize, k: usize, iv: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const word = v128.load32_splat(iv + (i << 2));
    v128.store(s + (i << 5), word); v128.store(s + (i << 5), word, 16);
  }
  for (let i = 0; i < blocks; i++, p += 64) {
    for (let j: usize = 0; j < 4; j++) {
      words(p + (j << 4), stride, w + (j << 7)); words(p + (j << 4) + 4 * stride, stride, w + (j << 7) + 16);
    }
    expand(w);
    compress(s, w, k);
  }
  for (let lane: usize = 0; lane < 8; lane++)
    for (let i: usize = 0; i < 8; i++) store<u32>(out + (lane << 5) + (i << 2), bswap<u32>(load<u32>(s + (i << 5) + (lane << 2))));
}

/**
 * SHA-256 of `prefix` (one byte) followed by each of `count` messages of `length` bytes that lie one after another.
 * out: 32 bytes for each, count rounded up to 8. k: the 64 round constants, then the 8 initial words (uint32).
 * scratch: 2,304 bytes, then eight times the padded length of a message with its prefix.
 */
export function hashMany(messages: usize, length: i32, count: i32, prefix: i32, out: usize, k: usize, scratch: usize): void {
  const blocks = (length + 1 + 9 + 63) >> 6, stride = <usize>blocks << 6, stage = scratch + 2304;
  memory.fill(stage, 0, stride << 3);
  for (let lane: usize = 0; lane < 8; lane++) {
    const p = stage + lane * stride;
    store<u8>(p, <u8>prefix);
    store<u8>(p + length, 0x80, 1);
    store<u32>(p + stride - 4, bswap<u32>(<u32>(length + 1) << 3));
  }
  for (let i = 0; i < count; i += 8, out += 256) {
    for (let lane = 0; lane < min(8, count - i); lane++, messages += length) memory.copy(stage + <usize>lane * stride + 1, messages, length);
    hashEight(stage, stride, blocks, out, scratch, scratch + 256, k, k + 256);
  }
}
