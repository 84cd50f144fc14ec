// SPDX-License-Identifier: Apache-2.0
// RMSNorm and its gradients: what norm.ts does. 0, or 1 where a scale, a mean square or an output leaves what is allowed.
#pragma once
#include "native-pass.h"

INLINE int32_t exponent_of(int32_t top, int bits) {
  const int32_t e = ((top + (1 << (25 - bits)) - 1) >> 23) - (127 + bits - 2);
  return e < -50 ? -50 : e;
}
INLINE float power(int32_t e) { return float_of((e + 127) << 23); }
INLINE Ints mantissas(const float *p, Floats inv) { return (Ints)(F(p) * inv + MAGIC) - MAGIC_BITS; }
INLINE int32_t mantissa1(float x, float inv) { return bits_of(x * inv + MAGIC) - MAGIC_BITS; }
INLINE int32_t sum_of(Ints v) { int32_t s = 0; for (int i = 0; i < 16; i++) s += v[i]; return s; }

/* dot product of two rows' mantissas in chunks of 1,024, scaled */
INLINE float dot_rows(const float *x, float ix, const float *y, float iy, int n, float up) {
  const Floats sx = same(ix), sy = same(iy);
  float sum = 0;
  for (int from = 0; from < n; from += 1024) {
    const int to = n < from + 1024 ? n : from + 1024;
    Ints t = {0};
    int c = from;
    for (; c + 16 <= to; c += 16) t += mantissas(x + c, sx) * mantissas(y + c, sy);
    int32_t total = sum_of(t);
    for (; c < to; c++) total += mantissa1(x[c], ix) * mantissa1(y[c], iy);
    const float value = (float)total * up;
    sum = from == 0 ? value : sum + value;
  }
  return sum;
}

/* out = (x * scale) * g of a row; the largest magnitude (bits) */
static int32_t scaled_row(const float *x, const float *g, float *out, int n, float scale) {
  ELEMENTS(n, { y = seen = flushed(F(x + i) * scale * F(g + i)); }, { y = seen = flushed1(x[i] * scale * g[i]); }, out)
}

static int32_t norm(const float *x, const float *g, float *inverse, float *out, int rows, int cols, float share) {
  int32_t top = 0;
  for (int r = 0; r < rows; r++, x += cols, out += cols) {
    const int32_t m = largest_of(x, cols);
    if (m > LIMIT_8) return 1;
    const int32_t e = exponent_of(m, 8);
    const float mean = dot_rows(x, power(-e), x, power(-e), cols, power(e + e)) * share;
    if (!(mean < INFINITY)) return 1;
    const float shifted = mean + float_of(0x3727c5ac);
    inverse[r] = 1 / sqrtf(shifted);
    const int32_t got = scaled_row(x, g, out, cols, inverse[r]);
    top = got > top ? got : top;
  }
  return top >= INFINITE;
}

static int32_t products_row(const float *g, const float *dy, float *out, int n) {
  ELEMENTS(n, { y = seen = flushed(F(g + i) * F(dy + i)); }, { y = seen = flushed1(g[i] * dy[i]); }, out)
}

/* out = d * scale - x * k */
static int32_t difference_row(const float *d, const float *x, float *out, int n, float scale, float k) {
  ELEMENTS(n, { y = seen = flushed(F(d + i) * scale - F(x + i) * k); }, { y = seen = flushed1(d[i] * scale - x[i] * k); }, out)
}

static int32_t norm_input_grad(const float *x, const float *g, const float *inverse, const float *dy, float *out, int rows, int cols, float share, float *row) {
  int32_t top = 0;
  for (int r = 0; r < rows; r++, x += cols, dy += cols, out += cols) {
    const int32_t mx = largest_of(x, cols), md = products_row(g, dy, row, cols);
    if (mx > LIMIT_8 || md > LIMIT_14) return 1;
    const int32_t ex = exponent_of(mx, 8), ed = exponent_of(md, 14);
    const float mean = dot_rows(x, power(-ex), row, power(-ed), cols, power(ex + ed)) * share;
    const float s = inverse[r];
    const int32_t got = difference_row(row, x, out, cols, s, s * s * s * mean);
    top = got > top ? got : top;
  }
  return top >= INFINITE;
}

INLINE Floats normed(const float *p, float inverse) { return flushed(F(p) * inverse); }
INLINE float normed1(float x, float inverse) { return flushed1(x * inverse); }

INLINE void strip_norm_max(const float *x, const float *inverse, long ld, int rows, int panels, int32_t *out) {
  Ints m[8];
  for (int j = 0; j < panels; j++) m[j] = (Ints){0};
  for (int r = 0; r < rows; r++, x += ld) for (int j = 0; j < panels; j++) m[j] = larger(m[j], magnitude(normed(x + 16 * j, inverse[r])));
  for (int j = 0; j < panels; j++) *(Ints *)(out + 16 * j) = m[j];
}

/* columns rounded up to 4, with 0 */
static void norm_col_max(const float *x, const float *inverse, long ld, int rows, int cols, int32_t *out) {
  int c = 0;
  for (; c + 64 <= cols; c += 64) strip_norm_max(x + c, inverse, ld, rows, 4, out + c);
  for (; c + 16 <= cols; c += 16) strip_norm_max(x + c, inverse, ld, rows, 1, out + c);
  for (; c < cols; c++) {
    int32_t m = 0;
    for (int r = 0; r < rows; r++) { const int32_t a = magnitude1(normed1(x[r * ld + c], inverse[r])); m = a > m ? a : m; }
    out[c] = m;
  }
  for (; cols & 3; cols++) out[cols] = 0;
}

INLINE void strip_gain_grad(const float *x, const float *inverse, const float *dy, long ld, int rows, int panels, const float *up_n, const float *inv_n, const float *up_d, const float *inv_d, float *out) {
  Floats sum[4];
  for (int j = 0; j < panels; j++) sum[j] = (Floats){0};
  for (int from = 0; from < rows; from += 1024) {
    Ints total[4];
    for (int j = 0; j < panels; j++) total[j] = (Ints){0};
    for (int r = from; r < rows && r < from + 1024; r++, x += ld, dy += ld)
      for (int j = 0; j < panels; j++) total[j] += ((Ints)(normed(x + 16 * j, inverse[r]) * F(inv_n + 16 * j) + MAGIC) - MAGIC_BITS) * mantissas(dy + 16 * j, F(inv_d + 16 * j));
    for (int j = 0; j < panels; j++) {
      const Floats value = __builtin_convertvector(total[j], Floats) * (F(up_n + 16 * j) * F(up_d + 16 * j));
      if (from == 0) sum[j] = value;
      else sum[j] += value;
    }
  }
  for (int j = 0; j < panels; j++) F(out + 16 * j) = flushed(sum[j]);
}

static void norm_gain_grad(const float *x, const float *inverse, const float *dy, long ld, int rows, int cols, const float *up_n, const float *inv_n, const float *up_d, const float *inv_d, float *out) {
  int c = 0;
  for (; c + 64 <= cols; c += 64) strip_gain_grad(x + c, inverse, dy + c, ld, rows, 4, up_n + c, inv_n + c, up_d + c, inv_d + c, out + c);
  for (; c + 16 <= cols; c += 16) strip_gain_grad(x + c, inverse, dy + c, ld, rows, 1, up_n + c, inv_n + c, up_d + c, inv_d + c, out + c);
  for (; c < cols; c++) {
    float sum = 0;
    for (int from = 0; from < rows; from += 1024) {
      int32_t total = 0;
      for (int r = from; r < rows && r < from + 1024; r++) total += mantissa1(normed1(x[r * ld + c], inverse[r]), inv_n[c]) * mantissa1(dy[r * ld + c], inv_d[c]);
      const float value = (float)total * (up_n[c] * up_d[c]);
      sum = from == 0 ? value : sum + value;
    }
    out[c] = flushed1(sum);
  }
}
