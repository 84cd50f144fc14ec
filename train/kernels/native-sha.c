// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) of many messages by the processor's own rounds, two messages at a time to hide their latency. A
// file of its own, compiled without AVX: the SHA instructions have only the old encoding, and mixed with AVX each of
// them would wait for a change of state (measured: a hundred times slower).
#include <node_api.h>
#include <stdint.h>
#include <string.h>
#if !defined(__SHA__) || !defined(__SSE4_1__)
#error "this processor has no SHA instructions that are known here"
#endif
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t K[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
  0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* x: (a b e f), y: (c d g h), as the instructions want them */
typedef struct { __m128i x, y; } State;

static State initial(void) {
  return (State){_mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c), _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
}

static inline __attribute__((always_inline)) void blocks(State *s, const uint8_t *const *p, int streams, long from) {
  const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  __m128i w[2][4], x[2], y[2];
  for (int i = 0; i < streams; i++) {
    for (int j = 0; j < 4; j++) w[i][j] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p[i] + from + 16 * j)), swap);
    x[i] = s[i].x; y[i] = s[i].y;
  }
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) {
    for (int i = 0; i < streams; i++) {
      __m128i k = _mm_add_epi32(w[i][r & 3], _mm_loadu_si128((const __m128i *)(K + 4 * r)));
      y[i] = _mm_sha256rnds2_epu32(y[i], x[i], k);
      x[i] = _mm_sha256rnds2_epu32(x[i], y[i], _mm_shuffle_epi32(k, 0x0e));
      if (r < 12) {
        const __m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(w[i][r & 3], w[i][(r + 1) & 3]), _mm_alignr_epi8(w[i][(r + 3) & 3], w[i][(r + 2) & 3], 4));
        w[i][r & 3] = _mm_sha256msg2_epu32(t, w[i][(r + 3) & 3]);
      }
    }
  }
  for (int i = 0; i < streams; i++) { s[i].x = _mm_add_epi32(x[i], s[i].x); s[i].y = _mm_add_epi32(y[i], s[i].y); }
}

static void digest(State s, uint8_t *out) {
  const __m128i swap = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  /* x = f e b a, y = h g d c from the lowest lane up */
  _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(_mm_unpackhi_epi64(s.y, s.x), swap));
  _mm_storeu_si128((__m128i *)(out + 16), _mm_shuffle_epi8(_mm_unpacklo_epi64(s.y, s.x), swap));
}

/* The prefix shifts the message by a byte, so the first and the last blocks are put together in `stage`. */
static void hash_some(uint8_t prefix, const uint8_t *messages, long length, int streams, uint8_t *out) {
  State s[2] = {initial(), initial()};
  uint8_t first[2][64], last[2][128];
  const long whole = (length + 1) / 64, rest = (length + 1) % 64, tail = rest < 56 ? 64 : 128;
  const uint8_t *p[2];
  for (int i = 0; i < streams; i++) {
    const uint8_t *m = messages + i * length;
    uint8_t *t = last[i];
    memset(t, 0, 128);
    if (whole) { first[i][0] = prefix; memcpy(first[i] + 1, m, 63); memcpy(t, m + 64 * whole - 1, (size_t)rest); }
    else { t[0] = prefix; memcpy(t + 1, m, (size_t)length); }
    t[rest] = 0x80;
    const uint64_t n = (uint64_t)(length + 1) * 8;
    for (int j = 0; j < 8; j++) t[tail - 1 - j] = (uint8_t)(n >> (8 * j));
    p[i] = first[i];
  }
  if (whole) {
    if (streams == 2) blocks(s, p, 2, 0); else blocks(s, p, 1, 0);
    for (int i = 0; i < streams; i++) p[i] = messages + i * length - 1;
    for (long b = 1; b < whole; b++) { if (streams == 2) blocks(s, p, 2, 64 * b); else blocks(s, p, 1, 64 * b); }
  }
  for (int i = 0; i < streams; i++) p[i] = last[i];
  for (long b = 0; b < tail; b += 64) { if (streams == 2) blocks(s, p, 2, b); else blocks(s, p, 1, b); }
  for (int i = 0; i < streams; i++) digest(s[i], out + 32 * i);
}

/* hashMany(prefix, messages, length, out): both Uint8Array; out has 32 bytes for each whole message */
static napi_value hash_many(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4, bytes = 0, room = 0;
  void *messages = NULL, *out = NULL;
  uint32_t prefix = 0;
  int64_t length = 0;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc != 4 || napi_get_value_uint32(env, argv[0], &prefix) != napi_ok || napi_get_value_int64(env, argv[2], &length) != napi_ok || length < 1 ||
      napi_get_typedarray_info(env, argv[1], NULL, &bytes, &messages, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, argv[3], NULL, &room, &out, NULL, NULL) != napi_ok || room < bytes / (size_t)length * 32) {
    napi_throw_type_error(env, NULL, "hashMany: expected prefix, messages, length and room for the digests");
    return NULL;
  }
  /* Old vector instructions are slow while the upper halves of registers are in use. */
  if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroupper" ::: "memory");
  const long count = (long)(bytes / (size_t)length);
  for (long i = 0; i < count; i += 2) hash_some((uint8_t)prefix, (uint8_t *)messages + i * length, (long)length, i + 1 < count ? 2 : 1, (uint8_t *)out + 32 * i);
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value f;
  unsigned a, b = 0, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b >> 29 & 1)) return exports; /* no SHA instructions here */
  napi_create_function(env, "hashMany", NAPI_AUTO_LENGTH, hash_many, NULL, &f);
  napi_set_named_property(env, exports, "hashMany", f);
  return exports;
}
