// SPDX-License-Identifier: Apache-2.0
// Products of two 8-bit operands, four terms to a lane: what narrow.ts does, in the same layout, where the processor has
// dot products of unsigned by signed bytes.
#include "native-product.h"
#if defined(__AVX512VNNI__)

typedef int8_t Sixteen __attribute__((vector_size(16), aligned(1), may_alias));

INLINE Ints whole(const float *p, Floats inv) { return (Ints)(F(p) * inv + MAGIC) - MAGIC_BITS; }
/* 16 terms of a row as bytes; unit: probabilities in units of 2^-7 */
INLINE Sixteen sixteen(const float *p, float inv, int unit) {
  if (!unit) return __builtin_convertvector(whole(p, same(inv)), Sixteen);
  const Floats y = F(p) * 128.0f, most = same(127);
  const Ints m = y < most;
  return __builtin_convertvector((Ints)((Floats)(((Ints)y & m) | ((Ints)most & ~m)) + MAGIC) - MAGIC_BITS, Sixteen);
}
INLINE Sixteen last_terms(const float *p, int n, float inv, int unit) {
  float some[16] = {0};
  memcpy(some, p, 4 * (size_t)n);
  return sixteen(some, inv, unit);
}

INLINE void narrow_lines(const float *x, long ld, int rows, int terms, const float *inv, uint8_t *a, int unit) {
  const long groups = (terms + 7) >> 3;
  for (int r = 0; r < ((rows + 3) & ~3); r++) {
    uint8_t *q = a + ((r >> 2) * groups << 5) + ((r & 3) << 3);
    if (r >= rows) {
      for (long g = 0; g < groups; g++) memset(q + 32 * g, 128, 8);
      continue;
    }
    const float *p = x + r * ld, s = unit ? 1 : inv[r];
    for (int n = terms; n > 0; n -= 16, p += 16, q += 64) {
      const Sixteen v = (n >= 16 ? sixteen(p, s, unit) : last_terms(p, n, s, unit)) ^ INT8_MIN;
      memcpy(q, &v, 8);
      if (n > 8) memcpy(q + 32, (const uint8_t *)&v + 8, 8);
    }
  }
}

static void pack_narrow_rows(const float *x, long ld, int rows, int terms, const float *inv, uint8_t *a) { narrow_lines(x, ld, rows, terms, inv, a, 0); }
static void pack_narrow_unit_rows(const float *x, long ld, int rows, int terms, uint8_t *a) { narrow_lines(x, ld, rows, terms, NULL, a, 1); }

static void pack_narrow_right_rows(const float *x, long ld, int rows, int terms, const float *inv, uint8_t *b) {
  const long groups = (terms + 7) >> 3;
  for (int r = 0; r < ((rows + 15) & ~15); r++) {
    int32_t *q = (int32_t *)(b + ((r >> 4) * groups << 7)) + (r & 15);
    const float *p = x + r * ld;
    for (int n = terms; n > 0; n -= 16, p += 16, q += 64) {
      int32_t words[4] = {0};
      if (r < rows) {
        const Sixteen v = n >= 16 ? sixteen(p, inv[r], 0) : last_terms(p, n, inv[r], 0);
        memcpy(words, &v, 16);
      }
      q[0] = words[0];
      q[16] = words[1];
      if (n > 8) { q[32] = words[2]; q[48] = words[3]; }
    }
  }
}

static void pack_narrow_right(const float *x, long ld, int terms, int cols, const float *inv, uint8_t *b) {
  const long groups = (terms + 7) >> 3;
  for (int k = 0; k < 8 * groups; k += 4)
    for (int c = 0; c < cols; c += 16) {
      const Floats s = F(inv + c);
      Ints y = {0};
      for (int i = 0; i < 4; i++) if (k + i < terms) y |= (whole(x + (k + i) * ld + c, s) & 255) << 8 * i;
      *(Ints *)(b + ((c >> 4) * groups << 7) + 16 * k) = y;
    }
}

INLINE Totals dot4(Totals c, const int32_t *terms, const uint8_t *b) { return _mm512_dpbusd_epi32(c, _mm512_set1_epi32(*terms), _mm512_loadu_si512(b)); }

/* less: 128 times the sums of the panels' columns */
INLINE void narrow_tile(const int32_t *a, const uint8_t *b, long panel, long next, int rows, int panels, int n, float *c, long ldc, const float *ua, const float *ub, const Totals *less, int mode) {
  Totals t[2][ROWS];
  for (int j = 0; j < panels; j++) for (int i = 0; i < rows; i++) t[j][i] = zero();
  for (int g = 0; g < n; g++, a += 8)
    for (int q = 0; q < 2; q++, b += 64)
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < panels; j++) t[j][i] = dot4(t[j][i], a + (i >> 2) * panel + 2 * (i & 3) + q, b + j * next);
  for (int j = 0; j < panels; j++) for (int i = 0; i < rows; i++) store_row(c + i * ldc + 16 * j, _mm512_sub_epi32(t[j][i], less[j]), ua[i], ub + 16 * j, mode);
}

INLINE Totals column_sums(const uint8_t *b, int n) {
  const int32_t ones = INT32_C(-2139062144); /* four bytes of 128 */
  Totals t = zero();
  for (int g = 0; g < 2 * n; g++) t = dot4(t, &ones, b + 64 * g);
  return t;
}

static void product_narrow(const uint8_t *left, const uint8_t *right, float *c, const float *ua, const float *ub, int rows, int cols, int groups, int at, int n, long ldc, int mode) {
  const int32_t *a = (const int32_t *)left + 8 * (long)at;
  const uint8_t *b = right + 128 * (long)at;
  const long panel = 8 * (long)groups, next = 128 * (long)groups;
  int j = 0;
  if (!(mode & LOWER))
    for (; j + 32 <= cols; j += 32, b += 2 * next) {
      const Totals less[2] = {column_sums(b, n), column_sums(b + next, n)};
      int i = 0;
      for (; i + ROWS <= rows; i += ROWS) narrow_tile(a + (i >> 2) * panel, b, panel, next, ROWS, 2, n, c + i * ldc + j, ldc, ua + i, ub + j, less, mode);
      for (; i < rows; i += 4) narrow_tile(a + (i >> 2) * panel, b, panel, next, 4, 2, n, c + i * ldc + j, ldc, ua + i, ub + j, less, mode);
    }
  for (; j < cols; j += 16, b += next) {
    const Totals less[1] = {column_sums(b, n)};
    int i = mode & LOWER ? j : 0;
    for (; i + ROWS <= rows; i += ROWS) narrow_tile(a + (i >> 2) * panel, b, panel, next, ROWS, 1, n, c + i * ldc + j, ldc, ua + i, ub + j, less, mode);
    for (; i < rows; i += 4) narrow_tile(a + (i >> 2) * panel, b, panel, next, 4, 1, n, c + i * ldc + j, ldc, ua + i, ub + j, less, mode);
  }
}
#endif
