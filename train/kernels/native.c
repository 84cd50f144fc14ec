// SPDX-License-Identifier: Apache-2.0
// The product and the update of the wasm backend once more, in C on the same memory and the same packed
// operands, for processors with wide integer dot products. Optional: set-up compiles it where it finds a C compiler and
// Node's headers. Compiled without contraction of multiply and add; each result is that of the reference in every bit.
#include <node_api.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#else
#error "no dot products are known for this processor"
#endif

enum { ACCUMULATE = 1, FLUSH = 2, LOWER = 4 };
static const int32_t TINY = 67 << 23, TINY_SQUARE = 27 << 23, INFINITE = 0x7f800000;

/* Sixteen lanes, whatever the processor's registers hold; the compiler splits them. */
typedef float Floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t Pairs __attribute__((vector_size(16)));
typedef uint8_t Half __attribute__((vector_size(8), aligned(1), may_alias));
#define F(p) (*(Floats *)(p))

static inline __attribute__((always_inline)) Ints magnitude(Floats x) { return (Ints)x & 0x7fffffff; }
static inline __attribute__((always_inline)) Ints larger(Ints a, Ints b) { const Ints m = a > b; return (a & m) | (b & ~m); }
static inline __attribute__((always_inline)) Ints smaller(Ints a, Ints b) { const Ints m = a < b; return (a & m) | (b & ~m); }
/* +0 below `tiny`; NaN has the largest bits and stays */
static inline __attribute__((always_inline)) Floats above(Floats x, int32_t tiny) { return (Floats)((Ints)x & (magnitude(x) >= tiny)); }
static inline int32_t largest(Ints v) { int32_t m = 0; for (int i = 0; i < 16; i++) m = v[i] > m ? v[i] : m; return m; }

/* ---- product: tiles of ROWS x 16 over one or two right panels; operands as in pack.ts ---- */


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

static inline __attribute__((always_inline)) void store_row(float *p, Totals c, float up, const float *ub, int mode) {
  Floats y = floats(c) * (up * F(ub));
  if (mode & ACCUMULATE) y = F(p) + y;
  if (mode & FLUSH) y = above(y, TINY);
  F(p) = y;
}

/* rs, ps: int32 steps from row to row and from pair to pair within a group of a left panel of 4 rows */
static inline __attribute__((always_inline)) void tile(const int32_t *a, const int16_t *b, long panel, long next, int rows, int panels, int n, float *c, long ldc, const float *ua, const float *ub, int rs, int ps, int mode) {
  Totals t[2][ROWS];
  for (int j = 0; j < panels; j++) for (int i = 0; i < rows; i++) t[j][i] = zero();
  for (int g = 0; g < n; g++, a += 16)
    for (int q = 0; q < 4; q++, b += 32)
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < panels; j++) t[j][i] = dot(t[j][i], a + (i >> 2) * panel + (i & 3) * rs + q * ps, b + j * next);
  for (int j = 0; j < panels; j++) for (int i = 0; i < rows; i++) store_row(c + i * ldc + 16 * j, t[j][i], ua[i], ub + 16 * j, mode);
}

static inline __attribute__((always_inline)) void product(const uint8_t *left, const uint8_t *right, float *c, const float *ua, const float *ub, int rows, int cols, int groups, int at, int n, long ldc, int mode, int rs, int ps) {
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

/* ---- codes and updates, a block of 64 at a time ---- */

static inline __attribute__((always_inline)) int encode_block(const float *g, float *d, uint8_t *codes) {
  const Ints top = larger(larger(magnitude(F(g)), magnitude(F(g + 16))), larger(magnitude(F(g + 32)), magnitude(F(g + 48))));
  const int32_t m = largest(top);
  if (m >= INFINITE) return 0;
  int32_t e = ((m + 0x400000) >> 23) - 6;
  e = e < 70 ? 70 : e > 180 ? 180 : e;
  const Ints least = (Ints){0} + (e << 23), most = (Ints){0} + ((e + 6) << 23);
  codes[0] = (uint8_t)e;
  for (int k = 0; k < 64; k += 16) {
    const Ints u = (Ints)F(g + k), a = magnitude(F(g + k));
    const Ints p = smaller(larger((a + 0x400000) & (int32_t)0xff800000, least), most);
    const Ints x = (p | (u & INT32_MIN)) & (a >= (e - 1) << 23);
    F(d + k) = (Floats)x;
    const Ints field = x >> 23 & 255, code = ((field - (e - 1)) & (field != 0)) | (x >> 28 & 8);
    const Pairs c = (Pairs)__builtin_convertvector(code, Bytes);
    *(Half *)(codes + 1 + k / 2) = __builtin_convertvector(c | c >> 4, Half);
  }
  return 1;
}

/* 0, or 1: exponent byte, 2: code 8, 3: no code of step 7 */
static int decode_block(const uint8_t *codes, float *d) {
  const uint32_t e = codes[0];
  if (e < 70 || e > 180) return 1;
  int bad = 0, full = 0;
  for (int i = 0; i < 64; i++) {
    const uint32_t c = codes[1 + (i >> 1)] >> (i & 1 ? 4 : 0) & 15, t = c & 7;
    bad |= c == 8;
    full |= t == 7;
    const uint32_t u = t ? (c & 8) << 28 | (e + t - 1) << 23 : 0;
    memcpy(d + i, &u, 4);
  }
  return bad ? 2 : e > 70 && !full ? 3 : 0;
}

static int32_t encode(const float *g, int n, uint8_t *codes) {
  float d[64];
  for (int i = 0; i < n; i += 64, codes += 33) if (!encode_block(g + i, d, codes)) return -1;
  return 0;
}

static int32_t sgd(const float *g, uint8_t *codes, float *theta, float *m, int n, float rate, float momentum) {
  Ints top = {0};
  float d[64];
  for (int i = 0; i < n; i += 64, codes += 33, theta += 64, m += 64) {
    if (g) { if (!encode_block(g + i, d, codes)) return -1; }
    else { const int fault = decode_block(codes, d); if (fault) return -1 - fault; }
    for (int k = 0; k < 64; k += 16) {
      const Floats moment = above(momentum * F(m + k) + F(d + k), TINY), next = F(theta + k) - rate * moment;
      F(m + k) = moment;
      F(theta + k) = above(next, TINY);
      top = larger(top, magnitude(next));
    }
  }
  return largest(top);
}

static inline __attribute__((always_inline)) Floats root(Floats x) {
  Floats y;
  for (int i = 0; i < 16; i++) ((float *)&y)[i] = sqrtf(((float *)&x)[i]);
  return y;
}

/* s: beta1, gain1, beta2, gain2, epsilon, keep, stepSize, rootScale */
static int32_t adamw(const float *g, uint8_t *codes, float *theta, float *m, float *v, int n, const float *s) {
  Ints top = {0};
  float d[64];
  for (int i = 0; i < n; i += 64, codes += 33, theta += 64, m += 64, v += 64) {
    if (g) { if (!encode_block(g + i, d, codes)) return -1; }
    else { const int fault = decode_block(codes, d); if (fault) return -1 - fault; }
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

/* ---- Node-API ---- */

#define MAX_ARGS 12
typedef struct { uint8_t *base; double v[MAX_ARGS]; } Call;

static void read_call(napi_env env, napi_callback_info info, Call *c) {
  napi_value argv[MAX_ARGS];
  size_t argc = MAX_ARGS;
  void *data;
  napi_get_cb_info(env, info, &argc, argv, NULL, &data);
  c->base = data;
  for (size_t i = 0; i < MAX_ARGS; i++) { c->v[i] = 0; if (i < argc) napi_get_value_double(env, argv[i], &c->v[i]); }
}

#define AT(type, i) ((type *)(c.base + (uint64_t)c.v[i]))
#define INT(i) ((int)c.v[i])
#define FLOAT(i) ((float)c.v[i])

static napi_value result(napi_env env, int32_t x) { napi_value out; napi_create_int32(env, x, &out); return out; }

static napi_value call_rows(napi_env env, napi_callback_info info) {
  Call c; read_call(env, info, &c);
  product(AT(uint8_t, 0), AT(uint8_t, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11), 4, 1);
  return NULL;
}

static napi_value call_cols(napi_env env, napi_callback_info info) {
  Call c; read_call(env, info, &c);
  product(AT(uint8_t, 0), AT(uint8_t, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11), 1, 4);
  return NULL;
}

static napi_value call_encode(napi_env env, napi_callback_info info) {
  Call c; read_call(env, info, &c);
  return result(env, encode(AT(float, 0), INT(1), AT(uint8_t, 2)));
}

static napi_value call_sgd(napi_env env, napi_callback_info info) {
  Call c; read_call(env, info, &c);
  return result(env, sgd(c.v[0] != 0 ? AT(float, 0) : NULL, AT(uint8_t, 1), AT(float, 2), AT(float, 3), INT(4), FLOAT(5), FLOAT(6)));
}

static napi_value call_adamw(napi_env env, napi_callback_info info) {
  Call c; read_call(env, info, &c);
  return result(env, adamw(c.v[0] != 0 ? AT(float, 0) : NULL, AT(uint8_t, 1), AT(float, 2), AT(float, 3), AT(float, 4), INT(5), AT(float, 6)));
}

static void export_function(napi_env env, napi_value object, const char *name, napi_callback call, void *data) {
  napi_value f;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, data, &f);
  napi_set_named_property(env, object, name, f);
}

/* bind(bytes): the kernels on the memory that `bytes` starts at; the caller keeps that memory alive */
static napi_value bind_memory(napi_env env, napi_callback_info info) {
  napi_value argv[1], object;
  size_t argc = 1;
  void *data = NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc != 1 || napi_get_typedarray_info(env, argv[0], NULL, NULL, &data, NULL, NULL) != napi_ok || data == NULL) {
    napi_throw_type_error(env, NULL, "bind: expected a Uint8Array");
    return NULL;
  }
  napi_create_object(env, &object);
  export_function(env, object, "productRows", call_rows, data);
  export_function(env, object, "productCols", call_cols, data);
  export_function(env, object, "encode", call_encode, data);
  export_function(env, object, "sgd", call_sgd, data);
  export_function(env, object, "adamw", call_adamw, data);
  return object;
}

NAPI_MODULE_INIT() {
  export_function(env, exports, "bind", bind_memory, NULL);
  return exports;
}
