// SPDX-License-Identifier: Apache-2.0
// The integer product: tiles of ROWS x 16 over one or two right panels; operands as in pack.ts.
#pragma once
#include "native-vector.h"

enum { ACCUMULATE = 1, FLUSH = 2, LOWER = 4 };

#if defined(__AVX512VNNI__)
typedef __m512i Totals;
#define ROWS 8
#define PANELS 2
static inline Totals zero(void) { return _mm512_setzero_si512(); }
static inline Totals dot(Totals c, const int32_t *pair, const int16_t *b) { return _mm512_dpwssd_epi32(c, _mm512_set1_epi32(*pair), _mm512_loadu_si512(b)); }
static inline Floats floats(Totals c) { return (Floats)_mm512_cvtepi32_ps(c); }
#elif defined(__AVX2__)
typedef struct { __m256i a, b; } Totals;
#define ROWS 4
#define PANELS 1
static inline Totals zero(void) { return (Totals){_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline Totals dot(Totals c, const int32_t *pair, const int16_t *b) {
  const __m256i s = _mm256_set1_epi32(*pair);
  return (Totals){_mm256_add_epi32(c.a, _mm256_madd_epi16(s, _mm256_loadu_si256((const __m256i *)b))), _mm256_add_epi32(c.b, _mm256_madd_epi16(s, _mm256_loadu_si256((const __m256i *)(b + 16))))};
}
static inline Floats floats(Totals c) {
  Floats y;
  _mm256_storeu_ps((float *)&y, _mm256_cvtepi32_ps(c.a));
  _mm256_storeu_ps((float *)&y + 8, _mm256_cvtepi32_ps(c.b));
  return y;
}
#elif defined(__aarch64__)
typedef struct { int32x4_t v[4]; } Totals;
#define ROWS 4
#define PANELS 1
static inline Totals zero(void) { const int32x4_t z = vdupq_n_s32(0); return (Totals){{z, z, z, z}}; }
static inline Totals dot(Totals c, const int32_t *pair, const int16_t *b) {
  const int16x8_t s = vreinterpretq_s16_s32(vdupq_n_s32(*pair));
  for (int i = 0; i < 4; i++) {
    const int16x8_t x = vld1q_s16(b + 8 * i);
    c.v[i] = vaddq_s32(c.v[i], vpaddq_s32(vmull_s16(vget_low_s16(s), vget_low_s16(x)), vmull_high_s16(s, x)));
  }
  return c;
}
static inline Floats floats(Totals c) {
  Floats y;
  for (int i = 0; i < 4; i++) vst1q_f32((float *)&y + 4 * i, vcvtq_f32_s32(c.v[i]));
  return y;
}
#else
#error "no dot products are known for this processor"
#endif

INLINE void store_row(float *p, Totals c, float up, const float *ub, int mode) {
  Floats y = floats(c) * (up * F(ub));
  if (mode & ACCUMULATE) y = F(p) + y;
  if (mode & FLUSH) y = above(y, TINY);
  F(p) = y;
}

/* rs, ps: int32 steps from row to row and from pair to pair within a group of a left panel of 4 rows */
INLINE void tile(const int32_t *a, const int16_t *b, long panel, long next, int rows, int panels, int n, float *c, long ldc, const float *ua, const float *ub, int rs, int ps, int mode) {
  Totals t[2][ROWS];
  for (int j = 0; j < panels; j++) for (int i = 0; i < rows; i++) t[j][i] = zero();
  for (int g = 0; g < n; g++, a += 16)
    for (int q = 0; q < 4; q++, b += 32)
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < panels; j++) t[j][i] = dot(t[j][i], a + (i >> 2) * panel + (i & 3) * rs + q * ps, b + j * next);
  for (int j = 0; j < panels; j++) for (int i = 0; i < rows; i++) store_row(c + i * ldc + 16 * j, t[j][i], ua[i], ub + 16 * j, mode);
}

INLINE void product(const uint8_t *left, const uint8_t *right, float *c, const float *ua, const float *ub, int rows, int cols, int groups, int at, int n, long ldc, int mode, int rs, int ps) {
  const int32_t *a = (const int32_t *)left + 16 * (long)at;
  const int16_t *b = (const int16_t *)right + 128 * (long)at;
  const long panel = 16 * (long)groups, next = 128 * (long)groups;
  int j = 0;
  if (!(mode & LOWER)) {
    for (; j + 16 * PANELS <= cols; j += 16 * PANELS, b += PANELS * next) {
      int i = 0;
      for (; i + ROWS <= rows; i += ROWS) tile(a + (i >> 2) * panel, b, panel, next, ROWS, PANELS, n, c + i * ldc + j, ldc, ua + i, ub + j, rs, ps, mode);
      for (; i < rows; i += 4) tile(a + (i >> 2) * panel, b, panel, next, 4, PANELS, n, c + i * ldc + j, ldc, ua + i, ub + j, rs, ps, mode);
    }
  }
  for (; j < cols; j += 16, b += next) {
    int i = mode & LOWER ? j : 0;
    for (; i + ROWS <= rows; i += ROWS) tile(a + (i >> 2) * panel, b, panel, next, ROWS, 1, n, c + i * ldc + j, ldc, ua + i, ub + j, rs, ps, mode);
    for (; i < rows; i += 4) tile(a + (i >> 2) * panel, b, panel, next, 4, 1, n, c + i * ldc + j, ldc, ua + i, ub + j, rs, ps, mode);
  }
}
