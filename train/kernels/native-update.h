// SPDX-License-Identifier: Apache-2.0
// Codes of 4 or 5 bits and the optimisers, a block of 64 parameters at a time; codes.ts and update.ts define them.
#include "native-vector.h"

/* five: codes of 5 bits, which have one bit behind the exponent */
INLINE int encode_block(const float *g, float *d, uint8_t *codes, int five) {
  const Ints top = larger(larger(magnitude(F(g)), magnitude(F(g + 16))), larger(magnitude(F(g + 32)), magnitude(F(g + 48))));
  const int32_t m = largest(top);
  if (m >= INFINITE) return 0;
  const int32_t half = five ? 0x200000 : 0x400000;
  int32_t e = ((m + half) >> 23) - 6;
  e = e < 70 ? 70 : e > 180 ? 180 : e;
  const Ints least = (Ints){0} + (e << 23), most = (Ints){0} + ((e + 6) << 23 | (five ? 0x400000 : 0));
  codes[0] = (uint8_t)e;
  for (int k = 0; k < 64; k += 16) {
    const Ints u = (Ints)F(g + k), a = magnitude(F(g + k));
    const Ints p = smaller(larger((a + half) & (int32_t)(five ? 0xffc00000 : 0xff800000), least), most);
    const Ints x = (p | (u & INT32_MIN)) & (a >= (e - 1) << 23);
    F(d + k) = (Floats)x;
    const Ints field = x >> 23 & 255, code = ((field - (e - 1)) & (field != 0)) | (x >> 28 & 8);
    const Pairs c = (Pairs)__builtin_convertvector(code, Bytes);
    *(Half *)(codes + 1 + k / 2) = __builtin_convertvector(c | c >> 4, Half);
    if (five) {
      int bits = 0;
      for (int i = 0; i < 16; i++) bits |= (x[i] >> 22 & 1) << i;
      codes[33 + k / 8] = (uint8_t)bits;
      codes[34 + k / 8] = (uint8_t)(bits >> 8);
    }
  }
  return 1;
}

/* 0, or 1: exponent byte, 2: code 8, 3: no code of step 7, 4: a fifth bit at a zero */
static int decode_block(const uint8_t *codes, float *d, int five) {
  const uint32_t e = codes[0];
  if (e < 70 || e > 180) return 1;
  int bad = 0, full = 0, lost = 0;
  for (int i = 0; i < 64; i++) {
    const uint32_t c = codes[1 + (i >> 1)] >> (i & 1 ? 4 : 0) & 15, t = c & 7, bit = five ? codes[33 + (i >> 3)] >> (i & 7) & 1 : 0;
    bad |= c == 8;
    full |= t == 7;
    lost |= bit > t;
    const uint32_t u = t ? (c & 8) << 28 | (e + t - 1) << 23 | bit << 22 : 0;
    memcpy(d + i, &u, 4);
  }
  return bad ? 2 : lost ? 4 : e > 70 && !full ? 3 : 0;
}

static int32_t encode(const float *g, int n, uint8_t *codes, int five) {
  float d[64];
  for (int i = 0; i < n; i += 64, codes += five ? 41 : 33) if (!encode_block(g + i, d, codes, five)) return -1;
  return 0;
}

static int32_t sgd(const float *g, uint8_t *codes, int five, float *theta, float *m, int n, float rate, float momentum) {
  Ints top = {0};
  float d[64];
  for (int i = 0; i < n; i += 64, codes += five ? 41 : 33, theta += 64, m += 64) {
    if (g) { if (!encode_block(g + i, d, codes, five)) return -1; }
    else { const int fault = decode_block(codes, d, five); if (fault) return -1 - fault; }
    for (int k = 0; k < 64; k += 16) {
      const Floats moment = above(momentum * F(m + k) + F(d + k), TINY), next = F(theta + k) - rate * moment;
      F(m + k) = moment;
      F(theta + k) = above(next, TINY);
      top = larger(top, magnitude(next));
    }
  }
  return largest(top);
}

INLINE Floats root(Floats x) {
  Floats y;
  for (int i = 0; i < 16; i++) ((float *)&y)[i] = sqrtf(((float *)&x)[i]);
  return y;
}

/* s: beta1, gain1, beta2, gain2, epsilon, keep, stepSize, rootScale */
static int32_t adamw(const float *g, uint8_t *codes, int five, float *theta, float *m, float *v, int n, const float *s) {
  Ints top = {0};
  float d[64];
  for (int i = 0; i < n; i += 64, codes += five ? 41 : 33, theta += 64, m += 64, v += 64) {
    if (g) { if (!encode_block(g + i, d, codes, five)) return -1; }
    else { const int fault = decode_block(codes, d, five); if (fault) return -1 - fault; }
    for (int k = 0; k < 64; k += 16) {
      const Floats first = above(s[0] * F(m + k) + s[1] * F(d + k), TINY);
      const Floats second = above(s[2] * F(v + k) + s[3] * (F(d + k) * F(d + k)), TINY_SQUARE);
      const Floats next = s[5] * F(theta + k) - s[6] * above(first / (root(second) * s[7] + s[4]), TINY);
      F(m + k) = first;
      F(v + k) = second;
      F(theta + k) = above(next, TINY);
      top = larger(top, larger(magnitude(next), magnitude(second)));
    }
  }
  return largest(top);
}
