// SPDX-License-Identifier: Apache-2.0
// Causal softmax by table and the way back through it: what loss.ts does.
#include "native-norm.h"

/* table entries of n distances top - x to `entries`; their sum in chunks of 256 */
INLINE float look_up(const float *x, int n, float top, const int32_t *table, int32_t *entries) {
  float sum = 0;
  for (int from = 0; from < n; from += 256) {
    const int to = n < from + 256 ? n : from + 256;
    int32_t total = 0;
    for (int i = from; i < to; i++) {
      const float d = 64 * (top - x[i]), capped = d < 1023 ? d : 1023;
      const int32_t entry = table[bits_of(capped + MAGIC) - MAGIC_BITS];
      entries[i] = entry;
      total += entry;
    }
    sum += (float)total;
  }
  return sum;
}

/* in place: x * scale up to the diagonal, +0 beyond; rows from row 0 of a head on */
static int32_t scale_scores(float *x, int rows, int context, float scale) {
  int32_t top = 0;
  for (int r = 0; r < rows; r++, x += context) {
    const int n = r % context + 1;
    for (int c = 0; c < n; c++) {
      x[c] = flushed1(x[c] * scale);
      const int32_t m = magnitude1(x[c]);
      top = m > top ? m : top;
    }
    memset(x + n, 0, 4 * (size_t)(context - n));
  }
  return top;
}

static void causal_softmax(const float *x, int rows, int context, const int32_t *table, int32_t *entries, float *out) {
  for (int r = 0; r < rows; r++, x += context, out += context) {
    const int n = r % context + 1;
    /* finite binary32 values are ordered as these integers are */
    int32_t most = INT32_MIN;
    for (int c = 0; c < n; c++) {
      const int32_t u = bits_of(x[c]), key = u ^ (u >> 31 & 0x7fffffff);
      most = key > most ? key : most;
    }
    const float sum = look_up(x, n, float_of(most ^ (most >> 31 & 0x7fffffff)), table, entries);
    for (int c = 0; c < n; c++) out[c] = (float)entries[c] / sum;
    memset(out + n, 0, 4 * (size_t)(context - n));
  }
}

/* P8 . Q14(dp) over n columns */
INLINE float probability_dot(const float *p, const float *dp, int n, float inv, float up) {
  float sum = 0;
  for (int from = 0; from < n; from += 1024) {
    const int to = n < from + 1024 ? n : from + 1024;
    int32_t total = 0;
    for (int c = from; c < to; c++) {
      const float y = p[c] * 128, capped = y < 127 ? y : 127;
      total += mantissa1(capped, 1) * mantissa1(dp[c], inv);
    }
    const float value = (float)total * up;
    sum = from == 0 ? value : sum + value;
  }
  return sum;
}

static int32_t causal_softmax_grad(const float *p, const float *dp, int rows, int context, float scale, float *out) {
  int32_t top = 0;
  for (int r = 0; r < rows; r++, p += context, dp += context, out += context) {
    const int n = r % context + 1;
    const int32_t m = largest_of(dp, n);
    if (m > LIMIT_14) return 1;
    const int32_t e = exponent_of(m, 14);
    const float sum = probability_dot(p, dp, n, power(-e), power(e - 7));
    for (int c = 0; c < n; c++) {
      out[c] = flushed1(p[c] * (dp[c] - sum) * scale);
      const int32_t a = magnitude1(out[c]);
      top = a > top ? a : top;
    }
    memset(out + n, 0, 4 * (size_t)(context - n));
  }
  return top >= INFINITE;
}
