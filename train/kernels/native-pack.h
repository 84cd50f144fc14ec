// SPDX-License-Identifier: Apache-2.0
// Scales, quantisation and packing: what pack.ts does, in the same layout.
#include "native-vector.h"

/* Four values: a group of 8 terms is packed as two of these. */
typedef float Quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t QuadInts __attribute__((vector_size(16), aligned(4), may_alias));

/* Low halves of u in the even 16-bit lanes, of v in the odd ones. */
INLINE Ints pairs(Floats u, Floats v) { return ((Ints)u & 0xffff) | (Ints)v << 16; }
INLINE Floats quantised(const float *p, Floats inv) { return F(p) * inv + MAGIC; }
/* 8 terms of a row as four pairs (p, p + 4) */
INLINE QuadInts octet(const float *p, float inv) {
  const Quad u = *(const Quad *)p * inv + MAGIC, v = *(const Quad *)(p + 4) * inv + MAGIC;
  return ((QuadInts)u & 0xffff) | (QuadInts)v << 16;
}
/* probabilities in units of 2^-7, at most 127 */
INLINE Floats units(const float *p) {
  const Floats y = F(p) * 128.0f, most = same(127);
  const Ints m = y < most;
  return (Floats)(((Ints)y & m) | ((Ints)most & ~m)) + MAGIC;
}
INLINE QuadInts unit_octet(const float *p) {
  float y[8];
  for (int i = 0; i < 8; i++) y[i] = p[i] * 128.0f < 127.0f ? p[i] * 128.0f : 127.0f;
  return octet(y, 1);
}

static void row_max(const float *x, long ld, int rows, int cols, int32_t *out) {
  for (int r = 0; r < rows; r++, x += ld) {
    Ints a = {0}, b = {0};
    int i = 0;
    for (; i + 32 <= cols; i += 32) { a = larger(a, magnitude(F(x + i))); b = larger(b, magnitude(F(x + i + 16))); }
    for (; i + 16 <= cols; i += 16) a = larger(a, magnitude(F(x + i)));
    int32_t m = largest(larger(a, b));
    for (; i < cols; i++) m = magnitude1(x[i]) > m ? magnitude1(x[i]) : m;
    out[r] = m;
  }
  for (int r = rows; r & 3; r++) out[r] = 0;
}

/* `panels` times 16 columns at once: whole lines of memory, and a row's lines one after another */
INLINE void strip_max(const float *x, long ld, int rows, int panels, int32_t *out) {
  Ints m[8];
  for (int j = 0; j < panels; j++) m[j] = (Ints){0};
  for (int r = 0; r < rows; r++, x += ld) for (int j = 0; j < panels; j++) m[j] = larger(m[j], magnitude(F(x + 16 * j)));
  for (int j = 0; j < panels; j++) *(Ints *)(out + 16 * j) = m[j];
}

static void col_max(const float *x, long ld, int rows, int cols, int32_t *out) {
  int c = 0;
  for (; c + 128 <= cols; c += 128) strip_max(x + c, ld, rows, 8, out + c);
  for (; c + 32 <= cols; c += 32) strip_max(x + c, ld, rows, 2, out + c);
  for (; c < cols; c += 16) strip_max(x + c, ld, rows, 1, out + c);
  for (; cols & 15; cols++) out[cols] = 0;
}

static int32_t scales(const int32_t *maxima, int n, int bits, int32_t *up, int32_t *inv) {
  const int32_t carry = (1 << (25 - bits)) - 1, base = 127 + bits - 2;
  int32_t top = 0;
  for (int i = 0; i < n; i++) {
    const int32_t m = maxima[i];
    int32_t e = (int32_t)((uint32_t)(m + carry) >> 23) - base;
    e = e < -50 ? -50 : e;
    top = m > top ? m : top;
    up[i] = m ? (127 + e) << 23 : 0;
    inv[i] = m ? (127 - e) << 23 : 0;
  }
  return top;
}

INLINE void pack_lines(const float *x, long ld, int rows, int terms, const float *inv, uint8_t *a, int unit) {
  const int groups = (terms + 7) >> 3, whole = terms >> 3;
  for (int r = 0; r < rows; r++, x += ld) {
    uint8_t *q = a + ((long)(r >> 2) * groups << 6) + ((r & 3) << 4);
    for (int g = 0; g < whole; g++) *(QuadInts *)(q + ((long)g << 6)) = unit ? unit_octet(x + 8 * g) : octet(x + 8 * g, inv[r]);
    if (whole < groups) {
      float last[8] = {0};
      memcpy(last, x + 8 * whole, 4 * (terms & 7));
      *(QuadInts *)(q + ((long)whole << 6)) = unit ? unit_octet(last) : octet(last, inv[r]);
    }
  }
}

static void pack_rows(const float *x, long ld, int rows, int terms, const float *inv, uint8_t *a) {
  const int groups = (terms + 7) >> 3;
  pack_lines(x, ld, rows, terms, inv, a, 0);
  for (int r = rows; r & 3; r++) for (int g = 0; g < groups; g++) memset(a + (((long)(r >> 2) * groups + g) << 6) + ((r & 3) << 4), 0, 16);
}

static void pack_unit_rows(const float *x, long ld, int rows, int terms, uint8_t *a) { pack_lines(x, ld, rows, terms, NULL, a, 1); }

/* 16 columns of terms k and k + 4 as pairs; a term past the end is 0 */
INLINE Ints column_pairs(const float *x, long ld, int k, int terms, Floats inv, int unit) {
  Floats u = {0}, v = {0};
  if (k < terms) u = unit ? units(x + k * ld) : quantised(x + k * ld, inv);
  if (k + 4 < terms) v = unit ? units(x + (k + 4) * ld) : quantised(x + (k + 4) * ld, inv);
  return pairs(u, v);
}

/* the first `lines` quads of a vector, `step` bytes apart */
INLINE void store_quads(uint8_t *q, long step, Ints y, int lines) {
  for (int j = 0; j < lines; j++) { QuadInts z = {y[4 * j], y[4 * j + 1], y[4 * j + 2], y[4 * j + 3]}; *(QuadInts *)(q + j * step) = z; }
}

INLINE void pack_columns(const float *x, long ld, int terms, int cols, const float *inv, uint8_t *a, int unit) {
  const int groups = (terms + 7) >> 3;
  const long panel = (long)groups << 6;
  for (int g = 0; g < groups; g++)
    for (int c = 0; c < cols; c += 16) {
      const Floats s = unit ? same(0) : F(inv + c);
      uint8_t *q = a + (c >> 2) * panel + ((long)g << 6);
      /* columns of probabilities are rounded up to 4, others to 16 */
      const int lines = unit && cols - c < 16 ? (cols - c + 3) >> 2 : 4;
      for (int t = 0; t < 4; t++) {
        const Ints y = column_pairs(x + c, ld, 8 * g + t, terms, s, unit);
        if (lines == 4) store_quads(q + 16 * t, panel, y, 4);
        else for (int j = 0; j < lines; j++) memcpy(q + 16 * t + j * panel, (const uint8_t *)&y + 16 * j, 16);
      }
    }
}

static void pack_cols(const float *x, long ld, int terms, int cols, const float *inv, uint8_t *a) { pack_columns(x, ld, terms, cols, inv, a, 0); }
static void pack_unit_cols(const float *x, long ld, int terms, int cols, uint8_t *a) { pack_columns(x, ld, terms, cols, NULL, a, 1); }

static void pack_right(const float *x, long ld, int terms, int cols, const float *inv, uint8_t *b) {
  const int groups = (terms + 7) >> 3;
  for (int g = 0; g < groups; g++)
    for (int c = 0; c < cols; c += 16)
      for (int t = 0; t < 4; t++) *(Ints *)(b + ((long)(c >> 4) * groups << 8) + ((long)g << 8) + 64 * t) = column_pairs(x + c, ld, 8 * g + t, terms, F(inv + c), 0);
}
