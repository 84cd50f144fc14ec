// SPDX-License-Identifier: Apache-2.0
// Sixteen values at a time for the C kernels, whatever the processor's registers hold, and the bounds of the arithmetic.
#pragma once
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

static const int32_t TINY = 67 << 23, TINY_SQUARE = 27 << 23, INFINITE = 0x7f800000;

/* Sixteen lanes, whatever the processor's registers hold; the compiler splits them. */
typedef float Floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t Pairs __attribute__((vector_size(16)));
typedef uint8_t Half __attribute__((vector_size(8), aligned(1), may_alias));
#define F(p) (*(Floats *)(p))

#define INLINE static inline __attribute__((always_inline))
INLINE Ints magnitude(Floats x) { return (Ints)x & 0x7fffffff; }
INLINE Ints larger(Ints a, Ints b) { const Ints m = a > b; return (a & m) | (b & ~m); }
INLINE Ints smaller(Ints a, Ints b) { const Ints m = a < b; return (a & m) | (b & ~m); }
/* +0 below `tiny`; NaN has the largest bits and stays */
INLINE Floats above(Floats x, int32_t tiny) { return (Floats)((Ints)x & (magnitude(x) >= tiny)); }
static inline int32_t largest(Ints v) { int32_t m = 0; for (int i = 0; i < 16; i++) m = v[i] > m ? v[i] : m; return m; }
INLINE Floats same(float x) { return (Floats){0} + x; }
INLINE Floats flushed(Floats x) { return above(x, TINY); }
/* bits of one value */
INLINE int32_t bits_of(float x) { int32_t u; memcpy(&u, &x, 4); return u; }
INLINE float float_of(int32_t u) { float x; memcpy(&x, &u, 4); return x; }
INLINE int32_t magnitude1(float x) { return bits_of(x) & 0x7fffffff; }
INLINE float flushed1(float x) { return magnitude1(x) >= TINY ? x : 0; }
/* 1.5 * 2^23: adding it leaves the integer nearest (ties to even) in the low bits of the sum */
static const float MAGIC = 12582912;
static const int32_t MAGIC_BITS = 0x4b400000;
/* bits of the largest magnitude that a scale of 2^50 holds in 8 and in 14 bits */
static const int32_t LIMIT_8 = ((50 + 6 + 127) << 23) | 0x7e0000, LIMIT_14 = ((50 + 12 + 127) << 23) | 0x7ff800;
